"""PDQ in compiled code that holds no lock, bit for bit what the package pdqhash gives.

Written after the published algorithm (Facebook 2019, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing
algorithm"): luma, two box filters along rows and columns, every n-th value of the result, a cosine transform, its
median. The package keeps the whole picture as floating point, six times over, and the interpreter's lock meanwhile;
here a picture goes through in bands of a few rows, with the same sums in the same order.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

SIDE = 64
SMALLEST = 5
"""Pictures less wide or high than this have no hash: all bits are 0, and so is the quality."""

_FREQUENCIES = np.array(
    [
        [float(np.float32(math.sqrt(2 / SIDE))) * math.cos(math.pi / 2 / SIDE * i * (2 * j + 1)) for j in range(SIDE)]
        for i in range(1, 17)
    ],
    np.float32,
)


@njit(cache=True, nogil=True)
def _window(length: int) -> int:
    """Values that a box takes together: half of what becomes one value, for it is applied twice."""
    return (length + 2 * SIDE - 1) // (2 * SIDE)


@njit(cache=True, nogil=True)
def _luma(row: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    for x in range(len(out)):
        grey = row[3 * x] * 0.299 + row[3 * x + 1] * 0.587
        out[x] = np.float32(grey + row[3 * x + 2] * 0.114)


@njit(cache=True, nogil=True)
def _box(values: NDArray[np.float32], window: int, out: NDArray[np.float32]) -> None:
    """The mean of the values around each one, as a running sum gives it; smaller windows at the ends."""
    n = len(values)
    ahead = window // 2
    total = np.float32(0)
    for i in range(ahead):
        total += values[i]
    size = ahead
    for i in range(window - ahead):
        total += values[i + ahead]
        size += 1
        out[i] = total / np.float32(size)
    whole = np.float32(window)
    for i in range(window - ahead, n - ahead):
        total += values[i + ahead]
        total -= values[i + ahead - window]
        out[i] = total / whole
    for i in range(n - ahead, n):
        total -= values[i + ahead - window]
        size -= 1
        out[i] = total / np.float32(size)


@njit(cache=True, nogil=True)
def _decimated(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The filtered luma at 64 x 64 places."""
    height, width, _ = rgb.shape
    flat = rgb.reshape(height, 3 * width)
    columns = np.empty(SIDE, np.int64)
    for j in range(SIDE):
        columns[j] = int((j + 0.5) * width / SIDE)
    window, ahead = _window(height), _window(height) // 2
    # The rows that the running sums of the columns still need, after the filter along rows.
    band = np.empty((window + 1, width), np.float32)
    line, sums = np.empty(width, np.float32), np.zeros(width, np.float32)
    mean, filtered = np.empty(width, np.float32), np.empty(width, np.float32)
    narrow = np.empty((SIDE, height), np.float32)
    size = 0
    for y in range(height + ahead):
        if y < height:
            _luma(flat[y], line)
            row = band[y % (window + 1)]
            _box(line, _window(width), row)
            for x in range(width):
                sums[x] += row[x]
            size += 1
        if y >= window:
            old = band[(y - window) % (window + 1)]
            for x in range(width):
                sums[x] -= old[x]
            size -= 1
        if y >= ahead:
            divisor = np.float32(size)
            for x in range(width):
                mean[x] = sums[x] / divisor
            _box(mean, _window(width), filtered)
            for j in range(SIDE):
                narrow[j, y - ahead] = filtered[columns[j]]
    out = np.empty((SIDE, SIDE), np.float32)
    column = np.empty(height, np.float32)
    for j in range(SIDE):
        _box(narrow[j], window, column)
        for i in range(SIDE):
            out[i, j] = column[int((i + 0.5) * height / SIDE)]
    return out


@njit(cache=True, nogil=True)
def _quality(cells: NDArray[np.float32]) -> int:
    """How much neighbouring cells differ, 0 to 100."""
    total = 0
    for i in range(SIDE):
        for j in range(SIDE):
            if i + 1 < SIDE:
                total += abs(int((cells[i, j] - cells[i + 1, j]) * np.float32(100) / np.float32(255)))
            if j + 1 < SIDE:
                total += abs(int((cells[i, j] - cells[i, j + 1]) * np.float32(100) / np.float32(255)))
    return min(total // 90, 100)


@njit(cache=True, nogil=True)
def _product(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """left @ right.T, each sum from the first product to the last."""
    out = np.zeros((len(left), len(right)), np.float32)
    for i in range(len(left)):
        for j in range(len(right)):
            total = np.float32(0)
            for k in range(left.shape[1]):
                total += left[i, k] * right[j, k]
            out[i, j] = total
    return out


@njit(cache=True, nogil=True)
def spectrum(rgb: NDArray[np.uint8], frequencies: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """The lowest frequencies of a picture, float32 (16, 16), and its quality, 0 to 100."""
    height, width, _ = rgb.shape
    if height < SMALLEST or width < SMALLEST:
        return np.zeros((16, 16), np.float32), 0
    if height == width == SIDE:
        cells = np.empty((SIDE, SIDE), np.float32)
        for y in range(SIDE):
            _luma(rgb[y].reshape(3 * SIDE), cells[y])
    else:
        cells = _decimated(rgb)
    half = _product(frequencies, np.ascontiguousarray(cells.T))
    return _product(half, frequencies), _quality(cells)


def bits_and_quality(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], int]:
    """The hash as `pdqhash.compute` lists its bits, and its quality.

    Args:
        rgb: uint8, shape (height, width, 3), contiguous and read-only.

    Returns:
        bool, shape (256,), and 0 to 100.
    """
    values, quality = spectrum(rgb, _FREQUENCIES)
    # The lower of the two middle values.
    median = np.partition(values, 127, axis=None)[127]
    return (values > median).ravel()[::-1], int(quality)
