"""The Haar transform as PyWavelets rounds it, cell by cell: what decides a wavelet hash where block sums are equal.

ImageHash transforms the whole picture to its last level, drops the mean, transforms back, and transforms again down to
the cells. In exact arithmetic that changes nothing but a constant. In floating point it leaves differences of some
1e-16 between cells that are equal, and the library's bits follow them. Here the same products and sums are taken in the
same order, but one cell at a time: the library needs some 40 bytes for each pixel of the picture at once.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

F = math.sqrt(0.5)


@njit(cache=True, nogil=True)
def _coarser(fine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The approximation one level up: first along the columns, then along the rows."""
    half = fine.shape[0] // 2
    coarse = np.empty((half, half), np.float64)
    for i in range(half):
        for j in range(half):
            left = F * fine[2 * i + 1, 2 * j] + F * fine[2 * i, 2 * j]
            right = F * fine[2 * i + 1, 2 * j + 1] + F * fine[2 * i, 2 * j + 1]
            coarse[i, j] = F * right + F * left
    return coarse


@njit(cache=True, nogil=True)
def _finer(coarse: NDArray[np.float64], original: NDArray[np.float64]) -> NDArray[np.float64]:
    """The level below `coarse`, rebuilt with the details that the `original` of that level has."""
    fine = np.empty(original.shape, np.float64)
    for i in range(coarse.shape[0]):
        for j in range(coarse.shape[0]):
            a, b = original[2 * i, 2 * j], original[2 * i, 2 * j + 1]
            c, d = original[2 * i + 1, 2 * j], original[2 * i + 1, 2 * j + 1]
            low_left, low_right = F * c + F * a, F * d + F * b
            high_left, high_right = F * a - F * c, F * b - F * d
            low_detail = F * low_left - F * low_right
            high, high_detail = F * high_right + F * high_left, F * high_left - F * high_right
            low_left, low_right = F * coarse[i, j] + F * low_detail, F * coarse[i, j] - F * low_detail
            high_left, high_right = F * high + F * high_detail, F * high - F * high_detail
            fine[2 * i, 2 * j], fine[2 * i, 2 * j + 1] = F * low_left + F * high_left, F * low_right + F * high_right
            fine[2 * i + 1, 2 * j] = F * low_left - F * high_left
            fine[2 * i + 1, 2 * j + 1] = F * low_right - F * high_right
    return fine


@njit(cache=True, nogil=True)
def _pyramid(base: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """`base` and each coarser level of it, to a single value."""
    levels = [base]
    while levels[-1].shape[0] > 1:
        levels.append(_coarser(levels[-1]))
    return levels


@njit(cache=True, nogil=True)
def _rebuilt(top: NDArray[np.float64], levels: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The base of a pyramid with another value at its top."""
    current = top
    for k in range(len(levels) - 2, -1, -1):
        current = _finer(current, levels[k])
    return current


@njit(cache=True, nogil=True)
def approximation(square: NDArray[np.uint8], size: int) -> NDArray[np.float64]:
    """`dwt_low` of `imagehash.whash` for a grey picture of a power of two.

    Args:
        square: uint8, shape (side, side), side a power of two.
        size: cells along each side, a power of two, at most side.

    Returns:
        float64, shape (size, size).
    """
    side = square.shape[0] // size
    cells = np.empty((size, size), np.float64)
    for i in range(size):
        for j in range(size):
            levels = _pyramid(square[i * side : (i + 1) * side, j * side : (j + 1) * side] / 255.0)
            cells[i, j] = levels[-1][0, 0]
    rebuilt = _rebuilt(np.zeros((1, 1), np.float64), _pyramid(cells))
    for i in range(size):
        for j in range(size):
            levels = _pyramid(square[i * side : (i + 1) * side, j * side : (j + 1) * side] / 255.0)
            block = _rebuilt(rebuilt[i : i + 1, j : j + 1].copy(), levels)
            cells[i, j] = _pyramid(block)[-1][0, 0]
    return cells
