"""The grey reductions that hashes are made of, all of an image in one call, in compiled code that holds no lock."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.core.resampling._passes import resize_height_first, resize_width_first, takes_height_first
from analysis.core.resampling._planes import grey_plane, transposed
from analysis.core.resampling._weights import LANCZOS


@njit(cache=True, nogil=True)
def reductions(rgb: NDArray[np.uint8], sizes: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Resize the grey version of an image to several sizes.

    Args:
        rgb: uint8, shape (height, width, 3).
        sizes: int64, shape (k, 2), the width and height of each.
        out: uint8, shape (sum of widths x heights,), receives one after the other.
    """
    height, width, _ = rgb.shape
    plane = grey_plane(rgb)
    turned = np.empty((0, 0), np.uint8)
    start = 0
    for n_columns, n_rows in sizes:
        if takes_height_first(height, width, n_rows, n_columns):
            reduced = resize_height_first(plane, height, width, n_rows, n_columns, LANCZOS)
        else:
            if turned.size == 0:
                turned = transposed(plane)
            reduced = resize_width_first(turned, height, width, n_rows, n_columns, LANCZOS)
        for i in range(n_rows):
            out[start : start + n_columns] = reduced[i, :n_columns]
            start += n_columns


@njit(cache=True, nogil=True)
def block_sums(image: NDArray[np.uint8], size: int) -> NDArray[np.int64]:
    """Sums over `size` x `size` equal blocks of a square image whose side `size` divides: int64, (size, size)."""
    side = image.shape[0] // size
    sums = np.zeros((size, size), np.int64)
    columns = np.empty(image.shape[1], np.int32)
    for i in range(size):
        columns[:] = 0
        for y in range(i * side, (i + 1) * side):
            row = image[y]
            for x in range(image.shape[1]):
                columns[x] = np.int32(columns[x] + np.int32(row[x]))
        for x in range(image.shape[1]):
            sums[i, x // side] += columns[x]
    return sums
