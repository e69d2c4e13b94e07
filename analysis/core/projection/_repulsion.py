"""How strongly the points of t-SNE push each other away: exactly for few, by way of a grid for many.

The grid is that of FIt-SNE (Linderman et al. 2019, doi:10.1038/s41592-018-0308-4): points are spread on three nodes
per box along each axis, the push of every node on every node is one convolution by FFT, and points read it back by
interpolation. Its cost grows with the points, not with their pairs.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from analysis.core.projection._threads import Threads
from analysis.core.projection._tsne_kernels import gather, repulsion_of_all, spread

Floats = NDArray[np.float64]

MOST_EXACT = 30_000
"""Points up to which all pairs are faster than the grid."""

FINEST, COARSEST = 0.5, 1.0
"""Sides of a box in the units of the picture; what repels has a width of 1, so that coarser ones would be wrong."""

LEAST_BOXES, USUAL_BOXES, MOST_BOXES = 50, 250, 800
GROWTH = 1.15
"""Sides come in powers of it, so that kernels once transformed serve for many steps."""

NODES = 3
_AT = (np.arange(NODES) + 0.5) / NODES


def repulsion(points: Floats, threads: Threads) -> Floats:
    """Sum over j of (y_i - y_j) / (1 + |y_i - y_j|²)² / Z, float64, shape (n, 2); Z is the sum of 1 / (1 + |…|²)."""
    sums = exactly(points, threads) if len(points) <= MOST_EXACT else by_grid(points, threads)
    push: Floats = sums[:, :2] / sums[:, 2].sum()
    return push


def exactly(points: Floats, threads: Threads) -> Floats:
    """The sums of `repulsion_of_all` from all pairs, float64, shape (n, 3)."""
    x, y = np.ascontiguousarray(points.T, np.float32)
    out = np.empty((len(points), 3))
    threads.over(len(points), partial(repulsion_of_all, x, y, out))
    return out


def by_grid(points: Floats, threads: Threads) -> Floats:
    """The same by way of the grid."""
    low = points.min(axis=0)
    span = float((points.max(axis=0) - low).max())
    boxes, box = _boxes(span)
    place = (points - low) / box
    index = np.minimum(place.astype(np.int32), boxes - 1)
    weight = _weights(place - index)
    cell = index * np.int32(NODES)
    size = boxes * NODES
    transformed, width = _kernels(size, box / NODES)
    mass = fft.rfft2(spread(cell, weight, size), s=(width, width), workers=-1)
    fields = fft.irfft2(mass * transformed, s=(width, width), workers=-1)[:, :size, :size]
    out = np.empty((len(points), 3))
    threads.over(len(points), partial(gather, cell, weight, np.ascontiguousarray(fields), out))
    return out


def _boxes(span: float) -> tuple[int, float]:
    """How many boxes along an axis, and their side, for points spread over `span`."""
    side = min(max(span / USUAL_BOXES, FINEST), COARSEST)
    boxes = min(max(-(-int(np.ceil(span / side)) // 10) * 10, LEAST_BOXES), MOST_BOXES)
    return boxes, float(GROWTH ** np.ceil(np.log(max(span, 1e-9) / boxes) / np.log(GROWTH)) * (1 + 1e-9))


def _weights(within: Floats) -> Floats:
    """Lagrange weights of the three nodes of a box, at places 0 to 1 in it: shape (n, 2) to (n, 2, 3)."""
    columns = []
    for i in range(NODES):
        others = [_AT[j] for j in range(NODES) if j != i]
        columns.append(np.prod([(within - other) / (_AT[i] - other) for other in others], axis=0))
    return np.ascontiguousarray(np.stack(columns, axis=-1))


@lru_cache(maxsize=2)
def _kernels(size: int, spacing: float) -> tuple[NDArray[np.complex128], int]:
    """The kernels of the three sums, transformed, on a torus so wide that nothing wraps around; and its width."""
    width = fft.next_fast_len(2 * size, real=True)
    offset = np.arange(width)
    offset = np.where(offset <= width // 2, offset, offset - width) * spacing
    dx, dy = offset[:, None], offset[None, :]
    near = 1.0 / (1.0 + dx * dx + dy * dy)
    return fft.rfft2(np.stack([near * near * dx, near * near * dy, near]), workers=-1), width
