"""Two or three circles of given sizes, placed so that they overlap as asked."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize

Floats = NDArray[np.float64]

GAP = 0.1
"""Distance between circles that share nothing, in radii of the largest circle."""

INSET = 0.8
"""How far towards the rim a circle lies within another, of the way that it could go."""

GOOD_ENOUGH = 1e-3
"""Largest error of a region at which circles stay where the overlaps of two are exact."""

APART = 1e-4
"""Weight of the gap against the squared error of the areas: it decides only where areas do not."""


def common_area(centres: Floats, radii: Floats) -> float:
    """Area common to all of m circles, exact: the integral of (x dy - y dx) / 2 along the arcs that bound it.

    Args:
        centres: float64, shape (m, 2).
        radii: float64, shape (m,), above zero.
    """
    area = 0.0
    circles = [(float(x), float(y), float(r)) for (x, y), r in zip(centres, radii, strict=True)]
    for i, (x, y, r) in enumerate(circles):
        arcs = [(0.0, math.tau)]
        for j, other in enumerate(circles):
            if i != j:
                arcs = _cut(arcs, _inside((x, y, r), other, first=i < j))
        for start, end in arcs:
            turn = r * (end - start) + x * (math.sin(end) - math.sin(start)) - y * (math.cos(end) - math.cos(start))
            area += r * turn / 2
    return max(area, 0.0)


def _inside(
    circle: tuple[float, float, float], other: tuple[float, float, float], *, first: bool
) -> list[tuple[float, float]]:
    """Angles in [0, 2π] at which the rim of a circle lies in another; of two equal circles the first is inside."""
    (x, y, r), (u, v, s) = circle, other
    d = math.hypot(u - x, v - y)
    if d == 0 and r == s:
        return [(0.0, math.tau)] if first else []
    if d <= s - r:
        return [(0.0, math.tau)]
    if d >= r + s or d <= r - s:
        return []
    half = math.acos(max(-1.0, min(1.0, (d * d + r * r - s * s) / (2 * d * r))))
    start = (math.atan2(v - y, u - x) - half) % math.tau
    end = start + 2 * half
    return [(start, end)] if end <= math.tau else [(0.0, end - math.tau), (start, math.tau)]


def _cut(arcs: list[tuple[float, float]], others: list[tuple[float, float]]) -> list[tuple[float, float]]:
    both = [(max(a, c), min(b, d)) for a, b in arcs for c, d in others]
    return [(start, end) for start, end in both if start < end]


def region_areas(centres: Floats, radii: Floats) -> Floats:
    """Area of each region of 1 to 3 circles: float64, shape (2**m,), at the bit mask of the circles it lies in."""
    m = len(radii)
    common = np.zeros(1 << m)
    for size in range(1, m + 1):
        for chosen in combinations(range(m), size):
            rows = [j for j in chosen if radii[j] > 0]
            if len(rows) == size:
                common[sum(1 << j for j in chosen)] = common_area(centres[rows], radii[rows])
    exact = common.copy()
    for j in range(m):
        for mask in range(1 << m):
            if not mask >> j & 1:
                exact[mask] -= exact[mask | 1 << j]
    exact[0] = 0.0
    return np.maximum(exact, 0.0)


def place(asked: Floats, k: int) -> tuple[Floats, Floats]:
    """Place k circles so that their regions have the asked areas, or come as near to it as two starts lead.

    Args:
        asked: float64, shape (2**k,), area of each region by bit mask, summing to 1.
        k: number of circles, 2 or 3.

    Returns:
        Centres, shape (k, 2), and radii, shape (k,). The area of each circle is exact. The first two lie on a
        horizontal line, the third not above it (y grows downwards); an empty set has radius 0, anywhere.
    """
    masks = np.arange(1 << k)
    radii = np.sqrt([asked[(masks >> j & 1) == 1].sum() / math.pi for j in range(k)])
    centres = np.zeros((k, 2))
    present = np.flatnonzero(radii > 0).tolist()
    distance = {
        (i, j): _distance(radii[i], radii[j], float(asked[(masks >> i & 1) & (masks >> j & 1) == 1].sum()), radii.max())
        for i, j in combinations(present, 2)
    }
    if len(present) == 2:
        centres[present[1], 0] = distance[present[0], present[1]]
    if len(present) == 3:
        centres = _fit(_triangle(distance, radii), radii, asked)
    return centres, radii


def _distance(r: float, s: float, overlap: float, largest: float) -> float:
    """The distance at which two circles overlap by an area; where many do, a legible one."""
    if overlap <= 0:
        return float(r + s + GAP * largest)
    low, high = abs(r - s), r + s
    if overlap >= math.pi * min(r, s) ** 2 * (1 - 1e-9):
        return float(low * INSET)

    def excess(d: float) -> float:
        return common_area(np.array([[0.0, 0.0], [d, 0.0]]), np.array([r, s])) - overlap

    return float(brentq(excess, low, high, xtol=1e-12))


def _triangle(distance: dict[tuple[int, int], float], radii: Floats) -> Floats:
    """Centres of three circles at the given distances, or on a line, to be fitted, where no triangle has them."""
    sides = dict(distance)
    longest = max(sides, key=lambda pair: sides[pair])
    others = [pair for pair in sides if pair != longest]
    missing = max(sides[longest] - sum(sides[pair] for pair in others), 0.0)
    for pair in others:
        sides[pair] += missing / 2
    ab, ac, bc = sides[0, 1], sides[0, 2], sides[1, 2]
    x = (ac**2 - bc**2 + ab**2) / (2 * ab) if ab > 0 else 0.0
    return np.array([[0.0, 0.0], [ab, 0.0], [x, math.sqrt(max(ac**2 - x**2, 0.0))]])


def _fit(centres: Floats, radii: Floats, asked: Floats) -> Floats:
    """Move three circles to where the squared error of the areas is smallest, if it is not small already."""
    if np.abs(region_areas(centres, radii) - asked).max() < GOOD_ENOUGH:
        return centres
    masks = np.arange(8)
    gaps = [
        (i, j, radii[i] + radii[j] + GAP * radii.max())
        for i, j in combinations(range(3), 2)
        if asked[(masks >> i & 1) & (masks >> j & 1) == 1].sum() == 0
    ]

    def at(free: Floats) -> Floats:
        return np.array([[0.0, 0.0], [free[0], 0.0], [free[1], free[2]]])

    def loss(free: Floats) -> float:
        moved = at(free)
        near = sum(max(gap - math.dist(moved[i], moved[j]), 0.0) ** 2 for i, j, gap in gaps)
        return float(((region_areas(moved, radii) - asked) ** 2).sum() + APART * near)

    best, least = centres, loss(np.array([centres[1, 0], *centres[2]]))
    for shrink in (1.0, 0.5):
        start = np.array([centres[1, 0], *centres[2]]) * shrink
        simplex = np.vstack([start, start + np.eye(3) * 0.2 * radii.min()])
        found = minimize(
            loss,
            start,
            method="Nelder-Mead",
            options={"initial_simplex": simplex, "maxiter": 120, "xatol": 1e-4, "fatol": 1e-10},
        )
        if found.fun < least:
            best, least = at(found.x), float(found.fun)
        if least < GOOD_ENOUGH**2:
            break
    # Mirrored so that the second circle is to the right and the third below.
    return best * np.where(best[[1, 2], [0, 1]] < 0, -1.0, 1.0)
