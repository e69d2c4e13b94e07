"""Comparisons over the API: overlap, pairs, verdicts, and the reports and splits made of them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from analysis.tasks import build_report, make_split
from catalog.models import Dataset
from tests.web.script import Script


def test_signals_and_samplers_are_those_of_the_registries(script: Script) -> None:
    from analysis.core.hashes import HASHES
    from analysis.core.samplers import SAMPLERS

    assert [row["name"] for row in script.get("/signals") if row["name"] in HASHES] == list(HASHES)
    assert [row["name"] for row in script.get("/samplers")] == list(SAMPLERS)


def test_the_overlap_at_a_threshold_and_along_all_of_them(script: Script, compared: int) -> None:
    there = f"/projects/saints-in-art/comparisons/{compared}"
    assert script.get(there)["status"] == "done"
    at = script.get(f"{there}/overlap?signal=phash-8&max_distance=8")
    # Pictures 1 and 2 are in both datasets; picture 0 is twice in the first, picture 1 twice in the second.
    assert at["matrix"] == [[2, 2], [3, 2]]
    assert at["between"] == [
        {"a": "birds", "b": "birds", "images_of_a": 2, "images_of_b": 2, "pairs": 1},
        {"a": "birds", "b": "more-birds", "images_of_a": 2, "images_of_b": 3, "pairs": 3},
        {"a": "more-birds", "b": "more-birds", "images_of_a": 2, "images_of_b": 2, "pairs": 1},
    ]
    assert (at["pairs"], at["images_in_a_pair"], at["images"], at["clusters"]) == (5, 7, 9, 3)
    assert {tuple(row["datasets"]): row["pictures"] for row in at["regions"]} == {
        ("birds",): 1,
        ("more-birds",): 2,
        ("birds", "more-birds"): 2,
    }
    assert [(row["name"], row["matched"], row["images"]) for row in at["labels"]] == [("crow", 3, 3), ("duck", 1, 1)]
    assert at["versions"]["signal"] == "phash-8"
    along = script.get(f"{there}/overlap/curve")
    assert along["steps"] == list(range(11))
    for step in (0, 8, 10):
        now = script.get(f"{there}/overlap?max_distance={step}")
        assert along["pairs"][step] == now["pairs"]
        assert [row["pairs"][step] for row in along["between"]] == [row["pairs"] for row in now["between"]]
        assert [row["matched"][step] for row in along["datasets"]] == [row["matched"] for row in now["datasets"]]
    assert "largest distance explored" in script.get(f"{there}/overlap?max_distance=11", expect=422)["detail"]
    assert "no signal" in script.get(f"{there}/overlap?signal=dhash-8", expect=422)["detail"]


def test_before_it_is_computed_the_overlap_is_a_conflict(script: Script, two: list[Dataset]) -> None:
    made = script.post("/projects/saints-in-art/comparisons", {"datasets": [], "signals": [{"name": "phash-8"}]})
    assert made["datasets"] == ["birds", "more-birds"]
    assert made["signals"] == [{"name": "phash-8", "max_distance": 8, "error": ""}]
    there = f"/projects/saints-in-art/comparisons/{made['id']}"
    assert "queued" in script.get(f"{there}/overlap", expect=409)["detail"]


def test_what_cannot_be_compared_is_said_in_words(script: Script, two: list[Dataset]) -> None:
    there = "/projects/saints-in-art/comparisons"
    signals = [{"name": "phash-8"}]
    said = script.post(there, {"datasets": ["none"], "signals": signals}, expect=422)
    assert said == {
        "detail": "The project “Saints in art” has no dataset “none”.",
        "remedy": "It has: Birds, More birds.",
    }
    assert script.post(there, {"datasets": ["birds"], "signals": signals}, expect=422)["remedy"]
    assert "no hash" in script.post(there, {"datasets": [], "signals": [{"name": "x"}]}, expect=404)["detail"]
    broken = script.call("POST", there, data="{", content_type="application/json")
    assert (broken.status_code, broken.json()["remedy"]) == (400, "Send it as /api/v1/docs describes it.")
    missing = script.post(there, {"datasets": []}, expect=422)
    assert missing["detail"] == "signals: Field required."
    assert missing["errors"][0]["loc"][-1] == "signals"


def test_a_comparison_is_run_again(script: Script, compared: int) -> None:
    again = script.post(f"/projects/saints-in-art/comparisons/{compared}/run", None, expect=202)
    assert again["status"] == "queued"
    assert [row["id"] for row in script.get("/projects/saints-in-art/comparisons")["items"]] == [compared]


def test_what_grows_is_listed_in_pages_the_newest_first(script: Script, compared: int) -> None:
    there = "/projects/saints-in-art/comparisons"
    made = [script.post(there, {"signals": [{"name": "phash-8"}]})["id"] for _ in range(2)]
    first = script.get(f"{there}?limit=2")
    assert [row["id"] for row in first["items"]] == made[::-1]
    rest = script.get(f"{there}?limit=2&after={first['next']}")
    assert ([row["id"] for row in rest["items"]], rest["next"]) == ([compared], None)
    assert len(script.get("/projects/saints-in-art/uploads")["items"]) == 2


def test_pairs_in_pages_and_verdicts(script: Script, compared: int, annotator: User) -> None:
    there = f"/projects/saints-in-art/comparisons/{compared}/pairs"
    found: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = script.get(f"{there}?limit=2&after={after}")
        found += page["items"]
        after = page["next"]
    assert found == script.get(there)["items"]
    assert sorted(tuple(sorted((row["a"]["name"], row["b"]["name"]))) for row in found) == [
        ("1", "1-small"),
        ("1", "crow/1"),
        ("1-small", "crow/1"),
        ("2", "crow/2"),
        ("crow/0", "duck/9"),
    ]
    across = script.get(f"{there}?a=more-birds&b=birds")["items"]
    assert len(across) == 3
    pair = f"/projects/saints-in-art/pairs/{across[0]['b']['id']}-{across[0]['a']['id']}"
    judged = script.post(f"{pair}/verdicts", {"choice": "same_image", "note": "a scan", "seconds": 2.5})
    assert (judged["decision"], judged["a"]["dataset"], judged["distances"][0]["of_bits"]) == (
        "same_image",
        "birds",
        64,
    )
    assert len(script.get(f"{there}?show=accepted")["items"]) == 1
    overlap = script.get(f"/projects/saints-in-art/comparisons/{compared}/overlap?count=confirmed")
    assert overlap["pairs"] == 1
    other = Script(annotator)
    blind = other.get(pair)
    assert (blind["verdicts"], blind["withheld"], blind["decision"]) == ([], 1, None)
    own = other.post(f"{pair}/verdicts", {"choice": "related"})
    assert [(row["annotator"], row["choice"]) for row in own["verdicts"]] == [
        ("annotator", "related"),
        ("olga", "same_image"),
    ]
    assert own["decision"] == "related"
    back = f"/projects/saints-in-art/verdicts/{own['verdicts'][0]['id']}/withdraw"
    assert script.post(back, None, expect=422)["detail"].startswith("Only the person")
    assert other.post(back, None, expect=200)["withheld"] == 1
    assert script.get(pair)["decision"] == "same_image"
    assert "no verdict" in script.post(f"{pair}/verdicts", {"choice": "maybe"}, expect=422)["detail"]


def test_a_list_of_pairs_costs_the_same_however_many_rows(
    script: Script, compared: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    there = f"/projects/saints-in-art/comparisons/{compared}/pairs"
    script.get(there)
    with django_assert_max_num_queries(12) as one:
        script.get(f"{there}?limit=1")
    with django_assert_max_num_queries(12) as many:
        script.get(f"{there}?limit=100")
    assert len(one) == len(many)


def test_a_report_is_asked_for_and_downloaded(script: Script, compared: int) -> None:
    there = f"/projects/saints-in-art/comparisons/{compared}/reports"
    assert "largest distance" in script.post(there, {"thresholds": {"phash-8": 60}}, expect=422)["detail"]
    made = script.post(there, {"thresholds": {"phash-8": 8}})
    here = f"/projects/saints-in-art/reports/{made['id']}"
    assert "queued" in script.get(f"{here}/archive", expect=409)["detail"]
    build_report(made["id"])
    assert script.get(here)["status"] == "done", script.get(here)["error"]
    assert [row["id"] for row in script.get(there)["items"]] == [made["id"]]
    sent = script.call("GET", f"{here}/archive")
    assert f"saints-in-art-report-{made['id']}.zip" in sent["Content-Disposition"]
    assert zipfile.ZipFile(io.BytesIO(b"".join(sent.streaming_content))).testzip() is None


def test_a_split_is_made_and_downloaded(script: Script, compared: int) -> None:
    there = "/projects/saints-in-art/splits"
    recipe = {"dataset": "birds", "n_way": 1, "k_shot": 1, "n_query": 1, "signal": "phash-8", "seed": 3}
    assert "at least 1" in script.post(there, recipe | {"n_way": 0}, expect=422)["detail"]
    assert "sampler" in script.post(there, recipe | {"sampler": "x"}, expect=404)["detail"]
    made = script.post(there, recipe)
    here = f"{there}/{made['id']}"
    assert script.call("GET", f"{here}/archive").status_code == 409
    make_split(made["id"])
    done = script.get(here)
    assert done["status"] == "done", done["error"]
    [drawn] = done["classes"]
    assert (drawn["label"], drawn["support"], drawn["query"]) == ("crow", 1, 1)
    assert sum(row["images"] for row in done["left_out"]) == 2
    assert all(row["words"] for row in done["left_out"])
    archive = zipfile.ZipFile(io.BytesIO(b"".join(script.call("GET", f"{here}/archive").streaming_content)))
    assert archive.testzip() is None
    assert [row["id"] for row in script.get(there)["items"]] == [made["id"]]
