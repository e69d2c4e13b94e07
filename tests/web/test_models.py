"""The pages of model comparisons: form, result, pairs, and their review with the evidence of both models."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import Client
from django.urls import reverse

from analysis import queries
from analysis.models import Decision, Embedding, ModelComparison, Verdict
from analysis.pipeline.review import judge
from analysis.tasks import run_model_comparison
from catalog.models import Image, Project
from tests.analysis.test_compare_models import Bench
from tests.web.script import Script

Enter = Callable[[User], Client]


@pytest.fixture
def bench(project: Project) -> Bench:
    return Bench(project)


@pytest.fixture
def done(bench: Bench) -> ModelComparison:
    return bench.made()


@pytest.fixture
def sign_in(client: Client) -> Enter:
    def enter(user: User) -> Client:
        client.force_login(user)
        return client

    return enter


def url(name: str, row: ModelComparison | None = None, project: Project | None = None) -> str:
    slug = project.slug if project else row.project.slug if row else ""
    return reverse(name, args=[slug, row.pk] if row else [slug])


def text_of(page: bytes) -> str:
    """What is read on a page, spaces made single."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.decode())).split())


def test_without_two_models_the_page_says_how_to_get_them(project: Project, editor: User, sign_in: Enter) -> None:
    page = text_of(sign_in(editor).get(url("models", project=project)).content)
    assert "There are no embeddings yet" in page
    assert "Bring images first" in page


def test_one_model_is_named_and_the_next_step_offered(bench: Bench, editor: User, viewer: User, sign_in: Enter) -> None:
    Embedding.objects.filter(signal_id=bench.known[1].id).delete()
    there = url("models", project=bench.project)
    page = sign_in(editor).get(there).content
    assert "So far all embeddings are of Brought vectors “one”, 8 dimensions." in text_of(page)
    assert reverse("comparison-new", args=[bench.project.slug]).encode() in page
    assert "An editor of the project can compute" in text_of(sign_in(viewer).get(there).content)


def test_the_form_asks_and_the_worker_answers(
    bench: Bench, editor: User, sign_in: Enter, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("analysis.tasks.run_model_comparison.delay", sent.append)
    client, there = sign_in(editor), url("models", project=bench.project)
    page = client.get(there).content.decode()
    assert re.findall(r'<option value="([^"]*)" selected', page) == [known.name for known in bench.known]
    assert page.count("checked") == 3
    values = {"first": bench.known[1].name, "second": bench.known[0].name, "datasets": ["a", "c"], "k": "4"}
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(there, values)
    made = ModelComparison.objects.get()
    assert answer["Location"] == url("model-comparison", made)
    assert sent == [made.pk]
    assert (made.k, made.created_by, [each.name for each in made.datasets.all()]) == (4, editor, ["A", "C"])
    assert (made.signal_a.name, made.signal_b.name) == (bench.known[1].name, bench.known[0].name)
    waiting = client.get(answer["Location"])
    assert "It begins by itself" in text_of(waiting.content)
    run_model_comparison(made.pk)
    assert client.get(url("model-comparison-status", made))["HX-Refresh"] == "true"
    assert "40 described by both models" in text_of(client.get(answer["Location"]).content)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"second": "{one}"}, "A model agrees with itself"),
        ({"k": "59"}, "Give a number from 1 to 58"),
        ({"k": "500"}, "less than or equal to 100"),
        ({"k": ""}, "required"),
        ({"datasets": []}, "Choose at least one dataset"),
        ({"datasets": ["nobody"]}, "nobody"),
        ({"first": "phash-8"}, "phash-8 is not one of the available choices"),
    ],
)
def test_what_cannot_be_compared_is_said_on_the_form(
    bench: Bench, editor: User, sign_in: Enter, changes: dict[str, Any], says: str
) -> None:
    values = {
        "first": bench.known[0].name,
        "second": bench.known[1].name,
        "datasets": ["a", "b", "c"],
        "k": "5",
        **{key: value.format(one=bench.known[0].name) if key == "second" else value for key, value in changes.items()},
    }
    answer = sign_in(editor).post(url("models", project=bench.project), values)
    assert answer.status_code == 422
    assert says in text_of(answer.content)
    assert not ModelComparison.objects.exists()


def test_choosing_a_model_tells_which_images_both_describe(bench: Bench, editor: User, sign_in: Enter) -> None:
    Embedding.objects.filter(signal_id=bench.known[1].id, dataset_id=bench.datasets[0].pk).delete()
    Embedding.objects.filter(signal_id=bench.known[1].id, image=bench.images[25]).delete()
    asked = {"first": bench.known[0].name, "second": bench.known[1].name}
    page = sign_in(editor).get(url("models", project=bench.project), asked).content
    assert "A no image under both B 19 of 20 images C 20 images" in text_of(page)
    assert page.decode().count("disabled") == 2  # the dataset's box, and that it says so


def test_the_result_says_every_number_with_its_interval_and_chance(
    done: ModelComparison, viewer: User, sign_in: Enter
) -> None:
    page = text_of(sign_in(viewer).get(url("model-comparison", done)).content)
    found = done.result

    def percent(share: float) -> str:
        return f"{100 * share:.1f}".removesuffix(".0") + " %"

    value, low, high = (percent(each) for each in found["overlap"])
    assert f"Common neighbours {value} {low} to {high} of the 5 nearest; by chance 8.5 %" in page
    assert f"Rank correlation {found['correlation']['spearman'][0]:.2f}" in page
    assert "Spearman’s, of all 1,770 pairs" in page
    names = ["5 all", "4", "3", "2", "1", "0 none"]
    counts = found["counts"][::-1]
    table = " ".join(f"{name} {n} {percent(n / 60)}" for name, n in zip(names, counts, strict=True))
    assert f"Common Share Images Share {table} What is counted" in page
    a = found["near_a"]
    assert f"{a['found']} of the {a['mutual']} pairs that are among the 5 nearest of each other" in page
    assert "1,000 draws of the images with replacement, seed 0" in page
    assert "numpy" in page
    assert "Compare again" not in page  # a viewer


def test_images_that_lack_a_model_are_told(bench: Bench, viewer: User, sign_in: Enter) -> None:
    Embedding.objects.filter(signal_id=bench.known[1].id, image__in=bench.images[:3]).delete()
    page = text_of(sign_in(viewer).get(url("model-comparison", bench.made())).content)
    assert "57 described by both models; 3 are not" in page
    assert "A: 17 of 20 images under both (20 under the first, 17 under the second)" in page
    assert "B: 20 of 20 images under both" in page


def test_cards_show_ranks_and_similarities_of_both_models(
    done: ModelComparison, annotator: User, sign_in: Enter
) -> None:
    page = sign_in(annotator).get(url("model-comparison", done)).content
    pair = queries.different_pairs(done, "b")[0]
    text = text_of(page)
    assert f"similarity {pair.near_similarity:.2f} rank {pair.near[0]} and {pair.near[1]}" in text
    assert f"similarity {pair.far_similarity:.2f} rank {pair.far[0]} and {pair.far[1]}" in text
    assert reverse("pair", args=[done.project.slug, pair.row.a.pk, pair.row.b.pk]).encode() in page
    assert f"{url('model-review', done)}?near=b".encode() in page


def test_the_list_of_pairs_is_narrowed_by_verdict(
    done: ModelComparison, annotator: User, owner: User, sign_in: Enter
) -> None:
    client, there = sign_in(annotator), url("model-pairs", done)
    pairs = queries.different_pairs(done, "b")
    judge(one=pairs[1].row.a, other=pairs[1].row.b, annotator=owner, choice="same_image")

    def shown(**asked: str) -> list[tuple[int, int]]:
        page = client.get(there, {"near": "b", **asked}).content.decode()
        return [(int(a), int(b)) for a, b in re.findall(r'class="pair" href="[^"]*/pairs/(\d+)-(\d+)/"', page)]

    every = [(pair.row.a.pk, pair.row.b.pk) for pair in pairs]
    assert shown() == every
    assert shown(show="open") == every[:1] + every[2:]
    assert shown(show="accepted") == shown(show="same_image") == [every[1]]
    assert shown(show="rejected") == []
    assert "None of the" in text_of(client.get(there, {"near": "b", "show": "rejected"}).content)
    assert client.get(there, {"near": "x"}).status_code == 422
    assert client.get(there, {"show": "x"}).status_code == 422


def config_of(page: bytes) -> dict[str, Any]:
    found = page.decode().split('<script id="review-config" type="application/json">')[1].split("</script>")[0]
    return dict(json.loads(found))


def test_the_review_is_the_usual_desk_with_the_evidence_of_both_models(
    done: ModelComparison, annotator: User, sign_in: Enter
) -> None:
    page = sign_in(annotator).get(url("model-review", done), {"near": "b"}).content
    config = config_of(page)
    pairs = queries.different_pairs(done, "b")
    assert [[image["id"] for image in row["images"]] for row in config["batch"]["rows"]] == [
        [pair.row.a.pk, pair.row.b.pk] for pair in pairs[:20]
    ]
    near, far = config["batch"]["rows"][0]["evidence"][:2]
    assert (near["signal"], far["signal"]) == (done.signal_b.name, done.signal_a.name)
    assert near["words"].startswith(f"{pairs[0].near_distance:.3f}".rstrip("0"))
    assert near["note"] == (
        f"rank {pairs[0].near[0]} and {pairs[0].near[1]} of 59, seen from the first image and from the second"
    )
    assert f"rank {pairs[0].far[0]} and {pairs[0].far[1]} of 59" in far["note"]
    assert config["signal"] == done.signal_b.name
    assert config["counts"]["total"] == len(pairs) == done.result["near_b"]["found"]
    assert config["counts"]["beyond"].startswith("These are all pairs")
    assert config["links"]["list"] == f"{url('model-pairs', done)}?near=b&show=open"
    assert "Near under Brought vectors “two”, 12 dimensions, far under Brought vectors “one”" in text_of(page)
    assert page.count(b'class="verdict"') == 6


def test_verdicts_leave_the_queue_and_are_counted_and_links_open_their_pair(
    done: ModelComparison, annotator: User, sign_in: Enter
) -> None:
    client = sign_in(annotator)
    pairs = queries.different_pairs(done, "a")

    def queue(**asked: Any) -> dict[str, Any]:
        answer = client.get(url("model-review-queue", done), asked)
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    first = queue()["rows"][0]
    answer = client.post(first["judge"], json.dumps({"choice": "related"}), content_type="application/json")
    assert answer.status_code == 200
    assert Decision.objects.get().choice == "related"
    after = queue(counts=1)
    assert after["rows"][0]["key"] == str(pairs[1].row.key)
    assert after["counts"]["judged"] == {"related": 1}
    assert queue(at=first["key"])["from"] == first["key"]
    assert queue(at=first["key"])["rows"][0]["mine"] == "related"
    assert [row["key"] for row in queue(show="rejected")["rows"]] == [first["key"]]
    assert queue(show="accepted")["rows"] == []
    assert queue(after=str(pairs[-2].row.key))["rows"][0]["key"] == str(pairs[-1].row.key)
    assert queue(after=str(pairs[-1].row.key)) == {"rows": [], "next": None, "from": None}
    assert Verdict.objects.count() == 1


def test_batches_follow_one_another_without_gap_or_repetition(
    done: ModelComparison, annotator: User, sign_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.views.review.BATCH", 3)
    client, seen = sign_in(annotator), []
    after: str | None = ""
    while after is not None:
        batch = client.get(url("model-review-queue", done), {"after": after}).json()
        seen += [row["key"] for row in batch["rows"]]
        after = batch["next"]
    assert seen == [str(pair.row.key) for pair in queries.different_pairs(done, "a")]
    assert len(seen) > 6


@pytest.mark.parametrize("asked", [{"near": "c"}, {"show": "x"}, {"after": "x"}])
def test_an_address_that_makes_no_sense_is_answered_in_words(
    done: ModelComparison, annotator: User, sign_in: Enter, asked: dict[str, str]
) -> None:
    answer = sign_in(annotator).get(url("model-review-queue", done), asked)
    assert answer.status_code == 422
    assert answer.json()["message"]


@pytest.mark.parametrize("number", ["x", "²", "-1", "9" * 30])
def test_a_number_that_no_row_can_have_is_as_if_none_were_given(
    bench: Bench, editor: User, sign_in: Enter, number: str
) -> None:
    client = sign_in(editor)
    for name in ("models", "explore-new", "comparison-new"):
        there = url(name, project=bench.project)
        assert client.get(there, {"from": number, "before": number}).status_code == 200, name
    for name in ("comparisons", "splits", "explore-all", "search"):
        there = url(name, project=bench.project)
        assert client.get(there, {"before": number, "image": number}).status_code == 200, name


def test_what_is_not_computed_yet_cannot_be_reviewed(bench: Bench, annotator: User, sign_in: Enter) -> None:
    asked, client = bench.ask(), sign_in(annotator)
    for name in ("model-review", "model-pairs"):
        assert client.get(url(name, asked))["Location"] == url("model-comparison", asked)
    answer = client.get(url("model-review-queue", asked))
    assert (answer.status_code, answer.json()["message"]) == (422, "These models are not compared yet.")


def test_a_failure_is_said_and_can_be_tried_again(
    bench: Bench, editor: User, sign_in: Enter, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("analysis.tasks.run_model_comparison.delay", sent.append)
    asked, client = bench.ask(), sign_in(editor)
    ModelComparison.objects.update(status="failed", error="The disk is full.")
    there = url("model-comparison", asked)
    page = text_of(client.get(there).content)
    assert "The disk is full." in page
    assert "Try again" in page
    with django_capture_on_commit_callbacks(execute=True):
        client.post(there)
    assert sent == [asked.pk]
    asked.refresh_from_db()
    assert asked.status == "queued"
    run_model_comparison(asked.pk)
    before = ModelComparison.objects.get().finished_at
    assert "stays as it is" in text_of(client.post(there, follow=True).content)
    assert ModelComparison.objects.get().finished_at == before


def test_the_list_names_models_and_says_how_far_they_agree(
    bench: Bench, done: ModelComparison, editor: User, sign_in: Enter, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        bench.ask()
    client = sign_in(editor)
    with django_assert_max_num_queries(14):
        page = text_of(client.get(url("models", project=bench.project)).content)
    share = f"{100 * done.result['overlap'][0]:.1f}".removesuffix(".0")
    assert f"{share} % of the 5 nearest" in page
    assert page.count("waiting") == 3
    again = client.get(url("models", project=bench.project), {"from": done.pk}).content.decode()
    assert 'name="k" value="5"' in again


def test_a_comparison_is_deleted_and_verdicts_stay(
    done: ModelComparison, editor: User, annotator: User, sign_in: Enter
) -> None:
    pair = queries.different_pairs(done, "a")[0].row
    judge(one=pair.a, other=pair.b, annotator=annotator, choice="different")
    assert sign_in(annotator).post(url("model-comparison-delete", done)).status_code == 403
    there = url("model-comparison-delete", done)
    page = text_of(sign_in(editor).post(there, follow=True).content)
    assert "is deleted. Embeddings and verdicts are kept." in page
    assert not ModelComparison.objects.exists()
    assert Decision.objects.count() == 1


def test_names_reach_the_pages_as_text(bench: Bench, viewer: User, sign_in: Enter) -> None:
    images = Image.objects.filter(dataset__project=bench.project)
    images.update(name=Concat(Value("<script>alert(1)</script>"), "name"))
    done, client = bench.made(), sign_in(viewer)
    for name in ("model-comparison", "model-pairs", "model-review"):
        page = client.get(url(name, done)).content.decode()
        assert "alert(1)" in page
        assert "<script>alert" not in page


def test_a_script_asks_for_a_comparison_and_reads_numbers_and_pairs(bench: Bench, editor: User) -> None:
    script, there = Script(editor), f"/projects/{bench.project.slug}/model-comparisons"
    made = script.post(there, {"first": bench.known[0].name, "second": bench.known[1].name, "k": 5})
    assert (made["status"], made["first"], made["datasets"]) == ("queued", bench.known[0].name, ["a", "b", "c"])
    here = f"{there}/{made['id']}"
    assert script.get(here)["agreement"] is None
    assert "not there yet" in script.get(f"{here}/pairs", expect=409)["detail"]
    run_model_comparison(made["id"])
    found = script.get(here)["agreement"]
    result = ModelComparison.objects.get().result
    assert [row["common"] for row in found["table"]] == [5, 4, 3, 2, 1, 0]
    assert [row["images"] for row in found["table"]] == result["counts"][::-1]
    assert sum(row["share"] for row in found["table"]) == pytest.approx(1)
    assert [found["overlap"][key] for key in ("value", "low", "high")] == result["overlap"]
    assert (found["chance"], found["images"], found["order_of"]) == (5 / 59, 60, result["twos"])
    assert found["correlation"]["spearman"]["value"] == result["correlation"]["spearman"][0]
    assert found["described"][0] == {"dataset": "A", "images": 20, "first": 20, "second": 20, "both": 20}
    assert found["near_second"] == {key: result["near_b"][key] for key in ("mutual", "found")}
    assert (found["seed"], found["draws"]) == (0, 1000)
    for near, side in (("first", "a"), ("second", "b")):
        pairs = queries.different_pairs(ModelComparison.objects.get(), side)
        listed = script.get(f"{here}/pairs?near={near}")
        assert [(row["a"]["id"], row["b"]["id"]) for row in listed] == [(p.row.a.pk, p.row.b.pk) for p in pairs]
        assert listed[0]["far"] == {
            "similarity": pairs[0].far_similarity,
            "rank_of_b": pairs[0].far[0],
            "rank_of_a": pairs[0].far[1],
        }
    assert script.get(f"{here}/pairs?near=both", expect=422)
    assert [row["id"] for row in script.get(there)["items"]] == [made["id"]]
    assert script.call("DELETE", here).status_code == 204
    assert script.get(here, expect=404)


def test_a_script_is_told_what_cannot_be_compared(bench: Bench, editor: User) -> None:
    there = f"/projects/{bench.project.slug}/model-comparisons"
    body = {"first": bench.known[0].name, "second": bench.known[1].name}
    script = Script(editor)
    assert script.post(there, {**body, "k": 60}, expect=422)["remedy"] == "Give a number from 1 to 58."
    assert "itself" in script.post(there, {**body, "second": body["first"]}, expect=422)["detail"]
    assert "has no dataset “nobody”" in script.post(there, {**body, "datasets": ["nobody"]}, expect=422)["detail"]
    assert script.get(there)["items"] == []


def test_the_command_says_the_same(bench: Bench, capsys: pytest.CaptureFixture[str], owner: User) -> None:
    names = [known.name for known in bench.known]
    call_command("compare_models", bench.project.slug, *names, "--k", "5", "--wait", "--user", "olga")
    said = capsys.readouterr().out
    done = ModelComparison.objects.get()
    found = done.result
    value, low, high = (f"{each:.1%}" for each in found["overlap"])
    assert f"Common neighbours: {value} ({low} to {high}); by chance 8.5%" in said
    assert f"\n3\t{found['counts'][3]}\t{found['counts'][3] / 60:.1%}\n" in said
    a = found["near_a"]
    assert f"Near under {names[0]}, far under {names[1]}: {a['found']} of {a['mutual']} pairs" in said
    call_command(
        "compare_models", bench.project.slug, *names, "--datasets", "A", "B", "--wait", "--json", "--user", "olga"
    )
    out = json.loads(capsys.readouterr().out)
    assert (out["k"], out["datasets"], out["agreement"]["images"]) == (10, ["a", "b"], 40)
    with pytest.raises(CommandError, match="A model agrees with itself"):
        call_command("compare_models", bench.project.slug, names[0], names[0], "--user", "olga")
