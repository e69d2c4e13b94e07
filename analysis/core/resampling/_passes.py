"""The two passes of Pillow's 8-bit resize over planes, bit for bit, in compiled code that holds no lock."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.core.resampling._planes import padded, transposed
from analysis.core.resampling._weights import PRECISION_BITS, Weights, weights


@njit(cache=True, nogil=True)
def takes_height_first(height: int, width: int, n_rows: int, n_columns: int) -> bool:
    """Whether Pillow 13 resizes along the height before the width: where it takes away far more rows than columns.

    Versions before 13 always begin with the width, which moves single bits of tall images.
    """
    return height > n_rows and height - n_rows > 2 * (width - n_columns)


@njit(cache=True, nogil=True)
def weigh_rows(plane: NDArray[np.uint8], width: int, weighted: Weights) -> NDArray[np.uint8]:
    """Weighted sums of rows, rounded and clipped to 8 bits: one pass, along the first axis.

    Args:
        plane: the rows.
        width: how many columns matter.
        weighted: for each row of the result its rows and their weights.

    Returns:
        A plane of as many rows as there are weights.
    """
    first, count, table = weighted
    n_out = len(first)
    out = np.empty((padded(n_out), padded(width)), np.uint8)
    # A block of columns narrow enough that its sums and the rows below them stay in the nearest cache.
    block = min(width, 128)
    sums = np.empty(block, np.int32)
    for left in range(0, width, block):
        n = min(block, width - left)
        right = left + n
        for i in range(n_out):
            top, row = first[i], table[i]
            for j in range(n):
                sums[j] = np.int32(1 << (PRECISION_BITS - 1))
            fours = count[i] // 4 * 4
            for k in range(0, fours, 4):
                a, b = plane[top + k, left:right], plane[top + k + 1, left:right]
                c, d = plane[top + k + 2, left:right], plane[top + k + 3, left:right]
                wa, wb, wc, wd = row[k], row[k + 1], row[k + 2], row[k + 3]
                for j in range(n):
                    ab = np.int32(np.int32(wa * np.int32(a[j])) + np.int32(wb * np.int32(b[j])))
                    cd = np.int32(np.int32(wc * np.int32(c[j])) + np.int32(wd * np.int32(d[j])))
                    sums[j] = np.int32(sums[j] + np.int32(ab + cd))
            for k in range(fours, count[i]):
                a, wa = plane[top + k, left:right], row[k]
                for j in range(n):
                    sums[j] = np.int32(sums[j] + np.int32(wa * np.int32(a[j])))
            target = out[i, left:right]
            for j in range(n):
                target[j] = np.uint8(min(max(sums[j] >> np.int32(PRECISION_BITS), np.int32(0)), np.int32(255)))
    return out


@njit(cache=True, nogil=True)
def _resize_rows(plane: NDArray[np.uint8], height: int, width: int, n_rows: int, resampling: int) -> NDArray[np.uint8]:
    if n_rows == height:
        return plane
    return weigh_rows(plane, width, weights(height, n_rows, resampling, 0, n_rows))


@njit(cache=True, nogil=True)
def resize_width_first(  # noqa: PLR0917  compiled functions take their arguments in order
    turned: NDArray[np.uint8], height: int, width: int, n_rows: int, n_columns: int, resampling: int
) -> NDArray[np.uint8]:
    """Resize the transposed plane `turned` of an image along its width, then its height; a plane of (rows, columns)."""
    plane = transposed(_resize_rows(turned, width, height, n_columns, resampling))
    return _resize_rows(plane, height, n_columns, n_rows, resampling)


@njit(cache=True, nogil=True)
def resize_height_first(  # noqa: PLR0917  compiled functions take their arguments in order
    plane: NDArray[np.uint8], height: int, width: int, n_rows: int, n_columns: int, resampling: int
) -> NDArray[np.uint8]:
    """Resize the plane of an image along its height, then its width; a plane of (rows, columns)."""
    reduced = _resize_rows(plane, height, width, n_rows, resampling)
    if n_columns == width:
        return reduced
    return transposed(_resize_rows(transposed(reduced), width, n_rows, n_columns, resampling))
