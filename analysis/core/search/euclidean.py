"""All pairs of short vectors of real numbers within a Euclidean distance.

Vectors are sorted along the dimension that tells most of them apart, so that each is compared with a window of the
others; sums of squares stop as soon as they exceed the distance. What is left is summed in one order in float64, which
alone decides.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Pairs
from analysis.core.errors import InvalidArray
from analysis.core.search._hubs import too_many_rows
from analysis.core.search._strips import join_strips

_SAMPLE = 2048
_WIDER = 1 + 1e-6
"""How much wider windows are than the distance: far more than a distance can be rounded by."""


def euclidean_distances(x: NDArray[np.float64], y: NDArray[np.float64], *, factor: float = 1.0) -> NDArray[np.float32]:
    """The distances of rows, float64 (m, dim) each, to the last bit those of `euclidean_join`: float32, shape (m,)."""
    # The last partial sum: squares added up one after the other, as the kernel does.
    squares = np.cumsum((x - y) ** 2, axis=1)[:, -1]
    return np.asarray(np.sqrt(squares) * factor, np.float32)


def euclidean_join(
    first: NDArray[np.float64],
    second: NDArray[np.float64] | None,
    max_distance: float,
    *,
    factor: float = 1.0,
    max_pairs: int = 50_000_000,
    threads: int | None = None,
) -> Pairs:
    """Find every pair of vectors at most `max_distance` apart: exactly those that brute force gives.

    Memory beyond input and result is a copy of the input. Made for dozens of dimensions; for hundreds a matrix product
    is the better filter (see `cosine`).

    Args:
        first: float64, shape (n, dim), finite.
        second: float64, shape (m, dim), finite, or None to join `first` with itself (a < b, each pair once).
        max_distance: largest distance, inclusive; 0 or more.
        factor: what lengths are multiplied by to give distances.
        max_pairs: largest number of pairs that the caller accepts.
        threads: number of threads; all cores when None.

    Returns:
        The pairs, sorted by a, then b; a is a row of `first`, b a row of `second` (or of `first`).

    Raises:
        InvalidArray: vectors of different dimensions, or a distance that is negative or not a number.
        TooManyPairs: more than `max_pairs` pairs. The search stops there; the hubs named are rows of `first` with their
            exact number of pairs: those in the most pairs among what was found.
    """
    # numba takes a second to import: pages that compare single pairs need not wait for it.
    from analysis.core.search._float_kernels import join_euclidean

    if not max_distance >= 0:
        raise InvalidArray(f"A Euclidean distance is 0 or more, not {max_distance}.")
    within = second is None
    other = first if second is None else second
    if first.shape[1] != other.shape[1]:
        raise InvalidArray(
            f"Vectors of {first.shape[1]} dimensions cannot be compared with vectors of {other.shape[1]}.",
            remedy="Join vectors of one signal.",
        )
    limit = np.float32(max_distance)
    reach = float(limit) / factor * _WIDER
    dims = _most_telling_first(other, reach)
    order1, order2 = np.argsort(first[:, dims[0]], kind="stable"), np.argsort(other[:, dims[0]], kind="stable")
    x, y = first[order1], other[order2]
    lead, sorted_lead = x[:, dims[0]], y[:, dims[0]]
    # Beside large values a small reach is lost in rounding; the next number on either side makes up for it.
    start = np.searchsorted(sorted_lead, np.nextafter(lead - reach, -np.inf), "left")
    end = np.searchsorted(sorted_lead, np.nextafter(lead + reach, np.inf), "right")
    if within:
        start = np.maximum(start, np.arange(1, len(x) + 1))
    step = partial(join_euclidean, x, y, start, end, dims, limit, factor)
    (a, b, distance), too_many = join_strips(len(x), step, max_pairs=max_pairs, threads=threads)
    a, b = order1[a], order2[b]
    if too_many:
        raise too_many_rows(
            a,
            b,
            len(first),
            lambda row: np.asarray(euclidean_distances(first[row][None], other, factor=factor) <= limit),
            within=within,
            reach=f"{limit:g}",
            limit=max_pairs,
        )
    if within:
        a, b = np.minimum(a, b), np.maximum(a, b)
    return Pairs(a, b, distance).sorted()


def _most_telling_first(rows: NDArray[np.float64], reach: float) -> NDArray[np.int64]:
    """Dimensions in rising order of how many of a few rows lie within reach of one another in them."""
    sample = np.sort(rows[:: max(1, len(rows) // _SAMPLE)], axis=0)
    near = [np.searchsorted(column, column + reach, "right").sum() for column in sample.T]
    return np.argsort(near, kind="stable")
