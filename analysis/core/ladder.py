"""Example pairs at chosen distances: what a threshold means, shown on people's own images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs, Vectors
from analysis.core.scales import Cosine, Scale

SIMILARITIES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
"""Rungs of embeddings."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Rungs of hashes, in parts of their usual distance."""

_CANDIDATES = 64
"""Pairs near a rung, for each example wanted, among which those of different images are chosen."""


def rungs(scale: Scale, usual: float) -> list[float]:
    """Distances worth an example, the largest first: fixed similarities, or parts of a hash's usual distance.

    Args:
        scale: of the signal.
        usual: the signal's usual distance.
    """
    if isinstance(scale, Cosine):
        return [round(1 - similarity, 6) for similarity in SIMILARITIES]
    steps = {round(share * usual / scale.step) * scale.step for share in SHARES}
    return sorted((float(step) for step in steps if step <= scale.unrelated), reverse=True)


def cosine_pairs(vectors: Vectors) -> Pairs:
    """All pairs of embeddings with their distances in single precision: for choosing, not for measuring."""
    return _all_pairs(np.maximum(1 - vectors.values @ vectors.values.T, 0))


def hamming_pairs(hashes: PackedBits) -> Pairs:
    """All pairs of hashes with their distances in bits."""
    distance = np.zeros((len(hashes), len(hashes)), np.uint16)
    for column in hashes.packed.T:
        distance += np.bitwise_count(column[:, None] ^ column)
    return _all_pairs(distance)


def climb(pairs: Pairs, rungs: Sequence[float], *, count: int) -> list[Pairs]:
    """Examples for each rung, among the pairs that are nearer to it than to the others.

    Args:
        pairs: to choose from.
        rungs: distances, falling.
        count: examples of a rung, at most.
    """
    if len(rungs) < 2:
        return [examples(pairs, rung, count=count) for rung in rungs]
    gaps = -np.diff(np.array([2 * rungs[0] - rungs[1], *rungs, 2 * rungs[-1] - rungs[-2]]))
    found = []
    for rung, above, below in zip(rungs, gaps[:-1] / 2, gaps[1:] / 2, strict=True):
        near = (pairs.distance <= rung + above) & (pairs.distance >= rung - below)
        found.append(examples(pairs.take(near), rung, count=count))
    return found


def examples(pairs: Pairs, distance: float, *, count: int) -> Pairs:
    """The pairs nearest to a distance, no image in two of them; nearest to it first.

    Args:
        pairs: to choose from.
        distance: the rung.
        count: how many, at most.
    """
    away = np.abs(pairs.distance - np.float32(distance))
    some = min(len(pairs), count * _CANDIDATES)
    near = np.argpartition(away, some - 1)[:some] if some else np.empty(0, np.int64)
    # By distance from the rung, then by image: the same pairs for the same data.
    near = near[np.lexsort((pairs.b[near], pairs.a[near], away[near]))]
    seen: set[int] = set()
    fresh: list[int] = []
    for place in near.tolist():
        if len(fresh) == count:
            break
        if seen.isdisjoint((a := int(pairs.a[place]), b := int(pairs.b[place]))):
            seen |= {a, b}
            fresh.append(place)
    return pairs.take(np.array(fresh, np.int64))


def _all_pairs(distance: NDArray[np.float32] | NDArray[np.uint16]) -> Pairs:
    a, b = np.triu_indices(len(distance), 1)
    return Pairs(a.astype(np.int64), b.astype(np.int64), distance[a, b].astype(np.float32))
