"""Embeddings through the whole product: a real model, orientations, vectors that were brought, a model that is away."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_django import Settings

from analysis import bulk
from analysis.core.errors import AnalysisError, InvalidArray, UnknownName
from analysis.models import Comparison, Embedding, Hash, Measurement, Signal, Summary
from analysis.signals import signal, signal_in
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison, queue_again
from catalog.models import Dataset, Project
from catalog.workspace import create_dataset, create_project
from tests.analysis.test_published import bring
from tests.shared import shared_data


def compare(project: Project, datasets: list[Dataset], signals: dict[str, float], scope: str = "across") -> Comparison:
    comparison = create_comparison(project=project, datasets=datasets, signals=signals, scope=scope, by=None)
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    return comparison


def found(name: str) -> dict[tuple[str, str], tuple[float, int | None]]:
    rows = Measurement.objects.filter(signal__name=name)
    return {
        (a, b): (distance, orientation)
        for a, b, distance, orientation in rows.values_list("image_a__name", "image_b__name", "distance", "orientation")
    }


@pytest.mark.shared_data
def test_a_model_and_a_hash_in_one_comparison(project: Project, mobilenet: str) -> None:
    root = shared_data() / "saints" / "images"
    datasets = [bring(project, name, root / name) for name in ("ArtDL", "wikidata")]
    comparison = compare(project, datasets, {mobilenet: 0.3, "phash-8": 8})
    assert comparison.status == "done", comparison.error
    assert [row.error for row in comparison.signals.all()] == ["", ""]
    sides = [bulk.read_embeddings(dataset_id=each.pk, signal_id=signal(mobilenet).id) for each in datasets]
    (ids_a, a), (ids_b, b) = sides
    assert a is not None
    assert b is not None
    assert (a.dim, len(a), len(b)) == (1280, 46, 41)
    similarity = a.values.astype(np.float64) @ b.values.astype(np.float64).T
    by_hand = {(int(ids_a[i]), int(ids_b[j])) for i, j in np.argwhere(similarity >= 0.7)}
    rows = Measurement.objects.filter(signal__name=mobilenet)
    assert set(rows.values_list("image_a_id", "image_b_id")) == by_hand
    # What the hash finds among these pictures, the model finds too, as is known of them.
    assert set(found("phash-8")) <= set(found(mobilenet))
    curve = Summary.objects.get(comparison=comparison, signal__name=mobilenet).curve
    assert curve["steps"][:3] == [0, 0.005, 0.01]
    assert curve["steps"][-1] == 0.3
    assert curve["pairs"][0][1][-1] == len(by_hand)
    # Running again computes nothing; a new picture is described and compared alone.
    queue_again(job=comparison)
    before = Embedding.objects.count()
    run_comparison(comparison.pk)
    assert Embedding.objects.count() == before
    assert set(Measurement.objects.filter(signal__name=mobilenet).values_list("image_a_id", "image_b_id")) == by_hand


@pytest.mark.shared_data
@pytest.mark.parametrize("scope", ["across", "within"])
def test_rotated_copies_are_found_in_the_best_of_eight_orientations(project: Project, scope: str) -> None:
    root = shared_data() / "copies" / "bridge_rotations"
    pictures = bring(project, "Turned", root)
    names = sorted(pictures.images.values_list("name", flat=True))
    original = next(name for name in names if "original" in name or name == "bridge")
    datasets = [pictures]
    if scope == "across":
        datasets = [bring(project, "Again", root), pictures]
    signals = {"phash-8": 8.0, "phash-8@any": 8.0}
    assert compare(project, datasets, signals, scope).status == "done"
    turned = {pair: value for pair, value in found("phash-8@any").items() if original in pair}
    assert {name for pair in turned for name in pair} == set(names)
    orientations = {value[1] for pair, value in turned.items() if pair[0] == original and pair[1] != original}
    orientations |= {value[1] for pair, value in turned.items() if pair[1] == original and pair[0] != original}
    assert orientations == set(range(2, 9))
    # Upright, a picture is found as itself alone.
    assert all(a == b for a, b in found("phash-8"))


@pytest.mark.shared_data
def test_a_model_turns_pictures_too(project: Project, mobilenet: str) -> None:
    pictures = bring(project, "Turned", shared_data() / "copies" / "bridge_rotations")
    assert compare(project, [pictures], {f"{mobilenet}@any": 0.02}, "within").status == "done"
    # Eight vectors for each of the eight pictures, and each pair of pictures is one turned.
    assert Embedding.objects.count() == 64
    assert len(found(f"{mobilenet}@any")) == 28
    assert {orientation for _, orientation in found(f"{mobilenet}@any").values()} <= set(range(1, 9))


@pytest.mark.shared_data
def test_a_model_that_is_not_there_stops_only_its_own_step(project: Project, settings: Settings) -> None:
    pictures = bring(project, "Frames", shared_data() / "copies" / "potatoes_two_folders" / "v1")
    missing = "openclip:ViT-B-32/openai"
    comparison = compare(project, [pictures], {missing: 0.1, "phash-8": 8}, "within")
    assert comparison.status == "done"
    rows = {row.signal.name: row.error for row in comparison.signals.all()}
    assert rows["phash-8"] == ""
    assert "models fetch openclip:ViT-B-32/openai" in rows[missing]
    assert list(Summary.objects.values_list("signal__name", flat=True)) == ["phash-8"]
    with pytest.raises(AnalysisError, match="models fetch"):
        compare(project, [pictures], {missing: 0.1}, "within")
    assert "models fetch" in Comparison.objects.get(status="failed").error


def vectors(dataset: Dataset, key: int, values: list[list[float]]) -> None:
    from analysis.core.arrays import Vectors

    ids = bulk.read_image_ids(dataset_id=dataset.pk)
    rows = np.array(values, np.float64)
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    bulk.write_embeddings(dataset_id=dataset.pk, signal_id=key, image_ids=ids, vectors=Vectors(unit))


def test_brought_vectors_are_compared_and_belong_to_their_project(project: Project, hashed: object) -> None:
    a, b = hashed("a", 3), hashed("b", 2)  # type: ignore[operator]
    name = f"vectors:{project.pk}/clip-2"
    with pytest.raises(UnknownName, match="no vectors"):
        signal(name)
    key = Signal.objects.create(name=name, project=project).pk
    vectors(a, key, [[1, 0], [0, 1], [1, 1]])
    vectors(b, key, [[1, 0.1], [-1, 0]])
    comparison = compare(project, [a, b], {name: 0.3, "phash-8": 0})
    assert comparison.status == "done", comparison.error
    measured = {(x[2:], y[2:]): round(d, 4) for (x, y), (d, _) in found(name).items()}
    assert measured == {("0", "0"): 0.005, ("2", "0"): 0.226}
    assert signal(name).title == "Brought vectors “clip”, 2 dimensions"
    stranger = create_project(name="Other", owner=project.memberships.get(role="owner").user)
    with pytest.raises(UnknownName, match="in this project"):
        signal_in(stranger, name)
    with pytest.raises(UnknownName, match="in this project"):
        create_comparison(
            project=stranger,
            datasets=[create_dataset(project=stranger, name="c", by=None)],
            signals={name: 0.1},
            scope="within",
            by=None,
        )


@pytest.mark.parametrize("name", ["clip-2", "vectors:saints-in-art/clip-2", "vectors:{key}/clip-2"])
@pytest.mark.parametrize("turned", ["", "@any"])
def test_brought_vectors_are_named_as_their_upload_names_them(project: Project, name: str, turned: str) -> None:
    """The number of a project, which their storage key carries, is nowhere told."""
    key = Signal.objects.create(name=f"vectors:{project.pk}/clip-2", project=project).pk
    assert signal_in(project, name.format(key=project.pk) + turned).base.id == key
    stranger = create_project(name="Other", owner=project.memberships.get(role="owner").user)
    with pytest.raises(UnknownName):
        signal_in(stranger, name.format(key=project.pk))
    Signal.objects.create(name=f"vectors:{project.pk}/phash-8", project=project)
    assert signal_in(project, "phash-8").name == "phash-8"


def test_a_dataset_without_vectors_stops_only_their_step(project: Project, hashed: object) -> None:
    a, b = hashed("a", 3), hashed("b", 2)  # type: ignore[operator]
    name = f"vectors:{project.pk}/clip-2"
    vectors(a, Signal.objects.create(name=name, project=project).pk, [[1, 0], [0, 1], [1, 1]])
    comparison = compare(project, [a, b], {name: 0.3, "phash-8": 64})
    assert comparison.status == "done"
    said = {row.signal.name: row.error for row in comparison.signals.all()}
    assert "“b” has no" in said[name]
    assert Hash.objects.count() == 5
    assert len(found("phash-8")) == 6


def test_distances_that_make_no_sense_are_refused(project: Project, hashed: object) -> None:
    a, b = hashed("a", 3), hashed("b", 2)  # type: ignore[operator]
    name = f"vectors:{project.pk}/clip-2"
    Signal.objects.create(name=name, project=project)
    with pytest.raises(InvalidArray, match="3 is no distance under vectors"):
        create_comparison(project=project, datasets=[a, b], signals={name: 3}, scope="across", by=None)
    with pytest.raises(AnalysisError, match="one orientation only"):
        create_comparison(project=project, datasets=[a, b], signals={"phash-8@3": 3}, scope="across", by=None)
