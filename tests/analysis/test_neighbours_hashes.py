"""Neighbours by hashes, from memory: what brute force finds, whatever came, went or was dropped since."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from numpy.typing import NDArray

from analysis import bulk, neighbours
from analysis.core.arrays import PackedBits
from analysis.core.hashes import HASHES
from analysis.models import Hash
from analysis.neighbours import Nearest, _held
from analysis.signals import signal
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_dataset

Make = Callable[..., Dataset]


def brute(query: bytes, stored: dict[int, tuple[NDArray[np.int64], list[bytes]]], name: str) -> list[tuple[float, int]]:
    metric = HASHES[name].metric
    return sorted(
        (float(np.float32(metric.distance(query, row))), int(pk))
        for ids, rows in stored.values()
        for pk, row in zip(ids, rows, strict=True)
    )


@pytest.mark.parametrize("name", list(HASHES))
def test_the_nearest_hashes_are_those_of_brute_force(
    project: Project, picture: Callable[..., bytes], name: str
) -> None:
    from analysis.core.hashes import compute
    from catalog.core.images import read_image

    known = signal(name)
    described = [compute(read_image(picture(seed)).rgb, [name])[name] for seed in range(40)]
    stored = {}
    for n, some in enumerate((described[:25], described[25:] + described[:2])):
        dataset = create_dataset(project=project, name=f"d{n}", by=None)
        Image.objects.bulk_create(Image(dataset=dataset, name=str(k), path=str(k)) for k in range(len(some)))
        Dataset.objects.filter(pk=dataset.pk).update(image_count=len(some))
        ids = bulk.read_image_ids(dataset_id=dataset.pk)
        rows = [row.tobytes() for row in some]
        bulk.write_descriptors(dataset_id=dataset.pk, signal_id=known.id, image_ids=ids, rows=rows)
        stored[dataset.pk] = (ids, rows)
    for seed in (0, 30, 99):
        query = compute(read_image(picture(seed)).rgb, [name])[name].tobytes()
        truth = brute(query, stored, name)
        for k in (1, 3, 20, 100):
            found = neighbours.nearest_hashes(query, known=known, dataset_ids=list(stored), k=k)
            assert list(zip(found.distance.tolist(), found.image_ids.tolist(), strict=True)) == truth[:k]
        reach = known.scale.threshold(truth[len(truth) // 2][0])
        near = [each for each in truth if each[0] <= reach]
        found = neighbours.nearest_hashes(query, known=known, dataset_ids=list(stored), k=100, max_distance=reach)
        assert list(zip(found.distance.tolist(), found.image_ids.tolist(), strict=True)) == near


def look(dataset: Dataset, query: bytes = b"\0" * 8) -> tuple[list[int], int]:
    """Ids of all hashes of a dataset in order, as the search sees them, and how often the table was read for it."""
    with CaptureQueriesContext(connection) as asked:
        found = neighbours.nearest_hashes(query, known=signal("phash-8"), dataset_ids=[dataset.pk], k=10**6)
    # COPY goes past Django's log of queries; what is read is seen by what is put into the store.
    return sorted(found.image_ids.tolist()), len(asked)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The datasets whose hashes were read from the database, in order."""
    seen: list[int] = []
    read = bulk.read_descriptors

    def watched(**kwargs: int) -> object:
        seen.append(kwargs["dataset_id"])
        return read(**kwargs)

    monkeypatch.setattr(bulk, "read_descriptors", watched)
    return seen


def ids_of(dataset: Dataset) -> list[int]:
    return [
        int(pk) for pk in Hash.objects.filter(dataset=dataset).order_by("image_id").values_list("image_id", flat=True)
    ]


def test_hashes_are_read_once_and_again_when_images_come(hashed: Make, reads: list[int]) -> None:
    a, b = hashed("a", 30), hashed("b", 10)
    for _ in range(3):
        assert look(a)[0] == ids_of(a)
        assert look(b)[0] == ids_of(b)
    assert reads == [a.pk, b.pk]
    hashed("a", 5)
    assert look(a)[0] == ids_of(a)
    assert len(look(a)[0]) == 35
    assert reads == [a.pk, b.pk, a.pk]


def test_hashes_that_come_later_in_any_order_are_seen(hashed: Make, reads: list[int]) -> None:
    dataset = hashed("a", 20)
    every = ids_of(dataset)
    Hash.objects.filter(image_id__in=every[3:9]).delete()
    assert look(dataset)[0] == every[:3] + every[9:]
    assert look(dataset)[0] == every[:3] + every[9:]
    assert len(reads) == 1
    bits = PackedBits(np.zeros((1, 8), np.uint8), 64)
    key = signal("phash-8").id
    bulk.write_hashes(dataset_id=dataset.pk, signal_id=key, image_ids=np.array([every[5]]), bits=bits)
    assert look(dataset)[0] == [*every[:3], every[5], *every[9:]]
    assert len(reads) == 2


def test_as_many_other_images_are_other_images(hashed: Make) -> None:
    dataset = hashed("a", 20)
    assert len(look(dataset)[0]) == 20
    Image.objects.filter(pk__in=ids_of(dataset)[-5:]).delete()
    Dataset.objects.filter(pk=dataset.pk).update(image_count=15)
    hashed("a", 5)
    assert look(dataset)[0] == ids_of(dataset)
    assert len(ids_of(dataset)) == 20


def test_a_deleted_dataset_is_gone(hashed: Make) -> None:
    dataset = hashed("a", 20)
    look(dataset)
    pk = dataset.pk
    dataset.delete()
    dataset.pk = pk
    assert look(dataset)[0] == []


def test_memory_is_bounded_and_what_was_dropped_is_read_again(
    hashed: Make, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_held, "_store", _held._Store())
    monkeypatch.setattr(_held, "MOST_BYTES", 3 * 40 * 16)
    datasets = [hashed(name, 40) for name in "abcd"]
    for _ in range(2):
        for dataset in datasets:
            assert len(look(dataset)[0]) == 40
    assert len(reads) == 8
    assert _held._store.size == sum(held.size for held in _held._store.kept.values()) <= 3 * 40 * 16
    reads.clear()
    for dataset in datasets[1:]:
        look(dataset)
    assert reads == []


def some(pairs: list[tuple[int, float]], orientation: int = 1) -> Nearest:
    ids = np.array([pk for pk, _ in pairs], np.int64)
    return Nearest.of(ids, ids // 10, np.array([distance for _, distance in pairs], np.float32), orientation)


def test_of_several_orientations_the_nearest_counts() -> None:
    found = Nearest.merged([some([(11, 5), (12, 1), (13, 4)]), some([(11, 2), (12, 1), (14, 9)], 6)])
    assert found.image_ids.tolist() == [12, 11, 13, 14]
    assert found.distance.tolist() == [1, 2, 4, 9]
    assert found.orientation.tolist() == [1, 6, 1, 6]
    assert found.without(12).within(4).image_ids.tolist() == [11, 13]
    assert found.first(1).dataset_ids.tolist() == [1]
    assert len(Nearest.merged([])) == 0
