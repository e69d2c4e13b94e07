"""Pillow's 8-bit resize of RGB pixels of which only a part is wanted: what is cut away is not computed."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.core.resampling._passes import takes_height_first, weigh_rows
from analysis.core.resampling._planes import padded, transposed
from analysis.core.resampling._weights import Weights, weights

STRIP_BYTES = 2**20
"""Pixels of one strip, about: they are gone over four times, and so should stay in a cache of the core."""

Box = tuple[int, int, int, int]
"""First row, the row behind the last, first column, the column behind the last."""


@njit(cache=True, nogil=True)
def _channels(rgb: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The planes of the three channels of a part of an image, one below the other."""
    y0, y1, x0, x1 = box
    height, width = y1 - y0, x1 - x0
    apart = padded(height)
    planes = np.empty((3 * apart, padded(width)), np.uint8)
    for y in range(height):
        row = rgb[y0 + y, x0:x1].reshape(3 * width)
        red, green, blue = planes[y], planes[apart + y], planes[2 * apart + y]
        for x in range(width):
            red[x], green[x], blue[x] = row[3 * x], row[3 * x + 1], row[3 * x + 2]
    return planes


@njit(cache=True, nogil=True)
def _joined(planes: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """The pixels of three planes that stand one below the other, into `out`."""
    height, width, _ = out.shape
    apart = len(planes) // 3
    for y in range(height):
        row = out[y].reshape(3 * width)
        red, green, blue = planes[y], planes[apart + y], planes[2 * apart + y]
        for x in range(width):
            row[3 * x], row[3 * x + 1], row[3 * x + 2] = red[x], green[x], blue[x]


@njit(cache=True, nogil=True)
def _weigh_across(planes: NDArray[np.uint8], weighted: Weights) -> NDArray[np.uint8]:
    """The pass along the width of planes that stand one below the other."""
    return transposed(weigh_rows(transposed(planes), len(planes), weighted))


@njit(cache=True, nogil=True)
def _weigh_strips(rgb: NDArray[np.uint8], box: Box, weighted: Weights) -> NDArray[np.uint8]:
    """The same planes after the pass along the width: one strip of rows after the other, to stay in the cache."""
    y0, y1, x0, x1 = box
    apart = padded(y1 - y0)
    planes = np.empty((3 * apart, padded(len(weighted[0]))), np.uint8)
    rows = padded(max(STRIP_BYTES // (3 * (x1 - x0)), 1))
    for top in range(0, y1 - y0, rows):
        strip = _weigh_across(_channels(rgb, (y0 + top, min(y0 + top + rows, y1), x0, x1)), weighted)
        n = len(strip) // 3
        for channel in range(3):
            begin = channel * apart + top
            planes[begin : begin + n] = strip[channel * n : (channel + 1) * n]
    return planes


@njit(cache=True, nogil=True)
def _weigh_down(planes: NDArray[np.uint8], width: int, weighted: Weights) -> NDArray[np.uint8]:
    """The pass along the height of three planes that stand one below the other."""
    apart, n_out = len(planes) // 3, padded(len(weighted[0]))
    out = np.empty((3 * n_out, padded(width)), np.uint8)
    for channel in range(3):
        plane = planes[channel * apart : (channel + 1) * apart]
        out[channel * n_out : (channel + 1) * n_out] = weigh_rows(plane, width, weighted)
    return out


@njit(cache=True, nogil=True)
def _samples(n_in: int, n_out: int, resampling: int, start: int, stop: int) -> tuple[int, int, Weights]:
    """The first input sample that matters to these output samples, the one behind the last, and weights from there."""
    first, count, table = weights(n_in, n_out, resampling, start, stop)
    if n_in == n_out:
        # Pillow makes no sums along a side that keeps its size.
        return start, stop, (first, count, table)
    begin = first[0]
    return begin, first[-1] + count[-1], (first - begin, count, table)


@njit(cache=True, nogil=True)
def resize_rgb(  # noqa: PLR0917  compiled functions take their arguments in order
    rgb: NDArray[np.uint8], n_rows: int, n_columns: int, resampling: int, out: NDArray[np.uint8], top: int, left: int
) -> None:
    """Resize an image and keep the part of it that begins at (`top`, `left`) and is as large as `out`.

    Args:
        rgb: uint8, shape (height, width, 3).
        n_rows, n_columns: size of the whole result.
        resampling: one of the filters.
        out: uint8, shape (rows, columns, 3), receives the part; it lies inside the whole result.
        top, left: where the part begins.
    """
    height, width, _ = rgb.shape
    rows, columns, _ = out.shape
    y0, y1, down = _samples(height, n_rows, resampling, top, top + rows)
    x0, x1, across = _samples(width, n_columns, resampling, left, left + columns)
    needed = (y0, y1, x0, x1)
    if takes_height_first(height, width, n_rows, n_columns):
        planes = _weigh_down(_channels(rgb, needed), x1 - x0, down)
        if n_columns != width:
            planes = _weigh_across(planes, across)
    else:
        planes = _channels(rgb, needed) if n_columns == width else _weigh_strips(rgb, needed, across)
        if n_rows != height:
            planes = _weigh_down(planes, columns, down)
    _joined(planes, out)
