"""Model comparisons from request to stored result, and the pairs read from it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from analysis import queries
from analysis.core.arrays import Vectors
from analysis.core.errors import AnalysisError
from analysis.core.model_agreement import agreement, correlation, most_different, nearest_others
from analysis.models import Embedding, ModelComparison
from analysis.pipeline.review import judge
from analysis.tasks import run_comparison, run_model_comparison, sweep
from analysis.workspace import create_comparison, delete_model_comparison, request_model_comparison
from catalog.core.errors import Conflict
from catalog.models import Image, Project
from catalog.workspace import create_project
from tests.analysis.embedded import describe, embedded, vectors_of
from tests.analysis.test_published import bring
from tests.shared import shared_data

NAMES = ("A", "B", "C")


def unit(values: Any) -> Vectors:
    values = np.asarray(values, np.float64)
    return Vectors((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32))


class Bench:
    """Three datasets of 20 images, described by two models of which the second is the first with noise."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.known = [vectors_of(project, 8, "one"), vectors_of(project, 12, "two")]
        rng = np.random.default_rng(3)
        first = rng.normal(size=(60, 8))
        second = first @ rng.normal(size=(8, 12)) + 0.8 * rng.normal(size=(60, 12))
        self.vectors = [unit(first), unit(second)]
        self.datasets = [
            embedded(project, name, Vectors(self.vectors[0].values[20 * n : 20 * n + 20]), self.known[0])
            for n, name in enumerate(NAMES)
        ]
        self.images = list(Image.objects.order_by("dataset_id", "id"))
        for n, dataset in enumerate(self.datasets):
            part = slice(20 * n, 20 * n + 20)
            describe(dataset, self.images[part], Vectors(self.vectors[1].values[part]), self.known[1])

    def ask(self, **changes: Any) -> ModelComparison:
        values: dict[str, Any] = {
            "project": self.project,
            "first": self.known[0].name,
            "second": self.known[1].name,
            "datasets": self.datasets,
            "k": 5,
            "by": None,
        }
        return request_model_comparison(**values | changes)

    def made(self, **changes: Any) -> ModelComparison:
        asked = self.ask(**changes)
        run_model_comparison(asked.pk)
        asked.refresh_from_db()
        return asked


@pytest.fixture
def bench(project: Project) -> Bench:
    return Bench(project)


def test_the_result_is_that_of_the_arithmetic_on_the_same_images(bench: Bench) -> None:
    done = bench.made(datasets=bench.datasets[::-1])
    assert done.status == "done", done.error
    near = [nearest_others(each, 5) for each in bench.vectors]
    agreed = agreement(*near)
    found = done.result
    assert (found["images"], found["k"], found["chance"]) == (60, 5, 5 / 59)
    assert found["counts"] == agreed.counts.tolist()
    assert found["overlap"] == [agreed.overlap.value, agreed.overlap.low, agreed.overlap.high]
    assert found["order"][0] == (agreed.order and agreed.order.value)
    spearman = correlation(*bench.vectors).spearman
    assert spearman is not None
    assert found["correlation"] == {
        "spearman": [spearman.value, spearman.low, spearman.high],
        "pairs": 60 * 59 // 2,
        "every": True,
    }
    ids = [image.pk for image in bench.images]
    for side, (one, other) in (("a", (0, 1)), ("b", (1, 0))):
        wanted = most_different(near[one], near[other], bench.vectors[other])
        assert len(wanted) > 3
        stored = found[f"near_{side}"]
        assert (stored["mutual"], stored["found"]) == (wanted.mutual, wanted.found)
        rows = zip(wanted.a, wanted.b, strict=True)
        assert [row[:2] for row in stored["pairs"]] == [[ids[a], ids[b]] for a, b in rows]
        assert [row[2:6] for row in stored["pairs"]] == np.hstack([wanted.near, wanted.far]).tolist()
        assert [row[6] for row in stored["pairs"]] == [float(each) for each in wanted.near_distance]
    assert done.versions["signals"] == [known.name for known in bench.known]
    assert (done.versions["seed"], done.versions["draws"]) == (0, 1000)
    assert {"numpy", "torch"} <= set(done.versions["libraries"])
    json.dumps(found, allow_nan=False)


def test_images_that_one_model_does_not_describe_are_left_out_and_counted(bench: Bench) -> None:
    lacking = [image.pk for image in bench.images[:7]]
    Embedding.objects.filter(image_id__in=lacking[:4], signal_id=bench.known[0].id).delete()
    Embedding.objects.filter(image_id__in=lacking[2:], signal_id=bench.known[1].id).delete()
    embedded(bench.project, "A", unit(np.ones((1, 8))), bench.known[0])
    bare = embedded(bench.project, "Bare", unit(np.ones((2, 3))), vectors_of(bench.project, 3, "other"))
    found = bench.made(datasets=[*bench.datasets, bare]).result
    assert found["images"] == 53
    assert found["datasets"] == [
        {"name": "A", "images": 21, "first": 17, "second": 15, "both": 13},
        {"name": "B", "images": 20, "first": 20, "second": 20, "both": 20},
        {"name": "C", "images": 20, "first": 20, "second": 20, "both": 20},
        {"name": "Bare", "images": 2, "first": 0, "second": 0, "both": 0},
    ]
    kept = [row for row in range(60) if row >= 7]
    vectors = [Vectors(each.values[kept]) for each in bench.vectors]
    assert found["counts"] == agreement(*(nearest_others(each, 5) for each in vectors)).counts.tolist()
    assert not {pk for pair in found["near_a"]["pairs"] for pk in pair[:2]} & set(lacking)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"first": "phash-8"}, "gives no embeddings"),
        ({"second": "vectors:{project}/one-8"}, "A model agrees with itself"),
        ({"second": "nonsense"}, "nonsense"),
        ({"datasets": []}, "at least one dataset"),
        ({"k": 0}, "there is nothing to compare"),
        ({"k": 59}, "Give a number from 1 to 58"),
        ({"k": 101}, "at most 100"),
    ],
)
def test_what_cannot_be_compared_is_refused_at_once(bench: Bench, changes: dict[str, Any], says: str) -> None:
    changes = {
        key: value.format(project=bench.project.pk) if isinstance(value, str) else value
        for key, value in changes.items()
    }
    with pytest.raises(AnalysisError, match=says):
        bench.ask(**changes)
    assert not ModelComparison.objects.exists()


def test_too_few_images_under_both_are_said(bench: Bench) -> None:
    Embedding.objects.filter(signal_id=bench.known[1].id).exclude(image=bench.images[0]).delete()
    with pytest.raises(AnalysisError, match="1 image is described by both models"):
        bench.ask(k=1)


def test_nobody_elses_vectors_or_datasets(bench: Bench, stranger: User) -> None:
    other = create_project(name="Other", owner=stranger)
    with pytest.raises(AnalysisError, match="no signal"):
        bench.ask(project=other)
    theirs = [vectors_of(other, dim, "theirs") for dim in (3, 4)]
    with pytest.raises(AnalysisError, match="stays inside one project"):
        bench.ask(project=other, first=theirs[0].name, second=theirs[1].name)


def test_embeddings_that_are_gone_meanwhile_are_said(bench: Bench) -> None:
    asked = bench.ask()
    Embedding.objects.all().delete()
    with pytest.raises(AnalysisError):
        run_model_comparison(asked.pk)
    asked.refresh_from_db()
    assert "0 images are described by both models" in asked.error


def test_more_than_a_worker_can_hold_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.pipeline.compare_models.MOST_BYTES", 60 * 20 * 4 - 1)
    with pytest.raises(AnalysisError, match="60 images with 20 dimensions under the two models are more"):
        run_model_comparison(bench.ask().pk)


def test_a_message_delivered_twice_does_nothing_twice_and_computing_again_gives_the_same(bench: Bench) -> None:
    done = bench.made()
    run_model_comparison(done.pk)
    again = ModelComparison.objects.get(pk=done.pk)
    assert again.finished_at == done.finished_at
    ModelComparison.objects.update(status="queued")
    run_model_comparison(done.pk)
    again.refresh_from_db()
    assert again.finished_at != done.finished_at
    assert again.result == done.result


def test_lost_work_is_sent_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr("analysis.tasks.run_model_comparison.delay", sent.append)
    asked = bench.ask()
    sweep()
    assert sent == []
    ModelComparison.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    sweep()
    assert sent == [asked.pk]


def test_one_that_is_being_computed_is_not_deleted(bench: Bench) -> None:
    asked = bench.ask()
    ModelComparison.objects.update(status="running")
    asked.refresh_from_db()
    with pytest.raises(Conflict, match="being compared"):
        delete_model_comparison(comparison=asked)
    ModelComparison.objects.update(status="failed")
    asked.refresh_from_db()
    delete_model_comparison(comparison=asked)
    assert not ModelComparison.objects.exists()
    assert Embedding.objects.count() == 120


def test_different_pairs_carry_what_was_decided_and_leave_out_images_that_are_gone(bench: Bench, owner: User) -> None:
    done = bench.made()
    found = queries.different_pairs(done, "a")
    assert [pair.row.distance for pair in found] == list(range(1, len(found) + 1))
    first, second = found[0].row, found[1].row
    judge(one=second.b, other=second.a, annotator=owner, choice="detail")
    assert [pair.row.choice for pair in queries.different_pairs(done, "a")[:2]] == ["", "detail"]
    first.a.delete()
    left = queries.different_pairs(done, "a")
    assert left[0].row.a.pk != first.a.pk
    assert {first.a.pk}.isdisjoint({pk for pair in left for pk in (pair.row.a.pk, pair.row.b.pk)})
    # Places stay, so that a link to a pair still opens it.
    assert left[0].row.distance > 1
    row = left[0]
    assert (row.near, row.far) == (tuple(done.result["near_a"]["pairs"][int(row.row.distance) - 1][2:4]), row.far)


def test_the_list_reads_no_more_of_a_result_than_it_shows(bench: Bench, django_assert_num_queries: Any) -> None:
    done, asked = bench.made(), bench.ask()
    with django_assert_num_queries(2):
        rows = list(queries.model_comparisons(bench.project))
        assert [(row.pk, row.images, row.overlap) for row in rows] == [  # type: ignore[attr-defined]
            (asked.pk, None, None),
            (done.pk, 60, done.result["overlap"]),
        ]
        assert [dataset.name for dataset in rows[0].datasets.all()] == list(NAMES)
        assert "result" in rows[0].get_deferred_fields()


@pytest.mark.shared_data
def test_real_models_agree_far_beyond_chance_and_clip_pairs_what_the_other_does_not(
    project: Project, mobilenet: str
) -> None:
    """CLIP's stored vectors and MobileNetV2's, computed here, of the 98 pictures of saints."""
    root = shared_data() / "saints"
    datasets = [bring(project, name, root / "images" / name) for name in ("ArtDL", "ICONCLASS", "wikidata")]
    clip = vectors_of(project, 512)
    for dataset in datasets:
        folder = root / "embeddings" / dataset.name
        row = {name: n for n, name in enumerate(json.loads((folder / "names.json").read_text()))}
        images = list(dataset.images.order_by("id"))
        rows = np.load(folder / "embeddings.npy")[[row[image.name] for image in images]]
        describe(dataset, images, unit(rows), clip)
    comparison = create_comparison(project=project, datasets=datasets, signals={mobilenet: 0}, scope="both", by=None)
    run_comparison(comparison.pk)
    asked = request_model_comparison(
        project=project, first=clip.name, second=mobilenet, datasets=datasets, k=10, by=None
    )
    run_model_comparison(asked.pk)
    asked.refresh_from_db()
    found = asked.result
    assert (found["images"], sum(found["counts"]), found["chance"]) == (98, 98, 10 / 97)
    assert found["overlap"][1] > 2 * found["chance"]
    assert found["nearest"][1] > 0.5
    assert 0.1 < found["correlation"]["spearman"][1] < found["correlation"]["spearman"][2] < 0.9
    # CLIP knows every copy that the other knows but one: a painting and its photograph in black and white.
    published = published_pairs(root)
    missed: dict[str, set[frozenset[str]]] = {"a": set(), "b": {frozenset({"408706434", "Q20173671"})}}
    for side in queries.SIDES:
        pairs = queries.different_pairs(asked, side)
        assert all(max(pair.near) <= 10 < min(pair.far) for pair in pairs)
        assert {frozenset((pair.row.a.name, pair.row.b.name)) for pair in pairs} & published == missed[side]


def published_pairs(root: Path) -> set[frozenset[str]]:
    """Names of the images of the copies that the study published."""
    return {
        frozenset(image["name"] for image in pair)
        for path in (root / "published").glob("*_cross_duplicates.json")
        for pair in json.loads(path.read_text())
    }
