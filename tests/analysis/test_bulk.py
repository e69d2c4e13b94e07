"""COPY in and out: what is written is read back; what is known stays; what is gone is left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from django.db import IntegrityError
from psycopg.errors import CheckViolation

from analysis import bulk
from analysis.core.arrays import PackedBits, Pairs, Vectors
from analysis.core.errors import InvalidArray
from analysis.models import Measurement, Signal
from analysis.signals import signal
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_dataset

Make = Callable[..., Dataset]


def every_pair(a: Dataset, b: Dataset, step: int = 1) -> Pairs:
    ids_a, ids_b = bulk.read_image_ids(dataset_id=a.pk), bulk.read_image_ids(dataset_id=b.pk)
    first, second = np.repeat(ids_a, len(ids_b)), np.tile(ids_b, len(ids_a))
    return Pairs(first[::step], second[::step], (np.arange(len(first)) % 7)[::step].astype(np.float32))


def write(a: Dataset, b: Dataset, pairs: Pairs) -> None:
    bulk.write_measurements(signal_id=signal("phash-8").id, dataset_a=a.pk, dataset_b=b.pk, pairs=pairs)


def read(a: Dataset, b: Dataset) -> set[tuple[int, int, float]]:
    pairs = bulk.read_measurements(signal_id=signal("phash-8").id, dataset_a=a.pk, dataset_b=b.pk, max_distance=64)
    return as_set(pairs)


def as_set(pairs: Pairs) -> set[tuple[int, int, float]]:
    return set(zip(pairs.a.tolist(), pairs.b.tolist(), pairs.distance.tolist(), strict=True))


def test_a_range_of_hashes(hashed: Make) -> None:
    dataset = hashed("a", 12)
    known = signal("phash-8")
    ids, bits = bulk.read_hashes(dataset_id=dataset.pk, signal_id=known.id, n_bits=64)
    assert len(ids) == 12
    some, of_them = bulk.read_hashes(
        dataset_id=dataset.pk, signal_id=known.id, n_bits=64, after=int(ids[2]), upto=int(ids[7])
    )
    assert some.tolist() == ids[3:8].tolist()
    assert np.array_equal(of_them.packed, bits.packed[3:8])
    none, empty = bulk.read_hashes(dataset_id=dataset.pk, signal_id=known.id, n_bits=64, after=int(ids[-1]))
    assert len(none) == len(empty) == 0


@pytest.mark.parametrize("rows", [1, 7, 30, 250_000])
def test_measurements_in_parts_are_the_same(hashed: Make, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(bulk.copy, "PART_ROWS", rows)
    a, b = hashed("a", 6), hashed("b", 5)
    asked = {"signal_id": signal("phash-8").id, "dataset_a": a.pk, "dataset_b": b.pk, "max_distance": 5}
    assert sum(len(part) for part in bulk.measurement_parts(**asked)) == 0
    write(a, b, every_pair(a, b))
    parts = list(bulk.measurement_parts(**asked))
    near = {pair for pair in as_set(every_pair(a, b)) if pair[2] <= 5}
    assert sum(len(part) for part in parts) == len(near), "none comes twice"
    assert set().union(*map(as_set, parts)) == near
    assert rows > 7 or len(parts) > 3


@pytest.mark.parametrize("rows", [1, 7, 200_000])
def test_measurements_come_back_whatever_was_known(hashed: Make, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(bulk.measurements, "WRITE_ROWS", rows)
    a, b = hashed("a", 6), hashed("b", 5)
    pairs = every_pair(a, b)
    write(a, b, every_pair(a, b, step=3))
    assert len(read(a, b)) == 10
    write(a, b, pairs)
    write(a, b, pairs)
    assert read(a, b) == as_set(pairs)


def test_pairs_of_deleted_images_are_left_out(hashed: Make) -> None:
    a, b = hashed("a", 6), hashed("b", 5)
    pairs = every_pair(a, b)
    gone = {int(pairs.a[0]), int(pairs.b[-1])}
    Image.objects.filter(pk__in=gone).delete()
    left = {row for row in as_set(pairs) if gone.isdisjoint(row[:2])}
    write(a, b, pairs)
    assert read(a, b) == left
    # Likewise where some are known already.
    Measurement.objects.filter(distance__gt=2).delete()
    write(a, b, pairs)
    assert read(a, b) == left


def test_a_pair_in_the_wrong_order_is_refused(hashed: Make) -> None:
    a = hashed("a", 6)
    ids = bulk.read_image_ids(dataset_id=a.pk)
    wrong = Pairs(ids[1:], ids[:-1], np.zeros(5, np.float32))
    with pytest.raises((IntegrityError, CheckViolation)):
        write(a, a, wrong)


@pytest.mark.parametrize("n", [3, bulk.FEW_ROWS, bulk.FEW_ROWS + 1])
def test_few_and_many_hashes_are_stored_alike_and_twice_is_once(project: Project, n: int) -> None:
    dataset = create_dataset(project=project, name="many", by=None)
    Image.objects.bulk_create(Image(dataset=dataset, name=str(k), path=str(k)) for k in range(n))
    ids = bulk.read_image_ids(dataset_id=dataset.pk)
    known = signal("block_mean-16")
    bits = PackedBits(np.random.default_rng(n).integers(0, 256, (n, 32), np.uint8), 256)
    other = PackedBits(255 - bits.packed, 256)
    for each in (bits, other):
        bulk.write_hashes(dataset_id=dataset.pk, signal_id=known.id, image_ids=ids, bits=each)
    found, stored = bulk.read_hashes(dataset_id=dataset.pk, signal_id=known.id, n_bits=256)
    assert (found == ids).all()
    assert (stored.packed == bits.packed).all()


@pytest.mark.parametrize("dim", [3, 512, 2048])
def test_embeddings_come_back_to_the_bit_and_known_ones_stay(hashed: Make, dim: int) -> None:
    dataset = hashed("a", 9)
    ids = bulk.read_image_ids(dataset_id=dataset.pk)
    key = Signal.objects.create(name=f"vectors:test-{dim}").pk
    values = np.random.default_rng(dim).normal(size=(9, dim))
    vectors = Vectors((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32))

    def write(part: slice, vectors: Vectors) -> None:
        bulk.write_embeddings(dataset_id=dataset.pk, signal_id=key, image_ids=ids[part], vectors=vectors)

    assert bulk.read_embeddings(dataset_id=dataset.pk, signal_id=key)[1] is None
    write(slice(2, 6), Vectors(vectors.values[2:6]))
    # Those that are known stay, whatever comes for them later.
    write(slice(0, 9), Vectors(np.concatenate([vectors.values[:2], -vectors.values[2:6], vectors.values[6:]])))
    found, stored = bulk.read_embeddings(dataset_id=dataset.pk, signal_id=key)
    assert stored is not None
    assert found.tolist() == ids.tolist()
    assert np.array_equal(stored.values, vectors.values)
    some, of_them = bulk.read_embeddings(dataset_id=dataset.pk, signal_id=key, after=int(ids[2]), upto=int(ids[4]))
    assert of_them is not None
    assert (some.tolist(), of_them.values.tolist()) == (ids[3:5].tolist(), vectors.values[3:5].tolist())
    assert Signal.objects.get(pk=key).dim == dim
    with pytest.raises(InvalidArray, match=f"2 dimensions .* have {dim:,}"):
        write(slice(0, 1), Vectors(np.array([[1, 0]], np.float32)))


def test_the_orientation_of_a_pair_is_kept(hashed: Make) -> None:
    a, b = hashed("a", 2), hashed("b", 2)
    pairs = every_pair(a, b)
    turned = Pairs(pairs.a, pairs.b, pairs.distance, np.array([1, 6, 3, 8], np.int8))
    write(a, b, turned.take(slice(0, 1)))
    write(a, b, turned)
    rows = Measurement.objects.order_by("image_a", "image_b").values_list("orientation", flat=True)
    assert list(rows) == [1, 6, 3, 8]
