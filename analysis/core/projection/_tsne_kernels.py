"""Compiled parts of t-SNE, each for a range of rows (see `Threads`). Every row's sum runs in one fixed order."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

BISECTIONS = 100
CLOSE = 1e-5


@njit(cache=True, nogil=True, error_model="numpy")
def affinities(
    squared: NDArray[np.float64], perplexity: float, out: NDArray[np.float64], first: int, last: int
) -> None:
    """Each row's distribution over its neighbours, exp(-b d²) normalised, with b such that it has the perplexity.

    Args:
        squared: float64, shape (n, k), squared distances.
        perplexity: at most k.
        out: float64, shape (n, k), receives rows that sum to 1.
        first: first row of the range.
        last: row after the range.
    """
    k = squared.shape[1]
    wanted = np.log(perplexity)
    for i in range(first, last):
        low, high, beta = 0.0, np.inf, 1.0
        nearest = squared[i].min()
        total = 1.0
        for _ in range(BISECTIONS):
            total, weighted = 0.0, 0.0
            for j in range(k):
                # Relative to the nearest, which leaves the distribution as it is and keeps it from vanishing.
                apart = squared[i, j] - nearest
                value = np.exp(-beta * apart)
                out[i, j] = value
                total += value
                weighted += value * apart
            entropy = np.log(total) + beta * weighted / total
            if abs(entropy - wanted) <= CLOSE:
                break
            if entropy > wanted:
                low = beta
                beta = beta * 2 if high == np.inf else (beta + high) / 2
            else:
                high = beta
                beta = (beta + low) / 2
        for j in range(k):
            out[i, j] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def attraction(  # noqa: PLR0917  compiled functions take their arguments in order
    data: NDArray[np.float64],
    indices: NDArray[np.int32],
    indptr: NDArray[np.int32],
    points: NDArray[np.float64],
    out: NDArray[np.float64],
    first: int,
    last: int,
) -> None:
    """Sum over j of p_ij (y_i - y_j) / (1 + |y_i - y_j|²) into float64 (n, 2), of affinities in CSR form."""
    for i in range(first, last):
        x, y = points[i, 0], points[i, 1]
        pull_x, pull_y = 0.0, 0.0
        for at in range(indptr[i], indptr[i + 1]):
            j = indices[at]
            dx, dy = x - points[j, 0], y - points[j, 1]
            weight = data[at] / (1.0 + dx * dx + dy * dy)
            pull_x += weight * dx
            pull_y += weight * dy
        out[i, 0], out[i, 1] = pull_x, pull_y


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def repulsion_of_all(
    x: NDArray[np.float32], y: NDArray[np.float32], out: NDArray[np.float64], first: int, last: int
) -> None:
    """The repulsion of points by all others.

    Args:
        x: float32, shape (n,).
        y: float32, shape (n,).
        out: float64, shape (n, 3): sums over j of (y_i - y_j) / (1 + |y_i - y_j|²)², and of 1 / (1 + |y_i - y_j|²).
        first: first row of the range.
        last: row after the range.
    """
    one = np.float32(1.0)
    for i in range(first, last):
        x_i, y_i = x[i], y[i]
        near, push_x, push_y = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for j in range(len(x)):
            dx, dy = x_i - x[j], y_i - y[j]
            q = one / (one + dx * dx + dy * dy)
            near += q
            push_x += q * q * dx
            push_y += q * q * dy
        out[i, 0], out[i, 1], out[i, 2] = push_x, push_y, near - one


@njit(cache=True, nogil=True, error_model="numpy")
def spread(cell: NDArray[np.int32], weight: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Put every point on the nodes of the grid around it.

    Args:
        cell: int32, shape (n, 2), first node of the point's box along each axis.
        weight: float64, shape (n, 2, 3), share of each of the box's nodes along each axis.
        size: nodes along an axis.

    Returns:
        float64, shape (size, size).
    """
    grid = np.zeros((size, size))
    for i in range(len(cell)):
        for a in range(3):
            for b in range(3):
                grid[cell[i, 0] + a, cell[i, 1] + b] += weight[i, 0, a] * weight[i, 1, b]
    return grid


@njit(cache=True, nogil=True, error_model="numpy")
def gather(  # noqa: PLR0917  compiled functions take their arguments in order
    cell: NDArray[np.int32],
    weight: NDArray[np.float64],
    fields: NDArray[np.float64],
    out: NDArray[np.float64],
    first: int,
    last: int,
) -> None:
    """Read three fields of the grid, float64 (3, size, size), at points into the columns of `repulsion_of_all`."""
    for i in range(first, last):
        for field in range(3):
            total = 0.0
            for a in range(3):
                for b in range(3):
                    total += weight[i, 0, a] * weight[i, 1, b] * fields[field, cell[i, 0] + a, cell[i, 1] + b]
            out[i, field] = total
        out[i, 2] -= 1.0
