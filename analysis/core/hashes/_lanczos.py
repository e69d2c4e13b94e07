"""Pillow's grey conversion and its 8-bit LANCZOS resize, bit for bit, in compiled code that holds no lock.

Written after the published behaviour of Pillow 13 (`Image.convert("L")`, `Image.resize(size, LANCZOS)`), so that what a
hash means does not change with the version of Pillow that happens to be installed: versions before 13 resize tall
images in the other order of passes, which moves single bits.

A plane here is a uint8 array whose sides are rounded up to multiples of 8, with whatever bytes in the margin; its
logical height and width travel beside it. So it can be transposed in whole 8 x 8 tiles.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

PRECISION_BITS = 32 - 8 - 2  # 8 bits of result, 2 of headroom for the negative lobes of the filter
SUPPORT = 3.0
DOUBT = 1e-6
"""A weight is computed again by Pillow's own operations when its last bit hangs on less than this: the fast way is off
by some 1e-8 of a unit at most."""

# sinc(u) = sin(pi u) / (pi u) as a series in (pi u)^2, exact to the last bits of a double for |u| <= 1.
_SINC = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in reversed(range(15)))


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


@njit(cache=True, nogil=True)
def _sinc(x: float) -> float:
    if x == 0.0:
        return 1.0
    x *= math.pi
    return math.sin(x) / x


@njit(cache=True, nogil=True)
def _exact_row(row: NDArray[np.float64], first: int, center: float, step: float, out: NDArray[np.int32]) -> None:
    """Weights of one output sample by the very operations of Pillow, into `out`; `row` is scratch."""
    total = 0.0
    for k in range(len(row)):
        x = (k + first - center + 0.5) * step
        row[k] = _sinc(x) * _sinc(x / 3.0) if -SUPPORT <= x < SUPPORT else 0.0
        total += row[k]
    for k in range(len(row)):
        scaled = row[k] / total * (1 << PRECISION_BITS)
        out[k] = np.int32(scaled - 0.5) if scaled < 0.0 else np.int32(scaled + 0.5)


@njit(cache=True, nogil=True, fastmath=True)
def _fast_row(row: NDArray[np.float64], first: int, center: float, step: float, out: NDArray[np.int32]) -> int:
    """The same without a sine; returns how many weights are too near to the middle between two integers to be sure."""
    total = 0.0
    for k in range(len(row)):
        u = (k + first - center + 0.5) * step * (1.0 / SUPPORT)
        y = (math.pi * u) ** 2
        sinc = 0.0
        for coefficient in _SINC:
            sinc = sinc * y + coefficient
        # sinc(3u) sinc(u) by sin 3a = 3 sin a - 4 sin^3 a
        weight = sinc * sinc * (1.0 - (4.0 / 3.0) * sinc * sinc * y)
        row[k] = weight if abs(u) <= 1.0 else 0.0
        total += row[k]
    factor = (1 << PRECISION_BITS) / total
    doubtful = 0
    for k in range(len(row)):
        size = abs(row[k]) * factor
        whole = np.int32(size + 0.5)
        doubtful += abs(abs(size - whole) - 0.5) < DOUBT
        out[k] = -whole if row[k] < 0.0 else whole
    return doubtful


@njit(cache=True, nogil=True)
def weights(n_in: int, n_out: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """First input sample, number of samples and fixed-point weights of each of `n_out` output samples."""
    scale = n_in / n_out
    stretch = max(scale, 1.0)
    support = SUPPORT * stretch
    width = math.ceil(support) * 2 + 1
    first = np.empty(n_out, np.int64)
    count = np.empty(n_out, np.int64)
    table = np.empty((n_out, width), np.int32)
    row = np.empty(width, np.float64)
    step = 1.0 / stretch
    for i in range(n_out):
        center = (i + 0.5) * scale
        low = max(int(center - support + 0.5), 0)
        high = min(int(center + support + 0.5), n_in)
        first[i], count[i] = low, high - low
        if _fast_row(row[: high - low], low, center, step, table[i]) != 0:
            _exact_row(row[: high - low], low, center, step, table[i])
    return first, count, table


@njit(cache=True, nogil=True)
def reduce_rows(plane: NDArray[np.uint8], height: int, width: int, n_out: int) -> NDArray[np.uint8]:
    """The plane resized along its first axis from `height` to `n_out` rows, rounded and clipped to 8 bits."""
    first, count, table = weights(height, n_out)
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
def takes_height_first(height: int, width: int, n_rows: int, n_columns: int) -> bool:
    """Whether Pillow 13 resizes along the height before the width: where it takes away far more rows than columns."""
    return height > n_rows and height - n_rows > 2 * (width - n_columns)


@njit(cache=True, nogil=True)
def resize_width_first(
    turned: NDArray[np.uint8], height: int, width: int, n_rows: int, n_columns: int
) -> NDArray[np.uint8]:
    """Resize the transposed plane `turned` of an image along its width, then its height; a plane of (rows, columns)."""
    plane = turned if n_columns == width else reduce_rows(turned, width, height, n_columns)
    plane = transposed(plane)
    return plane if n_rows == height else reduce_rows(plane, height, n_columns, n_rows)


@njit(cache=True, nogil=True)
def resize_height_first(
    plane: NDArray[np.uint8], height: int, width: int, n_rows: int, n_columns: int
) -> NDArray[np.uint8]:
    """Resize the plane of an image along its height, then its width; a plane of (rows, columns)."""
    reduced = plane if n_rows == height else reduce_rows(plane, height, width, n_rows)
    return reduced if n_columns == width else transposed(reduce_rows(transposed(reduced), width, n_rows, n_columns))


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
            reduced = resize_height_first(plane, height, width, n_rows, n_columns)
        else:
            if turned.size == 0:
                turned = transposed(plane)
            reduced = resize_width_first(turned, height, width, n_rows, n_columns)
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
