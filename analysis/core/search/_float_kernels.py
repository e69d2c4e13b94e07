"""Compiled joins of short vectors of numbers: Euclidean distance, and the peak of circular cross-correlation.

Each kernel decides a pair by one sum in one order, in float64 or in whole numbers, so the result does not depend on how
rows are sorted, cut into strips or dealt to threads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

BLOCK = 256
"""Rows of the second set that are bounded in one go."""


@njit(cache=True, nogil=True)
def join_euclidean(  # noqa: PLR0917  compiled functions take their arguments in order
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    first_near: NDArray[np.int64],
    last_near: NDArray[np.int64],
    dims: NDArray[np.int64],
    limit: np.float32,
    factor: float,
    state: NDArray[np.int64],
    last_row: int,
    out1: NDArray[np.int64],
    out2: NDArray[np.int64],
    out_distance: NDArray[np.float32],
) -> int:
    """Compare each row of a strip with its window of the second set.

    Args:
        x: float64, shape (n, dim).
        y: float64, shape (m, dim).
        first_near: int64, shape (n,), where each row's window of `y` starts.
        last_near: int64, shape (n,), where it ends.
        dims: int64, shape (dim,), the order in which squares are added up to turn pairs away.
        limit: largest distance.
        factor: what lengths are multiplied by to give distances.
        state: int64, shape (2,), where to go on: row of `x`, offset in its window; state[0] is -1 at the end.
        last_row: row after the strip.
        out1: int64, shape (capacity,), receives rows of `x`.
        out2: int64, shape (capacity,), receives rows of `y`.
        out_distance: float32, shape (capacity,).

    Returns:
        Number of pairs written. Call again with the same state until state[0] is -1.
    """
    count = 0
    # Sums in another order differ by some 1e-14 of their value; that a distance rounds to the limit, by 1e-7.
    enough = (float(limit) / factor) ** 2 * (1 + 1e-6)
    offset = state[1]
    for i in range(state[0], last_row):
        for j in range(first_near[i] + offset, last_near[i]):
            total = 0.0
            for k in dims:
                difference = x[i, k] - y[j, k]
                total += difference * difference
                if total > enough:
                    break
            else:
                total = 0.0
                for k in range(x.shape[1]):
                    difference = x[i, k] - y[j, k]
                    total += difference * difference
                distance = np.float32(math.sqrt(total) * factor)
                if distance <= limit:
                    if count == len(out1):
                        state[0], state[1] = i, j - first_near[i]
                        return count
                    out1[count], out2[count], out_distance[count] = i, j, distance
                    count += 1
        offset = 0
    state[0] = -1
    return count


@njit(cache=True, nogil=True)
def join_circular(  # noqa: PLR0917  compiled functions take their arguments in order
    x: NDArray[np.float32],
    x_bounds: NDArray[np.float32],
    x_sums: NDArray[np.float64],
    x_spreads: NDArray[np.float64],
    y_twice: NDArray[np.float32],
    y_bounds: NDArray[np.float32],
    y_sums: NDArray[np.float64],
    y_spreads: NDArray[np.float64],
    within: bool,
    limit: np.float32,
    least: np.float32,
    state: NDArray[np.int64],
    last_row: int,
    out1: NDArray[np.int64],
    out2: NDArray[np.int64],
    out_distance: NDArray[np.float32],
) -> int:
    """Compare each row of a strip with all rows of the second set.

    Args:
        x: float32, shape (n, width): whole numbers, 0 to 255.
        x_bounds: float32, shape (n, k): by whose product with another row's no correlation is exceeded.
        x_sums: float64, shape (n,), the sum of each row.
        x_spreads: float64, shape (n,): the variance of each row times width squared.
        y_twice: float32, shape (m, 2 * width), each row of the second set twice.
        y_bounds: float32, shape (k, m).
        y_sums: float64, shape (m,).
        y_spreads: float64, shape (m,).
        within: whether both sets are one: then only pairs with the first row below the second.
        limit: largest distance.
        least: smallest product of bounds of a pair within it.
        state: int64, shape (2,), where to go on: row of `x`, row of `y`; state[0] is -1 at the end.
        last_row: row after the strip.
        out1: int64, shape (capacity,), receives rows of `x`; capacity at least BLOCK.
        out2: int64, shape (capacity,), receives rows of `y`.
        out_distance: float32, shape (capacity,).

    Returns:
        Number of pairs written. Call again with the same state until state[0] is -1.
    """
    count = 0
    width = x.shape[1]
    bound = np.empty(BLOCK, np.float32)
    products = np.empty(width, np.float32)
    m = len(y_twice)
    start = state[1]
    for i in range(state[0], last_row):
        for block in range(start, m, BLOCK):
            size = min(BLOCK, m - block)
            if within and block + size <= i + 1:
                continue
            if count + size > len(out1):
                state[0], state[1] = i, block
                return count
            bound[:] = 0
            for k in range(len(y_bounds)):
                value, column = x_bounds[i, k], y_bounds[k, block : block + size]
                for t in range(size):
                    bound[t] += value * column[t]
            for t in range(size):
                j = block + t
                if bound[t] < least or (within and j <= i):
                    continue
                # Whole numbers below 2 ** 24: exact in float32, in any order.
                products[:] = 0
                for k in range(width):
                    value, shifted = x[i, k], y_twice[j, k : k + width]
                    for s in range(width):
                        products[s] += value * shifted[s]
                covariance = width * float(products.max()) - x_sums[i] * y_sums[j]
                root = math.sqrt(x_spreads[i] * y_spreads[j])
                distance = np.float32(max(1.0 - covariance / root, 0.0) if root > 0.0 else 1.0)
                if distance <= limit:
                    out1[count], out2[count], out_distance[count] = i, j, distance
                    count += 1
        start = 0
    state[0] = -1
    return count
