"""Pillow's fixed-point weights of an 8-bit resize, bit for bit: which samples make a new one, and how much of each.

Written after the published behaviour of Pillow (`Image.resize`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

PRECISION_BITS = 32 - 8 - 2  # 8 bits of result, 2 of headroom for the negative lobes of the filters
BOX, BILINEAR, BICUBIC, LANCZOS = range(4)
"""The filters, as compiled code knows them."""

Weights = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]
"""Of each output sample the first input sample, the number of samples, and their weights in units of 2**-22."""

_SUPPORT = (0.5, 1.0, 2.0, 3.0)
_DOUBT = 1e-6
"""A weight is computed again by Pillow's own operations when its last bit hangs on less than this: the fast way is off
by some 1e-8 of a unit at most."""

# sinc(u) = sin(pi u) / (pi u) as a series in (pi u)^2, exact to the last bits of a double for |u| <= 1.
_SINC = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in reversed(range(15)))


@njit(cache=True, nogil=True)
def weights(n_in: int, n_out: int, resampling: int, start: int, stop: int) -> Weights:
    """The weights of the output samples from `start` up to `stop`.

    Args:
        n_in: samples there are.
        n_out: samples that they are resized to.
        resampling: one of the filters.
        start, stop: which of the `n_out` are wanted.
    """
    scale = n_in / n_out
    stretch = max(scale, 1.0)
    support = _SUPPORT[resampling] * stretch
    width = math.ceil(support) * 2 + 1
    first = np.empty(stop - start, np.int64)
    count = np.empty(stop - start, np.int64)
    table = np.empty((stop - start, width), np.int32)
    row = np.empty(width, np.float64)
    step = 1.0 / stretch
    for i in range(stop - start):
        center = (start + i + 0.5) * scale
        low = max(int(center - support + 0.5), 0)
        high = min(int(center + support + 0.5), n_in)
        first[i], count[i] = low, high - low
        samples, made = row[: high - low], table[i]
        if resampling != LANCZOS or _fast_lanczos_row(samples, low, center, step, made) != 0:
            exact_row(samples, low, center, step, resampling, made)
    return first, count, table


@njit(cache=True, nogil=True)
def exact_row(  # noqa: PLR0917  compiled functions take their arguments in order
    row: NDArray[np.float64], first: int, center: float, step: float, resampling: int, out: NDArray[np.int32]
) -> None:
    """Weights of one output sample by the very operations of Pillow, into `out`; `row` is scratch."""
    total = 0.0
    for k in range(len(row)):
        row[k] = _filtered((k + first - center + 0.5) * step, resampling)
        total += row[k]
    for k in range(len(row)):
        scaled = row[k] / total * (1 << PRECISION_BITS)
        out[k] = np.int32(scaled - 0.5) if scaled < 0.0 else np.int32(scaled + 0.5)


@njit(cache=True, nogil=True)
def _filtered(x: float, resampling: int) -> float:
    if resampling == BOX:
        return 1.0 if -0.5 < x <= 0.5 else 0.0
    if resampling == BILINEAR:
        return max(1.0 - abs(x), 0.0)
    if resampling == BICUBIC:
        return _cubic(abs(x))
    return _sinc(x) * _sinc(x / 3.0) if -3.0 <= x < 3.0 else 0.0


@njit(cache=True, nogil=True)
def _cubic(x: float) -> float:
    a = -0.5
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    return (((x - 5.0) * x + 8.0) * x - 4.0) * a if x < 2.0 else 0.0


@njit(cache=True, nogil=True)
def _sinc(x: float) -> float:
    if x == 0.0:
        return 1.0
    x *= math.pi
    return math.sin(x) / x


@njit(cache=True, nogil=True, fastmath=True)
def _fast_lanczos_row(row: NDArray[np.float64], first: int, center: float, step: float, out: NDArray[np.int32]) -> int:
    """The same without a sine; returns how many weights are too near to the middle between two integers to be sure."""
    total = 0.0
    for k in range(len(row)):
        u = (k + first - center + 0.5) * step * (1.0 / 3.0)
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
        doubtful += abs(abs(size - whole) - 0.5) < _DOUBT
        out[k] = -whole if row[k] < 0.0 else whole
    return doubtful
