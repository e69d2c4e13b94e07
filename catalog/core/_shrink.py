"""Shrinking RGB pixels for thumbnails, in compiled code that holds no lock."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def _triangle(n_in: int, n_out: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """First input sample, number of samples and weights of each output sample: a triangle over two output samples."""
    scale = n_in / n_out
    first = np.empty(n_out, np.int64)
    count = np.empty(n_out, np.int64)
    table = np.zeros((n_out, int(2 * scale) + 2), np.float32)
    for i in range(n_out):
        center = (i + 0.5) * scale
        first[i] = max(int(center - scale + 0.5), 0)
        count[i] = min(int(center + scale + 0.5), n_in) - first[i]
        total = 0.0
        for k in range(count[i]):
            table[i, k] = max(1.0 - abs(first[i] + k + 0.5 - center) / scale, 0.0)
            total += table[i, k]
        table[i] /= np.float32(total)
    return first, count, table


@njit(cache=True, nogil=True, fastmath=True)
def shrink(rgb: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Antialiased bilinear reduction to `height` x `width`, neither larger than the image.

    Args:
        rgb: uint8, shape (rows, columns, 3), contiguous.

    Returns:
        uint8, shape (height, width, 3).
    """
    rows, columns, _ = rgb.shape
    lines = rgb.reshape(rows, 3 * columns)
    top, n_down, down = _triangle(rows, height)
    left, n_across, across = _triangle(columns, width)
    out = np.empty((height, width, 3), np.uint8)
    line = np.empty(3 * columns, np.float32)
    half = np.float32(0.5)
    for y in range(height):
        line[:] = half
        for k in range(n_down[y]):
            weight, source = down[y, k], lines[top[y] + k]
            for x in range(3 * columns):
                line[x] += weight * np.float32(source[x])
        for x in range(width):
            red = green = blue = np.float32(0.0)
            for k in range(n_across[x]):
                weight, place = across[x, k], 3 * (left[x] + k)
                red += weight * line[place]
                green += weight * line[place + 1]
                blue += weight * line[place + 2]
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = np.uint8(red), np.uint8(green), np.uint8(blue)
    return out
