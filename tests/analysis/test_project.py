"""Projections from request to stored coordinates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from analysis import queries
from analysis.core.arrays import Vectors
from analysis.core.errors import AnalysisError
from analysis.core.projection import InvalidProjection, Pca, Tsne, Umap
from analysis.core.projection import project as project_vectors
from analysis.core.projection.wire import read_stored
from analysis.models import Decision, Embedding, Measurement, Projection
from analysis.pipeline.review import judge
from analysis.signals import signal
from analysis.tasks import run_comparison, run_projection, sweep
from analysis.workspace import create_comparison, first_projection, request_projection
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_project
from tests.analysis.embedded import around, describe, embedded, vectors_of

CENTRES = np.random.default_rng(5).normal(size=(4, 24))


@pytest.fixture
def datasets(project: Project) -> list[Dataset]:
    known = vectors_of(project, 24)
    return [
        embedded(project, name, around(CENTRES, [i % 4 for i in range(n)], seed=n), known)
        for name, n in (("A", 40), ("B", 30), ("C", 20))
    ]


def ask(project: Project, datasets: list[Dataset], method: Any = None, **changes: Any) -> Projection:
    values: dict[str, Any] = {"signal_name": vectors_of(project, 24).name, "by": None}
    return request_projection(project=project, datasets=datasets, method=method or Pca(), **values | changes)


def made(projection: Projection) -> Projection:
    run_projection(projection.pk)
    projection.refresh_from_db()
    return projection


def test_coordinates_are_those_of_the_arithmetic_in_order_of_the_images(
    project: Project, datasets: list[Dataset]
) -> None:
    for method in (Pca(), Tsne(perplexity=12, seed=4)):
        done = made(ask(project, datasets[:2], method))
        assert done.status == "done", done.error
        ids, points = read_stored(bytes(done.points))
        images = list(Image.objects.filter(dataset__in=datasets[:2]).order_by("dataset_id", "id"))
        assert ids.tolist() == [image.pk for image in images]
        assert done.n_images == len(ids) == 70
        stored = Embedding.objects.in_bulk([(image.pk, done.signal_id) for image in images])
        rows = [stored[image.pk, done.signal_id].vector for image in images]
        np.testing.assert_array_equal(points, project_vectors(Vectors(np.array(rows, np.float32)), method).points)
        assert done.versions["parameters"] == method.parameters()
        assert {"numpy", "scikit-learn", "umap-learn"} <= set(done.versions["libraries"])
        assert done.versions["distinct"] == 70


def test_the_same_is_not_computed_twice(project: Project, datasets: list[Dataset], owner: User) -> None:
    first = ask(project, datasets, Tsne(perplexity=9), by=owner)
    assert ask(project, datasets[::-1], Tsne(perplexity=9)).pk == first.pk
    others = {
        ask(project, datasets, Tsne(perplexity=9, seed=1)).pk,
        ask(project, datasets[:2], Tsne(perplexity=9)).pk,
        ask(project, datasets, Umap(neighbours=9)).pk,
    }
    assert len(others | {first.pk}) == 4
    # One that failed is in nobody's way.
    Projection.objects.filter(pk=first.pk).update(status="failed")
    assert ask(project, datasets, Tsne(perplexity=9)).pk != first.pk


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"method": Tsne(perplexity=90)}, "more than 90 different images; there are 90"),
        ({"method": Umap(neighbours=91)}, "91 neighbours need as many"),
        ({"signal_name": "phash-8"}, "gives no embeddings"),
        ({"datasets": []}, "at least one dataset"),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(
    project: Project, datasets: list[Dataset], changes: dict[str, Any], says: str
) -> None:
    values: dict[str, Any] = {"project": project, "datasets": datasets} | changes
    with pytest.raises(AnalysisError, match=says):
        ask(**values)
    assert not Projection.objects.exists()


def test_a_dataset_without_embeddings_is_named(project: Project, datasets: list[Dataset]) -> None:
    bare = embedded(project, "Bare", around(CENTRES, [0]), vectors_of(project, 24, "other"))
    with pytest.raises(AnalysisError, match="“Bare” has no embeddings under Brought vectors “clip”"):
        ask(project, [*datasets, bare])


def test_nobody_elses_vectors_or_datasets(project: Project, datasets: list[Dataset], stranger: User) -> None:
    other = create_project(name="Other", owner=stranger)
    with pytest.raises(AnalysisError, match="no signal"):
        request_projection(
            project=other, signal_name=vectors_of(project, 24).name, datasets=datasets, method=Pca(), by=stranger
        )
    theirs = vectors_of(other, 24)
    with pytest.raises(AnalysisError, match="stays inside one project"):
        request_projection(project=other, signal_name=theirs.name, datasets=datasets, method=Pca(), by=stranger)


def test_three_images_need_no_parameters_that_fit(project: Project) -> None:
    few = embedded(project, "Few", around(CENTRES, [0, 1, 2]), vectors_of(project, 24))
    done = made(ask(project, [few], Tsne()))
    assert done.status == "done", done.error
    assert done.versions["flat"] is True
    assert len(read_stored(bytes(done.points))[0]) == 3


def test_copies_count_once_and_the_reason_is_said(project: Project) -> None:
    one = around(CENTRES, [0, 1, 2, 3, 0]).values
    dataset = embedded(project, "Copies", Vectors(np.repeat(one, 10, axis=0)), vectors_of(project, 24))
    asked = ask(project, [dataset], Tsne(perplexity=12))
    with pytest.raises(InvalidProjection):
        run_projection(asked.pk)
    asked.refresh_from_db()
    assert asked.status == "failed"
    assert "there are 5. Give a perplexity of at most 4" in asked.error
    assert made(ask(project, [dataset], Tsne(perplexity=1))).status == "done"


def test_embeddings_that_are_gone_are_said(project: Project, datasets: list[Dataset]) -> None:
    asked = ask(project, datasets)
    Embedding.objects.all().delete()
    with pytest.raises(InvalidProjection):
        run_projection(asked.pk)
    asked.refresh_from_db()
    assert "has an embedding" in asked.error


def test_more_than_a_worker_can_hold_is_refused(
    project: Project, datasets: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.pipeline.project.MOST_BYTES", 90 * 24 * 4 - 1)
    with pytest.raises(AnalysisError, match="90 embeddings of 24 dimensions are more"):
        run_projection(ask(project, datasets).pk)


def test_a_message_delivered_twice_does_nothing_twice(project: Project, datasets: list[Dataset]) -> None:
    done = made(ask(project, datasets))
    before = (bytes(done.points), done.finished_at)
    again = made(done)
    assert (bytes(again.points), again.finished_at) == before


def test_lost_work_is_sent_again(project: Project, datasets: list[Dataset], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr("analysis.tasks.run_projection.delay", sent.append)
    asked = ask(project, datasets)
    sweep()
    assert sent == []
    Projection.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    sweep()
    assert sent == [asked.pk]


def test_a_first_projection_is_of_all_that_there_is_and_made_once(project: Project, datasets: list[Dataset]) -> None:
    known = vectors_of(project, 24)
    embedded(project, "Bare", around(CENTRES, [0]), vectors_of(project, 24, "other"))
    first = first_projection(project=project, known=known)
    assert first is not None
    assert first.method == "pca"
    assert {dataset.name for dataset in first.datasets.all()} == {"A", "B", "C"}
    assert first_projection(project=project, known=known) is None
    assert first_projection(project=project, known=vectors_of(project, 24, "none")) is None


def test_a_comparison_of_embeddings_leaves_a_first_projection(project: Project, datasets: list[Dataset]) -> None:
    known = vectors_of(project, 24)
    comparison = create_comparison(
        project=project, datasets=datasets, signals={known.name: 0.2}, scope="across", by=None
    )
    run_comparison(comparison.pk)
    [shown] = Projection.objects.all()
    assert (shown.method, shown.status, shown.n_images) == ("pca", "done", 90)
    run_comparison(comparison.pk)
    assert Projection.objects.count() == 1


def test_the_closest_pairs_among_images_whatever_the_signal(
    project: Project, datasets: list[Dataset], owner: User
) -> None:
    known = vectors_of(project, 24)
    comparison = create_comparison(project=project, datasets=datasets, signals={known.name: 0.5}, scope="both", by=None)
    run_comparison(comparison.pk)
    everything = list(Image.objects.filter(dataset__in=datasets).values_list("pk", flat=True))
    found = queries.closest_among(everything, {known.id: (0.3, 1.0)}, most=10)
    assert len(found) == 11
    distances = [pair.distance for pair, _ in found]
    assert distances == sorted(distances)
    assert {signal_id for _, signal_id in found} == {known.id}
    pair = found[0][0]
    judge(one=pair.a, other=pair.b, annotator=owner, choice="same_image")
    assert queries.closest_among([pair.a.pk, pair.b.pk], {known.id: (0.3, 1.0)}, most=10)[0][0].choice == "same_image"
    assert Decision.objects.count() == 1
    assert queries.closest_among([pair.a.pk], {known.id: (0.3, 1.0)}, most=10) == []
    assert queries.closest_among(everything, {signal("phash-8").id: (64, 32)}, most=10) == []
    assert queries.compared_signals(datasets) == [known.name]
    # Under several signals each pair is there once, as the one shows it that brings it closest for its scale.
    phash, (near, far) = signal("phash-8"), (found[0][0], found[1][0])
    for each, bits in ((near, 16), (far, 0)):
        Measurement.objects.create(
            image_a=each.a,
            image_b=each.b,
            signal_id=phash.id,
            dataset_a=each.a.dataset,
            dataset_b=each.b.dataset,
            distance=bits,
        )
    limits = {known.id: (0.3, 1.0), phash.id: (16.0, 32.0)}
    both = queries.closest_among([pk for each in (near, far) for pk in (each.a.pk, each.b.pk)], limits, most=10)
    shown = {(each.a.pk, each.b.pk): (each.distance, signal_id) for each, signal_id in both}
    assert shown[near.a.pk, near.b.pk] == (near.distance, known.id)
    assert shown[far.a.pk, far.b.pk] == (0, phash.id)
    assert both[0][0].distance == 0


def test_images_that_came_later_are_taken_when_it_is_computed_again(project: Project, datasets: list[Dataset]) -> None:
    known = vectors_of(project, 24)
    done = made(ask(project, datasets))
    late = Image.objects.create(dataset=datasets[0], name="late", path="late.png")
    describe(datasets[0], [late], around(CENTRES, [0], seed=9), known)
    Projection.objects.update(status="queued")
    assert made(done).n_images == 91
