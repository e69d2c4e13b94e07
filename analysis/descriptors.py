"""The descriptors of a dataset's images as arrays, and their exact join: hashes and embeddings alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import Pairs
from analysis.core.orientations import best, inverse
from analysis.core.search import cosine_join
from analysis.signals import UPRIGHT, KnownSignal

Stack = Any
"""The descriptors of n images, as the signal's join takes them."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side of a join.

    Attributes:
        ids: image ids, int64, shape (n,), rising.
        upright: their descriptors; None where there are none.
        turned: for each orientation but the upright one, the images whose turned picture was described (rows of `ids`,
            int64) and these descriptors; empty unless the signal tries all orientations.
    """

    ids: NDArray[np.int64]
    upright: Stack | None
    turned: tuple[tuple[int, NDArray[np.int64], Stack], ...]

    def __len__(self) -> int:
        return len(self.ids)


def read(known: KnownSignal, dataset_id: int, *, after: int = 0, upto: int = bulk.LAST_ID) -> Side:
    """The descriptors of a dataset's images with after < id ≤ upto."""
    (_, base), *others = known.described
    ids, upright = _read(base, dataset_id, after, upto)
    turned = []
    for orientation, each in others:
        described, stack = _read(each, dataset_id, after, upto)
        there = np.isin(described, ids)
        if stack is not None and len(described) and there.all():
            turned.append((orientation, np.searchsorted(ids, described).astype(np.int64), stack))
    return Side(ids, upright, tuple(turned))


def _read(known: KnownSignal, dataset_id: int, after: int, upto: int) -> tuple[NDArray[np.int64], Stack | None]:
    if known.is_embedding:
        return bulk.read_embeddings(dataset_id=dataset_id, signal_id=known.id, after=after, upto=upto)
    metric = known.hash.metric
    ids, rows = bulk.read_descriptors(
        dataset_id=dataset_id, signal_id=known.id, width=metric.width, after=after, upto=upto
    )
    return ids, metric.stack(rows) if len(ids) else None


def join(known: KnownSignal, first: Side, second: Side | None, max_distance: float, *, max_pairs: int) -> Pairs:
    """Every pair of images at most `max_distance` apart, as rows of the sides; of one side each pair once, a < b.

    Where the signal tries all orientations, the second image is turned; only if no picture of that side can be (it
    brought fingerprints only), the first one is.

    Raises:
        TooManyPairs: more than `max_pairs`.
    """
    other = first if second is None else second
    if first.upright is None or other.upright is None:
        return Pairs.empty()
    upright = _join(known, first.upright, None if second is None else second.upright, max_distance, max_pairs)
    if not known.any_orientation:
        return upright
    parts = {UPRIGHT: upright}
    for orientation, rows, stack in other.turned:
        found = _join(known, first.upright, stack, max_distance, max_pairs)
        parts[orientation] = Pairs(found.a, rows[found.b], found.distance)
    if not other.turned:
        for orientation, rows, stack in first.turned:
            found = _join(known, stack, other.upright, max_distance, max_pairs)
            parts[inverse(orientation)] = Pairs(rows[found.a], found.b, found.distance)
    return best(parts, within=second is None)


def _join(known: KnownSignal, first: Stack, second: Stack | None, max_distance: float, max_pairs: int) -> Pairs:
    if known.is_embedding:
        return cosine_join(first, second, max_distance, max_pairs=max_pairs)
    return known.hash.metric.join(first, second, max_distance, max_pairs=max_pairs)


def count(known: KnownSignal, dataset_id: int) -> int:
    """Images of a dataset that have a descriptor under the signal."""
    return known.stored.objects.filter(dataset_id=dataset_id, signal_id=known.base.id).count()


def typical_width(known: KnownSignal) -> int:
    """Bytes that one image takes in a join, about."""
    sides = len(known.described)
    if not known.is_embedding:
        return known.hash.metric.typical_width * sides
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(dim, 1) FROM analysis_signal WHERE id = %s", [known.base.id])
        return int(cursor.fetchone()[0]) * np.dtype(np.float32).itemsize * sides
