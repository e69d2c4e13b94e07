"""Planes of 8-bit samples: padded so that they can be transposed in whole tiles, made from RGB pixels.

A plane is a uint8 array whose sides are rounded up to multiples of 8, with whatever bytes in the margin; its logical
height and width travel beside it. All functions are compiled and hold no lock.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def padded(n: int) -> int:
    """`n` rounded up to a multiple of 8."""
    return (n + 7) // 8 * 8


@njit(cache=True, nogil=True)
def grey_plane(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The plane of ITU-R 601-2 luma, (19595 R + 38470 G + 7471 B + 32768) >> 16, of RGB pixels (height, width, 3)."""
    height, width, _ = rgb.shape
    plane = np.empty((padded(height), padded(width)), np.uint8)
    for y in range(height):
        row = rgb[y].reshape(3 * width)
        out = plane[y]
        for x in range(width):
            red, green, blue = np.int32(row[3 * x]), np.int32(row[3 * x + 1]), np.int32(row[3 * x + 2])
            out[x] = np.uint8((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16)
    return plane


@njit(cache=True, nogil=True)
def _swap(a: np.uint64, b: np.uint64, shift: np.uint64, mask: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Exchange the masked bits of `b` with those of `a` that lie `shift` higher."""
    bits = ((a >> shift) ^ b) & mask
    return a ^ (bits << shift), b ^ bits


@njit(cache=True, nogil=True)
def transposed(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The plane with rows and columns exchanged, by 8 x 8 tiles held in eight words (little-endian)."""
    height, width = plane.shape
    out = np.empty((width, height), np.uint8)
    source, target = plane.view(np.uint64), out.view(np.uint64)
    for i in range(height // 8):
        for j in range(width // 8):
            y, x = 8 * i, 8 * j
            a, b, c, d = source[y, j], source[y + 1, j], source[y + 2, j], source[y + 3, j]
            e, f, g, h = source[y + 4, j], source[y + 5, j], source[y + 6, j], source[y + 7, j]
            shift, mask = np.uint64(32), np.uint64(0x00000000FFFFFFFF)
            a, e = _swap(a, e, shift, mask)
            b, f = _swap(b, f, shift, mask)
            c, g = _swap(c, g, shift, mask)
            d, h = _swap(d, h, shift, mask)
            shift, mask = np.uint64(16), np.uint64(0x0000FFFF0000FFFF)
            a, c = _swap(a, c, shift, mask)
            b, d = _swap(b, d, shift, mask)
            e, g = _swap(e, g, shift, mask)
            f, h = _swap(f, h, shift, mask)
            shift, mask = np.uint64(8), np.uint64(0x00FF00FF00FF00FF)
            a, b = _swap(a, b, shift, mask)
            c, d = _swap(c, d, shift, mask)
            e, f = _swap(e, f, shift, mask)
            g, h = _swap(g, h, shift, mask)
            target[x, i], target[x + 1, i], target[x + 2, i], target[x + 3, i] = a, b, c, d
            target[x + 4, i], target[x + 5, i], target[x + 6, i], target[x + 7, i] = e, f, g, h
    return out
