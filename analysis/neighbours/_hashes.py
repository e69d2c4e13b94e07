"""The nearest hashes: all of the chosen datasets are compared, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.metrics import Metric
from analysis.neighbours._held import Held, hashes_of, words_of
from analysis.neighbours._result import UPRIGHT, Nearest
from analysis.signals import KnownSignal


def nearest_hashes(
    query: bytes,
    *,
    known: KnownSignal,
    dataset_ids: Sequence[int],
    k: int,
    max_distance: float | None = None,
    orientation: int = UPRIGHT,
) -> Nearest:
    """The k nearest hashes of some datasets under a signal.

    Args:
        query: a hash as it is stored.
        known: the signal.
        dataset_ids: where to look; the caller answers for who may see them.
        k: neighbours, 1 or more.
        max_distance: how far away at most; as far as there are any when None.
        orientation: how the query was turned, for the result.
    """
    held = hashes_of([(dataset, known) for dataset in dataset_ids])
    return nearest_of(
        query,
        list(zip(dataset_ids, held, strict=True)),
        metric=known.hash.metric,
        k=k,
        max_distance=max_distance,
        orientation=orientation,
    )


def nearest_of(
    query: bytes,
    held: Sequence[tuple[int, Held]],
    *,
    metric: Metric[Any],
    k: int,
    max_distance: float | None = None,
    orientation: int = UPRIGHT,
) -> Nearest:
    """The k nearest of the hashes of some datasets, (dataset id, hashes) each; see `nearest_hashes`."""
    reach = metric.scale.largest if max_distance is None else max_distance
    parts = []
    for dataset, some in held:
        if not len(some.ids):
            continue
        if some.words is not None:
            rows, distance = _differing(query, some.words, k, reach)
        else:
            first = metric.scale.unrelated / 8 if max_distance is None else reach
            rows, distance = _joined(query, some, metric=metric, k=k, first=first, reach=reach)
        parts.append(Nearest.of(some.ids[rows], np.full(len(rows), dataset), distance, orientation).first(k))
    return Nearest.merged(parts).first(k)


def _differing(
    query: bytes, words: NDArray[np.uint64], k: int, reach: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows within reach, and all that are as near as the k-th; with their distances in bits."""
    asked = words_of(np.frombuffer(query, np.uint8)[None])
    distance = np.bitwise_count(words[0] ^ asked[0, 0]).astype(np.uint16)
    for word, value in zip(words[1:], asked[1:, 0], strict=True):
        distance += np.bitwise_count(word ^ value)
    limit = min(reach, float(np.partition(distance, k - 1)[k - 1])) if k < len(distance) else reach
    rows = np.flatnonzero(distance <= limit)
    return rows, distance[rows].astype(np.float32)


def _joined(
    query: bytes, held: Held, *, metric: Metric[Any], k: int, first: float, reach: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The same for a metric that only joins: it looks `first` far, then farther until it has found enough."""
    asked = metric.stack([query] if metric.width is None else np.frombuffer(query, np.uint8)[None])
    n = len(held.ids)
    distance = first
    while True:
        pairs = metric.join(asked, held.stack, distance, max_pairs=n)
        if len(pairs) >= min(k, n) or distance >= reach:
            return pairs.b, pairs.distance
        distance = min(2 * distance, reach)
