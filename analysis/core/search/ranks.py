"""How many embeddings are nearer to one of them than another is: the ranks of given pairs, exact or between bounds.

The rank of row j seen from row i is its place among all others ordered by cosine distance from i, of equal distances
the lower row first: 1 for the nearest, as `cosine_top_k` orders them. A product of two embeddings in float32 errs by at
most the summation error of `cosine`, so it decides of nearly every other row whether it is nearer; the exact distance
decides of the rest, and is taken for those pairs alone whose exact rank is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.search.cosine import LONGEST, pair_distances, shortfall, summation_error, tensor_of

_TILE = 4096
_ROWS = 512
_PAIRS = 256

Rows = NDArray[np.int64]


def cosine_rank_bounds(
    vectors: Vectors, rows: Rows, others: Rows, *, advance: Callable[[int], None] = lambda _: None
) -> tuple[Rows, Rows]:
    """Bounds of the ranks of pairs, at the cost of one product of all rows that occur with all rows.

    Memory beyond input and result does not grow with the number of embeddings.

    Args:
        vectors: n embeddings.
        rows: int64, shape (m,), rising: the rows from which the others are seen.
        others: int64, shape (m,), each another row than its partner.
        advance: told how many of the n rows are done since it was told last.

    Returns:
        The least and the largest rank that each of `others` can have, int64, shape (m,) each.
    """
    x = vectors.values
    certain, possible = _bounds(x, pair_distances(x, x, rows, others))
    least, largest = np.ones(len(rows), np.int64), np.zeros(len(rows), np.int64)
    queries, first = np.unique(rows, return_index=True)
    ends = np.append(first, len(rows))
    done = 0
    for start in range(0, len(queries), _ROWS):
        block = queries[start : start + _ROWS]
        part = slice(ends[start], ends[start + len(block)])
        place = np.searchsorted(block, rows[part])
        for products in _products(x, block):
            _count_above(products, place, certain[part], least[part])
            _count_above(products, place, possible[part], largest[part])
        advance(int(block[-1]) + 1 - done)
        done = int(block[-1]) + 1
    advance(len(x) - done)
    return least, largest


def cosine_ranks(vectors: Vectors, rows: Rows, others: Rows) -> Rows:
    """The exact ranks of pairs.

    Args:
        vectors: n embeddings.
        rows: int64, shape (m,), the rows from which the others are seen.
        others: int64, shape (m,), each another row than its partner.

    Returns:
        int64, shape (m,), from 1 to n - 1.
    """
    x = vectors.values
    distance = pair_distances(x, x, rows, others)
    certain, possible = _bounds(x, distance)
    ranks = np.ones(len(rows), np.int64)
    for start in range(0, len(rows), _PAIRS):
        part = slice(start, start + _PAIRS)
        above, maybe = certain[part, None], possible[part, None]
        at = 0
        for products in _products(x, rows[part]):
            nearer = products > above
            ranks[part] += nearer.sum(axis=1)
            pair, column = np.nonzero((products > maybe) & ~nearer)
            pair, column = pair + start, column + at
            exact = pair_distances(x, x, rows[pair], column)
            ahead = (exact < distance[pair]) | ((exact == distance[pair]) & (column < others[pair]))
            np.add.at(ranks, pair[ahead], 1)
            at += products.shape[1]
    return ranks


def _products(x: NDArray[np.float32], rows: Rows) -> Iterator[NDArray[np.float32]]:
    """Products of some rows with all rows, tile after tile; that of a row with itself counts as the least of all."""
    block = tensor_of(x[rows])
    for at in range(0, len(x), _TILE):
        products = (block @ tensor_of(x[at : at + _TILE]).T).numpy()
        own = np.flatnonzero((rows >= at) & (rows < at + _TILE))
        products[own, rows[own] - at] = -np.inf
        yield products


def _bounds(x: NDArray[np.float32], distance: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Products above which a row is surely nearer than the distance, and at or below which it surely is not nearer.

    The rounding of distances and of the bounds themselves to float32 is twice accounted for.
    """
    slack = summation_error(x.shape[1], LONGEST**2) + 2.0**-21
    product = 1.0 - distance.astype(np.float64)
    # Distances below 0 count as 0, so that nothing is nearer than a copy.
    certain = np.where(distance > 0, product + slack, np.inf)
    # Equal rows are at distance 0 whatever their product.
    possible = np.minimum(product, 1.0 - shortfall(x)) - slack
    return certain.astype(np.float32), possible.astype(np.float32)


@njit(cache=True, nogil=True)
def _count_above(products: NDArray[np.float32], place: Rows, bound: NDArray[np.float32], counts: Rows) -> None:
    """Add to each pair's count how many products in its row are above its bound.

    Args:
        products: float32, shape (q, w).
        place: int64, shape (m,), the row of each pair.
        bound: float32, shape (m,).
        counts: int64, shape (m,).
    """
    for pair in range(len(place)):
        row, limit = products[place[pair]], bound[pair]
        count = np.int32(0)
        for value in row:
            count += np.int32(value > limit)
        counts[pair] += count
