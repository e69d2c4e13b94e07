"""Area-proportional Venn diagrams of two and three sets, and the rows of an UpSet plot of any number.

Every circle's area is exactly proportional to its set. Two circles show their overlap exactly, too. Three circles
cannot show every three sets (Wilkinson 2012, doi:10.1109/TVCG.2011.56), so the positions with the smallest squared
error of the areas are sought, and the error that is left is reported as eulerr and eulerAPE do (Micallef and Rodgers
2014, doi:10.1371/journal.pone.0101717): the largest difference between a region's share of the drawn and of the asked
area. The layout depends on nothing but the counts: the first set stands left, the second right, the third below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.circles import place, region_areas
from analysis.core.errors import InvalidArray

Floats = NDArray[np.float64]

MARGIN = 0.11
"""Room for labels on each side of the circles, in widths of the box."""

LABEL_GAP = 0.035
"""Distance of a set's label from its circle, in widths of the box."""

ROOM = 0.03
"""A region that holds no circle of this radius, in widths of the box, has its number outside with a leader."""

GRID = 80
"""Places tried along each side of the box."""

SIDES = ((-90, "middle"), (-135, "end"), (-45, "start"), (90, "middle"), (135, "end"), (45, "start"))
"""Where the label of a set may stand around its circle, in degrees clockwise from the right, the best first."""


@dataclass(frozen=True, slots=True)
class Circle:
    """A set's circle: centre and radius; the radius of an empty set is 0."""

    x: float
    y: float
    r: float


@dataclass(frozen=True, slots=True)
class RegionAnchor:
    """Where the number of a region stands, centred.

    Attributes:
        mask: bit mask of the sets.
        x: position of the number.
        y: position of the number.
        room: radius of the largest circle around the number that stays in the region; 0 with a leader.
        leader: the end of a line from the number into the region, where the number stands outside.
        error: share of the drawn area minus share of the asked area.
    """

    mask: int
    x: float
    y: float
    room: float
    leader: tuple[float, float] | None
    error: float


@dataclass(frozen=True, slots=True)
class SetAnchor:
    """Where the label of a set stands; `align` is start, middle or end of the text (SVG's text-anchor)."""

    x: float
    y: float
    align: str


@dataclass(frozen=True, slots=True)
class VennLayout:
    """A diagram in a box 1 wide and `height` high (at most 1), y downwards as in SVG.

    Attributes:
        height: height of the box.
        circles: one for each set, in the order of the bits.
        sets: the labels' places, in the same order.
        regions: one for each region with a count above zero, by rising mask.
        error: largest difference of any region's share of the drawn and of the asked area; below 1e-6 it is exact.
    """

    height: float
    circles: tuple[Circle, ...]
    sets: tuple[SetAnchor, ...]
    regions: tuple[RegionAnchor, ...]
    error: float

    def to_json(self) -> dict[str, Any]:
        """The fields under their names, numbers rounded to 5 decimals."""
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded


@dataclass(frozen=True, slots=True)
class UpsetRow:
    """A column of an UpSet plot: exactly these sets, and how many elements lie in them and in no other."""

    sets: tuple[int, ...]
    count: int

    def to_json(self) -> dict[str, Any]:
        """``{sets, count}``."""
        return {"sets": list(self.sets), "count": self.count}


def upset_rows(regions: Mapping[int, int]) -> list[UpsetRow]:
    """The regions that are not empty, the largest first; of equal ones those with fewer sets, then lower positions.

    Args:
        regions: bit mask of sets -> number of elements in exactly these sets.
    """
    rows = [UpsetRow(_sets(mask), int(count)) for mask, count in regions.items() if count > 0]
    return sorted(rows, key=lambda row: (-row.count, len(row.sets), row.sets))


def venn_layout(regions: Mapping[int, float], k: int) -> VennLayout:
    """Lay out a diagram of two or three sets; the slow case is three circles that must be fitted.

    Args:
        regions: bit mask of sets (bit j is set j) -> count in exactly these sets; missing masks are zero.
        k: number of sets, 2 or 3.

    Raises:
        InvalidArray: another number of sets, a mask of sets that do not exist, or a count below zero.
    """
    if k not in (2, 3):
        raise InvalidArray(f"Circles show 2 or 3 sets, not {k}.", remedy="Show an UpSet plot.")
    if any(not 0 < mask < 1 << k for mask in regions):
        raise InvalidArray(f"Regions of {k} sets have masks 1 to {(1 << k) - 1}, not {sorted(regions)}.")
    asked = np.array([float(regions.get(mask, 0)) for mask in range(1 << k)])
    if not (np.isfinite(asked) & (asked >= 0)).all():
        raise InvalidArray("Counts of regions are finite and at least 0.")
    if not asked.any():
        empty = np.zeros((k, 2))
        return VennLayout(
            2 * MARGIN, (Circle(0.5, MARGIN, 0.0),) * k, _label_sets(empty, np.zeros(k), 2 * MARGIN), (), 0.0
        )

    asked /= asked.sum()
    centres, radii = place(asked, k)
    drawn = region_areas(centres, radii)
    difference = drawn / drawn.sum() - asked

    present = radii > 0
    low = (centres - radii[:, None])[present].min(axis=0)
    high = (centres + radii[:, None])[present].max(axis=0)
    scale = (1 - 2 * MARGIN) / (high - low).max()
    height = float((high - low)[1] * scale + 2 * MARGIN)
    middle = np.array([0.5, height / 2])
    centres = np.where(present[:, None], (centres - (low + high) / 2) * scale + middle, middle)
    radii = radii * scale
    sets = _label_sets(centres, radii, height)
    return VennLayout(
        height=height,
        circles=tuple(Circle(float(x), float(y), float(r)) for (x, y), r in zip(centres, radii, strict=True)),
        sets=sets,
        regions=_label_regions(asked, difference, centres=centres, radii=radii, height=height, sets=sets),
        error=float(np.abs(difference).max()),
    )


def _label_sets(centres: Floats, radii: Floats, height: float) -> tuple[SetAnchor, ...]:
    """A place beside each circle away from the others, rather above than below; empty sets in a corner."""
    placed: list[SetAnchor] = []
    for j, (centre, r) in enumerate(zip(centres, radii, strict=True)):
        if r == 0:
            below = LABEL_GAP * (1.5 * np.count_nonzero(radii[j:] == 0) - 0.5)
            placed.append(SetAnchor(LABEL_GAP, float(height - below), "start"))
            continue
        candidates = []
        for rank, (angle, align) in enumerate(SIDES):
            spot = centre + (r + LABEL_GAP) * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
            beyond = [float(np.hypot(*(spot - centres[i])) - radii[i]) for i in range(len(radii)) if i != j]
            # Within another circle is better than on its rim, but worse than outside.
            circles = [d if d > 0 else min(-d, LABEL_GAP) / 2 for d in beyond]
            labels = [float(np.hypot(spot[0] - one.x, spot[1] - one.y)) - LABEL_GAP for one in placed]
            free = min([*circles, *labels, 2 * LABEL_GAP])
            candidates.append((free - 0.1 * LABEL_GAP * rank, SetAnchor(float(spot[0]), float(spot[1]), align)))
        placed.append(max(candidates, key=lambda candidate: candidate[0])[1])
    return tuple(placed)


def _label_regions(
    asked: Floats, difference: Floats, *, centres: Floats, radii: Floats, height: float, sets: tuple[SetAnchor, ...]
) -> tuple[RegionAnchor, ...]:
    """Each number in the middle of the widest part of its region, or outside all circles where that is too narrow."""
    grid = np.stack(np.meshgrid(np.linspace(0, 1, GRID), np.linspace(0, height, GRID)), axis=-1).reshape(-1, 2)
    taken = [np.array([one.x, one.y]) for one in sets]
    margin = np.array([1.5 * LABEL_GAP, LABEL_GAP])
    outside = _depth(grid, centres, radii, 0)
    fits = (outside >= LABEL_GAP) & (grid >= margin).all(axis=1) & (grid <= np.array([1, height]) - margin).all(axis=1)

    anchors = []
    for mask in np.flatnonzero(asked).tolist():
        spot, room = _deepest(grid, centres, radii, mask)
        if room >= ROOM:
            anchors.append(_region(mask, spot, room, None, difference))
            continue
        crowd = np.min([np.hypot(*(grid - one).T) for one in taken], axis=0)
        cost = np.hypot(*(grid - spot).T) + np.where(fits, 0, 10) + np.where(crowd < 2 * LABEL_GAP, 5, 0)
        number = grid[int(np.argmin(cost))]
        taken.append(number)
        anchors.append(_region(mask, number, 0.0, (float(spot[0]), float(spot[1])), difference))
    return tuple(anchors)


def _region(
    mask: int, spot: Floats, room: float, leader: tuple[float, float] | None, difference: Floats
) -> RegionAnchor:
    return RegionAnchor(mask, float(spot[0]), float(spot[1]), room, leader, float(difference[mask]))


def _depth(points: Floats, centres: Floats, radii: Floats, mask: int) -> Floats:
    """How far points of shape (m, 2) are from the border of a region: above zero inside it, shape (m,)."""
    drawn = [j for j in range(len(radii)) if radii[j] > 0]
    inward = [(radii[j] - np.hypot(*(points - centres[j]).T)) * (1 if mask >> j & 1 else -1) for j in drawn]
    return np.asarray(np.min(inward, axis=0), np.float64)


def _deepest(grid: Floats, centres: Floats, radii: Floats, mask: int) -> tuple[Floats, float]:
    """The point farthest inside a region, and how far: the best of a grid, then of ever finer grids around it."""
    near = np.stack(np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9)), axis=-1).reshape(-1, 2)
    spot = grid[int(np.argmax(_depth(grid, centres, radii, mask)))]
    for zoom in range(6):
        around = spot + near * (1.5 / GRID / 3**zoom)
        depth = _depth(around, centres, radii, mask)
        spot = around[int(np.argmax(depth))]
    return spot, float(depth.max())


def _sets(mask: int) -> tuple[int, ...]:
    return tuple(j for j in range(mask.bit_length()) if mask >> j & 1)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return round(value, 5) if isinstance(value, float) else value
