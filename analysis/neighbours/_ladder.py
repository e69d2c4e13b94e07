"""The ladder of a signal: pairs of a project's own pictures at every rung."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs, Vectors
from analysis.core.errors import TooManyPairs
from analysis.core.ladder import climb, cosine_pairs, hamming_pairs, rungs
from analysis.core.metrics import Hamming
from analysis.core.search import cosine_distances
from analysis.signals import KnownSignal

SAMPLE = 1_500
"""Images whose pairs are looked at: a million pairs."""
EACH = 3
"""Examples of a rung."""
_MOST_JOINED = 2_000_000
_LEAST_SAMPLE = 50

# In an order that depends on nothing but the images' ids, so that a page loaded twice shows the same.
_IMAGES = """
    SELECT h.image_id, {column} FROM {table} h JOIN catalog_image i ON i.id = h.image_id
    WHERE h.dataset_id = ANY(%s) AND h.signal_id = %s AND (i.file <> '' OR NOT %s)
    ORDER BY md5(h.image_id::text) LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Rung:
    """A distance with pairs that are about as far apart.

    Attributes:
        distance: of the rung.
        pairs: (image id, image id, distance), the nearest to the rung first.
    """

    distance: float
    pairs: list[tuple[int, int, float]]


@dataclass(frozen=True, slots=True)
class Ladder:
    """Example pairs of a signal.

    Attributes:
        rungs: the largest distance first.
        images: how many images the pairs were chosen from.
    """

    rungs: list[Rung]
    images: int


def ladder(known: KnownSignal, dataset_ids: Sequence[int]) -> Ladder:
    """Pairs at every rung, from a sample of the datasets' pictures; of fingerprints where there are no pictures."""
    for with_picture in (True, False):
        ids, rows = _sample(known, dataset_ids, with_picture=with_picture)
        if len(ids) >= 2:
            break
    else:
        return Ladder([], len(ids))
    targets = rungs(known.scale, known.default_distance)
    if known.is_embedding:
        vectors = np.stack([np.frombuffer(row, ">f4", offset=4) for row in rows]).astype(np.float32)
        chosen = [_measured(vectors, some) for some in climb(cosine_pairs(Vectors(vectors)), targets, count=EACH)]
    else:
        pairs, ids = _hash_pairs(known, ids, rows, max(targets))
        chosen = climb(pairs, targets, count=EACH)
    return Ladder([Rung(target, _named(ids, some)) for target, some in zip(targets, chosen, strict=True)], len(ids))


def _sample(
    known: KnownSignal, dataset_ids: Sequence[int], *, with_picture: bool
) -> tuple[NDArray[np.int64], list[bytes]]:
    column = "vector_send(h.vector)" if known.is_embedding else "h.bits"
    query = _IMAGES.format(column=column, table=known.stored._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(query, [list(dataset_ids), known.base.id, with_picture, SAMPLE])
        found = cursor.fetchall()
    return np.array([pk for pk, _ in found], np.int64), [bytes(row) for _, row in found]


def _hash_pairs(
    known: KnownSignal, ids: NDArray[np.int64], rows: list[bytes], reach: float
) -> tuple[Pairs, NDArray[np.int64]]:
    """Pairs up to a distance, with the ids that their rows are of: fewer images where all would give too many pairs."""
    metric = known.hash.metric
    if isinstance(metric, Hamming):
        packed = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)
        return hamming_pairs(PackedBits(packed, metric.n_bits)), ids
    while True:
        stack = metric.stack(rows)
        try:
            return metric.join(stack, None, reach, max_pairs=_MOST_JOINED), ids
        except TooManyPairs:
            if len(rows) <= _LEAST_SAMPLE:
                raise
            ids, rows = ids[: len(ids) // 2], rows[: len(rows) // 2]


def _measured(vectors: NDArray[np.float32], pairs: Pairs) -> Pairs:
    """The same pairs with the distance that a comparison measures."""
    exact = [cosine_distances(vectors[a], vectors[[b]])[0] for a, b in zip(pairs.a, pairs.b, strict=True)]
    return Pairs(pairs.a, pairs.b, np.array(exact, np.float32))


def _named(ids: NDArray[np.int64], pairs: Pairs) -> list[tuple[int, int, float]]:
    ends = np.sort(np.stack([ids[pairs.a], ids[pairs.b]], axis=1), axis=1)
    return [(a, b, distance) for (a, b), distance in zip(ends.tolist(), pairs.distance.tolist(), strict=True)]
