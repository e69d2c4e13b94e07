"""The pairs that one model finds near and the other far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.errors import InvalidArray
from analysis.core.model_agreement._neighbours import Advance, Neighbours
from analysis.core.search import cosine_rank_bounds, cosine_ranks, pair_distances

MOST_PAIRS = 200
"""Pairs on which two models differ most that are told, for each of the two directions."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class DifferentPairs:
    """Pairs that one model finds near and the other far, the most different first.

    Attributes:
        a: int64, shape (m,), the lower row of each pair.
        b: int64, shape (m,), the higher one.
        near: int64, shape (m, 2), under the one model: the rank of b among all others of a, and of a among those of b.
        far: int64, shape (m, 2), the same under the other model.
        near_distance: float32, shape (m,), cosine distance under the one model.
        far_distance: float32, shape (m,), under the other.
        mutual: how many pairs the one model finds near.
        found: how many of them the other finds far; these are the first.
    """

    a: Rows
    b: Rows
    near: Rows
    far: Rows
    near_distance: NDArray[np.float32]
    far_distance: NDArray[np.float32]
    mutual: int
    found: int

    def __len__(self) -> int:
        return len(self.a)


def most_different(
    near: Neighbours, far: Neighbours, vectors: Vectors, *, most: int = MOST_PAIRS, advance: Advance = lambda _: None
) -> DifferentPairs:
    """The pairs that one model finds near and the other far.

    Near are two images that are among the k nearest of each other under the one model; far, if neither is among the k
    nearest of the other under the other model. From whichever of its images one looks at such a pair, its ranks under
    the two models differ at least by the smaller rank under the other less the larger one under the first: the larger
    this is, the more different. Equal differences are in order of the rank under the first model, then of the rows.

    Args:
        near: neighbours under the model that finds the pairs near.
        far: neighbours of the same images under the other model.
        vectors: the embeddings of the other model.
        most: at most so many pairs.
        advance: told how many images are done since it was told last.

    Raises:
        InvalidArray: neighbours or embeddings of different images.
    """
    if near.rows.shape != far.rows.shape or len(vectors) != len(far.rows):
        raise InvalidArray(
            f"Neighbours of shapes {near.rows.shape} and {far.rows.shape} and {len(vectors):,} embeddings "
            "are not of the same images."
        )
    n = len(vectors)
    a, b, ranks, distance = _mutual(near)
    mutual = len(a)
    apart = ~(_among(a, b, far) | _among(b, a, far))
    a, b, ranks, distance = a[apart], b[apart], ranks[apart], distance[apart]
    larger = ranks.max(axis=1)
    bounds = _both_ways(a, b, lambda rows, others: cosine_rank_bounds(vectors, rows, others, advance=advance))
    least, largest = (bound.min(axis=1) - larger for bound in bounds)
    # A pair is worth its exact ranks where it may differ as much as the last of those that surely differ the most.
    surely = np.sort(least)[::-1][:most]
    worth = np.flatnonzero(largest >= (surely[-1] if len(surely) == most else -n))
    (exact,) = _both_ways(a[worth], b[worth], lambda rows, others: (cosine_ranks(vectors, rows, others),))
    order = np.lexsort((b[worth], a[worth], larger[worth], larger[worth] - exact.min(axis=1)))[:most]
    first = worth[order]
    return DifferentPairs(
        a=a[first],
        b=b[first],
        near=ranks[first],
        far=exact[order],
        near_distance=distance[first],
        far_distance=pair_distances(vectors.values, vectors.values, a[first], b[first]),
        mutual=mutual,
        found=len(a),
    )


def _mutual(near: Neighbours) -> tuple[Rows, Rows, Rows, NDArray[np.float32]]:
    """Pairs of images that are among the nearest of each other.

    Returns:
        rows a < b, int64, shape (m,) each, in this order; the ranks of b seen from a and of a seen from b, int64, shape
        (m, 2); and the distances, float32, shape (m,).
    """
    n, k = near.rows.shape
    a, b = np.repeat(np.arange(n), k), near.rows.reshape(-1)
    # Keys of a, then b, and the same pairs from the other side.
    forth, back = a * n + b, b * n + a
    rank, distance = np.tile(np.arange(1, k + 1), n), near.distances.reshape(-1)
    order = np.argsort(forth)
    place = np.minimum(np.searchsorted(forth, back, sorter=order), len(order) - 1)
    met = order[place]
    mutual = np.flatnonzero((forth[met] == back) & (a < b))
    mutual = mutual[np.argsort(forth[mutual])]
    return a[mutual], b[mutual], np.stack([rank[mutual], rank[met[mutual]]], axis=1), distance[mutual]


def _among(rows: Rows, others: Rows, neighbours: Neighbours) -> NDArray[np.bool_]:
    """Whether each of `others` is among the neighbours of its row."""
    found: NDArray[np.bool_] = (neighbours.rows[rows] == others[:, None]).any(axis=1)
    return found


def _both_ways(a: Rows, b: Rows, ranks: Callable[[Rows, Rows], tuple[Rows, ...]]) -> list[Rows]:
    """What a function of rows, rising, and others gives: int64, shape (m, 2), of b seen from a and of a seen from b."""
    rows, others = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.argsort(rows, kind="stable")
    found = []
    for each in ranks(rows[order], others[order]):
        back = np.empty_like(each)
        back[order] = each
        found.append(back.reshape(2, -1).T)
    return found
