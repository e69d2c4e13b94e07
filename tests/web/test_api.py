"""The REST API, as a script uses it: real database, real hashes, a token instead of a session."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from analysis.tasks import build_report, make_split, run_comparison
from catalog.models import Dataset, Project
from catalog.tasks import import_upload
from catalog.workspace import PART_LIMIT
from simweb.api import api
from simweb.celery import app as celery_app
from simweb.tokens import make_token

Draw = Callable[..., bytes]
Import = Callable[..., Dataset]


class Script:
    """A caller with a token, or without."""

    def __init__(self, user: User | None = None) -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {make_token(user=user, name='test')}"} if user else {}

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        if body is not None:
            more |= {"data": json.dumps(body), "content_type": "application/json"}
        return self.client.generic(method, f"/api/v1{path}", headers=self.headers, **more)

    def get(self, path: str, expect: int = 200) -> Any:
        return self._json(self.call("GET", path), expect)

    def post(self, path: str, body: Any, expect: int = 201) -> Any:
        return self._json(self.call("POST", path, body), expect)

    def put(self, path: str, body: Any, expect: int = 200) -> Any:
        return self._json(self.call("PUT", path, body), expect)

    @staticmethod
    def _json(response: Any, expect: int) -> Any:
        assert response.status_code == expect, response.content
        return response.json()


@pytest.fixture
def script(owner: User) -> Script:
    return Script(owner)


@pytest.fixture
def two(import_files: Import, picture: Draw, project: Project) -> list[Dataset]:
    """Two datasets with two pictures in common, one of which the second has twice; the first has another one twice."""
    birds = {f"crow/{n}.png": picture(n) for n in range(3)} | {"duck/9.png": picture(0)}
    return [
        import_files("Birds", birds),
        import_files(
            "More birds",
            {f"{n}.jpg": picture(n, format="JPEG") for n in range(1, 5)} | {"1-small.png": picture(1, size=(72, 60))},
        ),
    ]


@pytest.fixture
def compared(script: Script, two: list[Dataset]) -> int:
    """A comparison of both datasets, computed; its number."""
    body = {"datasets": ["birds", "More birds"], "signals": [{"name": "phash-8", "max_distance": 10}], "scope": "both"}
    made = script.post("/projects/saints-in-art/comparisons", body)
    assert made["status"] == "queued"
    run_comparison(made["id"])
    return int(made["id"])


@cache
def operations() -> dict[str, tuple[str, str]]:
    """operation id → method, path with every parameter filled in."""
    values = {"project": "saints-in-art", "dataset": "birds", "username": "olga", "b": "2"}
    found = {}
    for path, methods in api.get_openapi_schema()["paths"].items():
        filled = re.sub(r"{(\w+)}", lambda part: values.get(part[1], "1"), path.removeprefix("/api/v1"))
        for method, operation in methods.items():
            found[operation["operationId"]] = method.upper(), filled
    return found


OPEN = {"sign_in"}
BODIES: dict[str, Any] = {
    "set_member": {"role": "viewer"},
    "begin_upload": {"dataset": "x", "kind": "archive", "source_name": "x.zip"},
    "create_comparison": {"datasets": [], "signals": [{"name": "phash-8"}]},
    "give_verdict": {"choice": "different"},
    "request_report": {},
    "verify_pair": {},
    "create_projection": {"signal": "a"},
    "verify_comparison": {},
    "create_model_comparison": {"first": "a", "second": "b"},
    "create_split": {"dataset": "birds", "n_way": 2, "k_shot": 1},
}
OF_NO_PROJECT = {
    *("sign_in", "who_am_i", "list_tokens", "revoke_token", "list_projects", "create_project"),
    *("list_signals", "list_samplers", "look_up", "list_verifiers"),
}
VIEWERS = {
    *("read_project", "list_members", "list_datasets", "read_dataset", "list_images", "download_image", "list_uploads"),
    *("read_upload", "list_refused_files", "list_comparisons", "read_comparison", "read_overlap"),
    *("read_overlap_curve", "list_pairs", "read_pair", "request_report", "list_reports", "read_report"),
    *("download_report", "list_splits", "read_split", "download_split", "search_from_image", "search"),
    *("list_projections", "read_projection", "read_points", "download_points"),
    *("list_verifications", "read_verification_run", "list_verified_pairs"),
    *("list_model_comparisons", "read_model_comparison", "list_different_pairs"),
}


def answers(script: Script, names: set[str]) -> dict[str, tuple[int, str]]:
    """What each operation answers: status and detail."""
    said = {}
    for name in sorted(names):
        method, path = operations()[name]
        more = _multipart([("1.png", b"x")]) if name == "send_files" else {}
        response = script.call(method, path, BODIES.get(name), **more)
        said[name] = response.status_code, response.json()["detail"]
    return said


def test_without_credentials_every_operation_answers_401_in_json(db: None) -> None:
    names = set(operations()) - OPEN
    assert answers(Script(), names) == dict.fromkeys(names, (401, "This needs a token or a session."))


def test_a_stranger_learns_nothing_of_a_project(stranger: User, two: list[Dataset]) -> None:
    names = set(operations()) - OF_NO_PROJECT
    assert answers(Script(stranger), names) == dict.fromkeys(names, (404, "There is nothing here."))


def test_a_viewer_may_not_write(viewer: User, two: list[Dataset]) -> None:
    names = set(operations()) - OF_NO_PROJECT - VIEWERS
    assert len(names) >= 10
    said = answers(Script(viewer), names)
    assert {name: status for name, (status, _) in said.items()} == dict.fromkeys(names, 403)
    assert all(detail.startswith("You are viewer of “Saints in art”; this needs") for _, detail in said.values())


def _multipart(files: list[tuple[str, bytes]], first: int = 0) -> dict[str, Any]:
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    data = {
        "path": [path for path, _ in files],
        "files": [SimpleUploadedFile("x", content) for _, content in files],
        "first": first,
    }
    return {"data": encode_multipart(BOUNDARY, data), "content_type": MULTIPART_CONTENT}


def test_signing_in_gives_a_token_that_works_until_it_is_revoked(owner: User) -> None:
    said = {"username": "olga", "password": "correct horse battery", "name": "laptop"}
    made = Script().post("/tokens", said)
    script = Script()
    script.headers = {"Authorization": f"Bearer {made['token']}"}
    assert script.get("/me") == {"username": "olga"}
    [listed] = script.get("/tokens")
    assert (listed["id"], listed["name"], "token" in listed) == (made["id"], "laptop", False)
    assert script.call("DELETE", f"/tokens/{made['id']}").status_code == 204
    script.get("/me", expect=401)


def test_a_wrong_password_gives_no_token(owner: User) -> None:
    problem = Script().post("/tokens", {"username": "olga", "password": "wrong"}, expect=401)
    assert problem["detail"] == "Name or password is wrong."


def test_nobody_revokes_anothers_token(owner: User, stranger: User) -> None:
    make_token(user=owner, name="hers")
    token = owner.api_tokens.get()
    assert Script(stranger).call("DELETE", f"/tokens/{token.pk}").status_code == 404
    assert owner.api_tokens.exists()


def test_a_session_reads_freely_and_writes_with_its_csrf_token_only(project: Project, owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    assert browser.get("/api/v1/me").json() == {"username": "olga"}
    body = '{"name": "New"}'
    refused = browser.post("/api/v1/projects", body, "application/json")
    assert (refused.status_code, "X-CSRFToken" in refused.json()["remedy"]) == (403, True)
    browser.get("/account")
    token = browser.cookies["csrftoken"].value
    assert browser.post("/api/v1/projects", body, "application/json", headers={"X-CSRFToken": token}).status_code == 201


def test_a_wrong_token_is_not_saved_by_a_session(owner: User) -> None:
    browser = Client()
    browser.force_login(owner)
    assert browser.get("/api/v1/me", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_projects_and_members(script: Script, project: Project, stranger: User) -> None:
    made = script.post("/projects", {"name": "Saints in art", "description": "again"})
    assert (made["slug"], made["role"], made["dataset_count"]) == ("saints-in-art-2", "owner", 0)
    assert [row["slug"] for row in script.get("/projects")] == ["saints-in-art", "saints-in-art-2"]
    there = "/projects/saints-in-art/members"
    assert script.put(f"{there}/sven", {"role": "annotator"}) == {"username": "sven", "role": "annotator"}
    assert script.get(there) == [{"username": "olga", "role": "owner"}, {"username": "sven", "role": "annotator"}]
    assert "nobody" in script.put(f"{there}/nobody", {"role": "viewer"}, expect=422)["detail"]
    assert script.put(f"{there}/olga", {"role": "viewer"}, expect=409)["detail"] == "A project needs an owner."
    assert script.call("DELETE", f"{there}/sven").status_code == 204
    assert script.call("DELETE", f"{there}/sven").status_code == 404


def test_an_archive_comes_in_parts_in_any_order(script: Script, project: Project, picture: Draw) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for n in range(3):
            archive.writestr(f"set/{n}.png", picture(n))
        archive.writestr("set/notes.txt", "not a picture")
    data = packed.getvalue()
    there = "/projects/saints-in-art/uploads"
    said = {"dataset": "Set", "kind": "archive", "source_name": "set.zip", "bytes_expected": len(data)}
    upload = f"{there}/{script.post(there, said)['id']}"
    half = len(data) // 2
    for offset in (half, 0):
        part = data[offset : offset + half] if not offset else data[offset:]
        # What curl sends where no type is named.
        sent = script.call(
            "PUT", f"{upload}/parts/{offset}", data=part, content_type="application/x-www-form-urlencoded"
        )
        assert sent.json() == {"files": 0, "bytes": len(part)}
        if offset:
            missing = script.post(f"{upload}/finish", None, expect=422)
            assert f"lacks the bytes 0 to {half:,}" in missing["detail"]
    assert script.get(upload)["arrived"] == {"parts": 2, "bytes": len(data)}
    assert script.post(f"{upload}/finish", None, expect=202)["status"] == "queued"
    import_upload(int(upload.rsplit("/", 1)[1]))
    done = script.get(upload)
    assert (done["status"], done["images_taken"], done["files_refused"], done["files_seen"]) == ("done", 3, 1, 4)
    assert done["layout"]
    assert done["progress"] is None
    assert [(row["path"], row["code"]) for row in script.get(f"{upload}/refused")["items"]] == [
        ("set/notes.txt", done["refused"][0]["code"])
    ]
    assert script.call("PUT", f"{upload}/parts/0", data=b"x").status_code == 409


def test_a_folder_comes_as_files(script: Script, project: Project, picture: Draw) -> None:
    there = "/projects/saints-in-art/uploads"
    upload = script.post(there, {"dataset": "Set", "kind": "folder", "source_name": "set"})
    here = f"{there}/{upload['id']}"
    for first in (0, 2, 2):
        files = [(f"{('cat', 'dog')[n]}/{first}.png", picture(first + n)) for n in range(2)]
        assert script.call("POST", f"{here}/files", **_multipart(files, first)).json()["files"] == 2
    assert script.call("PUT", f"{here}/parts/0", data=b"x").json()["remedy"] == "Send it with POST …/files."
    assert script.post(f"{here}/finish", None, expect=202)["status"] == "queued"
    import_upload(upload["id"])
    dataset = script.get("/projects/saints-in-art/datasets/set")
    assert (dataset["image_count"], dataset["picture_count"]) == (4, 4)
    assert [(label["name"], label["images"]) for label in dataset["labels"]] == [("cat", 2), ("dog", 2)]


def test_a_part_that_is_too_large_is_refused_in_words(script: Script, project: Project) -> None:
    there = "/projects/saints-in-art/uploads"
    upload = script.post(there, {"dataset": "Set", "kind": "archive", "source_name": "set.zip"})
    for size in (PART_LIMIT + 1, 13 * 2**20):
        sent = script.call("PUT", f"{there}/{upload['id']}/parts/0", data=bytes(size))
        assert (sent.status_code, sent.json()["detail"]) == (413, "This part is too large.")


def test_images_come_in_pages_with_labels_and_files(script: Script, two: list[Dataset], picture: Draw) -> None:
    there = "/projects/saints-in-art/datasets/birds/images"
    names: list[str] = []
    after: int | None = 0
    while after is not None:
        page = script.get(f"{there}?limit=3&after={after}")
        names += [row["name"] for row in page["items"]]
        after = page["next"]
    assert names == ["crow/0", "crow/1", "crow/2", "duck/9"]
    [duck] = script.get(f"{there}?label=duck")["items"]
    assert (duck["labels"], duck["width"], duck["height"]) == (["duck"], 96, 80)
    sent = script.call("GET", f"/projects/saints-in-art/images/{duck['id']}/file")
    assert b"".join(sent.streaming_content) == picture(0)
    script.get(f"{there}?limit=100000", expect=422)


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


def test_every_operation_documents_its_errors_and_is_described() -> None:
    schema = api.get_openapi_schema()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            assert operation["summary"], name
            assert operation["description"], name
            assert operation["tags"], name
            assert "401" in map(str, operation["responses"]), name
            if "{project}" in path:
                assert {"404", "422"} <= {str(code) for code in operation["responses"]}, name
                assert method == "get" or "403" in map(str, operation["responses"]), name


def test_the_docs_page_and_the_schema_are_open_and_an_unknown_address_is_json(db: None) -> None:
    client = Client()
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "cdn" not in page.content.decode()
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert client.get("/api/v1/openapi.json").json()["info"]["title"] == "simweb"
    unknown = client.get("/api/v1/nothing/here")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "The API has no address /nothing/here.")


DOCS = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()


def test_every_operation_is_documented_with_its_address() -> None:
    told = re.findall(r"^\| `(\w+)` \| (\w+) (\S+) \|", DOCS, re.MULTILINE)
    real = {
        (operation["operationId"], method.upper(), path.removeprefix("/api/v1"))
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
    }
    assert set(told) == real


@pytest.fixture
def at_once() -> Iterator[None]:
    """Tasks are computed where they are queued."""
    celery_app.conf.task_always_eager = True
    yield
    celery_app.conf.task_always_eager = False


@pytest.mark.django_db(transaction=True)
def test_the_example_script_runs(
    live_server: Any, at_once: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Draw
) -> None:
    """The script in the docs, word for word; the tasks that it queues are computed at once."""
    User.objects.create_user("olga", password="correct horse battery")
    monkeypatch.chdir(tmp_path)
    for name, numbers in {"one.zip": (1, 2, 3), "two.zip": (2, 3, 4)}.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for n in numbers:
                archive.writestr(f"{n}.png", picture(n))
    [script] = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    told: dict[str, Any] = {}
    exec(compile(script.replace("http://localhost:8000", live_server.url), "docs/api.md", "exec"), told)
    assert [row["pairs"] for row in told["overlap"]["between"]] == [2]
    assert zipfile.ZipFile(tmp_path / "report.zip").testzip() is None
