"""Which points lie inside an outline that someone drew: as an address carries it, and as the page's script decides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import AnalysisError

MOST_OUTLINES = 8
MOST_CORNERS = 64
_CORNERS = re.compile(r"(?:[0-9a-f]{8}){3,}\Z")


class InvalidOutline(AnalysisError, ValueError):
    """An address that holds no outline."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where stored points lie: outlines count from 0 to 65535, the points from 2767 to 62767.

    Attributes:
        x: the smallest first coordinate.
        y: the smallest second coordinate.
        span: the larger of width and height; 1 where all points are one.
    """

    x: float
    y: float
    span: float

    @classmethod
    def of(cls, points: NDArray[np.float32]) -> Self:
        """The frame of points of shape (n, 2)."""
        if not len(points):
            return cls(0.0, 0.0, 1.0)
        low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
        return cls(float(low[0]), float(low[1]), float((high - low).max()) or 1.0)

    def enclosed(self, points: NDArray[np.float32], outlines: Sequence[str]) -> NDArray[np.bool_]:
        """Which points lie inside one of the outlines, by the even-odd rule, bool, shape (n,).

        The operations and their order are those of `scatter_points.js`, so that both say the same of every point.

        Args:
            points: float32, shape (n, 2).
            outlines: hexadecimal text, eight digits a corner.

        Raises:
            InvalidOutline: a text that is no outline, or too many of them.
        """
        across = (points[:, 0].astype(np.float64) - self.x) / self.span * 60000 + 2767
        up = (points[:, 1].astype(np.float64) - self.y) / self.span * 60000 + 2767
        found = np.zeros(len(points), np.bool_)
        for corners in _decoded(outlines):
            low, high = corners.min(axis=0), corners.max(axis=0)
            near = np.flatnonzero(~found & (across >= low[0]) & (across <= high[0]) & (up >= low[1]) & (up <= high[1]))
            found[near] = _inside(across[near], up[near], corners)
        return found


def _decoded(outlines: Sequence[str]) -> list[NDArray[np.float64]]:
    if len(outlines) > MOST_OUTLINES or any(
        not _CORNERS.match(text) or len(text) > 8 * MOST_CORNERS for text in outlines
    ):
        raise InvalidOutline("This address holds no outline of a selection.", remedy="Draw around the images anew.")
    return [np.frombuffer(bytes.fromhex(text), ">u2").reshape(-1, 2).astype(np.float64) for text in outlines]


def _inside(px: NDArray[np.float64], py: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    odd = np.zeros(len(px), np.bool_)
    for i in range(len(corners)):
        (xi, yi), (xj, yj) = corners[i], corners[i - 1]
        if yi == yj:
            continue
        crosses = (yi > py) != (yj > py)
        odd ^= crosses & (px < (xj - xi) * (py - yi) / (yj - yi) + xi)
    return odd
