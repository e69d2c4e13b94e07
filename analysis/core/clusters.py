"""Clusters: the images that pairs join, directly or through other images."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.core.arrays import Pairs
from analysis.core.errors import InvalidArray


def connected(n: int, pairs: Pairs) -> NDArray[np.int64]:
    """The cluster of every row: connected components of the pairs, whatever their distance.

    Args:
        n: number of rows; `pairs` index rows of this one set.
        pairs: pairs to accept; their order does not matter.

    Returns:
        int64, shape (n,): the smallest row of the component, so ids are the same for any order of the pairs.
        A row in no pair is its own cluster.

    Raises:
        InvalidArray: a pair names a row that does not exist.
    """
    require_rows(n, pairs)
    return smallest_connected(n, pairs.a, pairs.b)


def smallest_connected(n: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """The smallest row joined with each row by the edges (a, b); edges may repeat.

    Args:
        n: number of rows.
        a: int64, shape (m,), one end of each edge, in [0, n).
        b: int64, shape (m,), the other end.

    Returns:
        int64, shape (n,).
    """
    graph = coo_array((np.ones(len(a), np.float64), (a, b)), shape=(n, n)).tocsr()
    count, component = connected_components(graph, directed=False)
    smallest = np.full(count, n, np.int64)
    np.minimum.at(smallest, component, np.arange(n, dtype=np.int64))
    joined: NDArray[np.int64] = smallest[component]
    return joined


@njit(cache=True, nogil=True)
def spanning_forest(n: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which edges join rows that none before them has joined, directly or through others.

    Args:
        n: number of rows.
        a: int64, shape (m,), one end of each edge, in [0, n).
        b: int64, shape (m,), the other end.

    Returns:
        bool, shape (m,), true n - 1 times at most. Of edges in the order of their length, the chosen ones are a minimum
        spanning forest (Kruskal, https://doi.org/10.1090/S0002-9939-1956-0078686-7): up to any length they join the
        same rows as all edges do.
    """
    parent = np.arange(n)
    joining = np.zeros(len(a), np.bool_)
    for edge in range(len(a)):
        left, right = a[edge], b[edge]
        while parent[left] != left:
            parent[left] = parent[parent[left]]
            left = parent[left]
        while parent[right] != right:
            parent[right] = parent[parent[right]]
            right = parent[right]
        if left != right:
            parent[max(left, right)] = min(left, right)
            joining[edge] = True
    return joining


def members(cluster: NDArray[np.int64], *, at_least: int = 2) -> list[NDArray[np.int64]]:
    """The rows of each cluster.

    Args:
        cluster: int64, shape (n,), cluster id per row.
        at_least: leave out clusters with fewer rows.

    Returns:
        One int64 array per cluster, its rows ascending; clusters in order of their id.
    """
    order = np.argsort(cluster, kind="stable").astype(np.int64)
    starts = np.flatnonzero(np.diff(cluster[order])) + 1
    return [rows for rows in np.split(order, starts) if len(rows) >= max(at_least, 1)]


def require_rows(n: int, pairs: Pairs) -> None:
    """Refuse pairs that name a row outside [0, n) or join a row with itself.

    Raises:
        InvalidArray: the message names the first such pair.
    """
    wrong = np.flatnonzero((pairs.a < 0) | (pairs.b < 0) | (pairs.a >= n) | (pairs.b >= n) | (pairs.a == pairs.b))
    if wrong.size:
        first = int(wrong[0])
        raise InvalidArray(
            f"Pair {first + 1} joins rows {pairs.a[first]} and {pairs.b[first]}; "
            f"a pair joins two different rows of 0 to {n - 1}. {wrong.size} of {len(pairs)} pairs are wrong."
        )
