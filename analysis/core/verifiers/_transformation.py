"""The one transformation that explains where matched points lie, and whether it can be one of two pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

TOLERANCE = 4.0
"""Pixels of the working size by which an inlier may miss its place."""
TRIES = 5000
CONFIDENCE = 0.999
LARGEST_SCALE = 12.0
"""Between two working sizes; also the largest reduction."""
LARGEST_STRETCH = 4.0
"""How much more one direction may be enlarged than the one across it."""
LARGEST_DEPTH = 3.0
"""How much larger a part of the picture may appear than its middle: pictures are flat, and seen from in front."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, as fractions of its width and height."""


@dataclass(frozen=True, slots=True, eq=False)
class Transformation:
    """How one picture lies in another.

    Attributes:
        homography: float64, shape (3, 3), takes pixels of a to pixels of b, mirroring included; points in front of
            the horizon get a positive third coordinate.
        scale: how much larger a's content is in b than in a, in pixels.
        stretch: how much more a's width is enlarged than its height: 1 where the shape is kept.
        rotation: degrees by which a's content is turned clockwise in b, above -180 and at most 180; where b is
            mirrored, in its left-right mirror image.
        box_a: the part of a that b shows.
        box_b: the part of b that shows something of a.
        share_a: the share of a's area that b shows.
        share_b: the share of b's area that shows something of a.
    """

    homography: NDArray[np.float64]
    scale: float
    stretch: float
    rotation: float
    box_a: Box
    box_b: Box
    share_a: float
    share_b: float

    def as_json(self) -> dict[str, Any]:
        """What JSON holds of it."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "homography": self.homography.tolist()
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Transformation:
        """Read what `as_json` gave; further keys do not matter."""
        kept = {field.name: stored[field.name] for field in fields(cls)}
        boxes = {name: tuple(stored[name]) for name in ("box_a", "box_b")}
        return cls(**{**kept, **boxes, "homography": np.array(stored["homography"], np.float64)})


def estimate(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_]]:
    """The homography that most matches agree on; the same for the same points, whatever ran before.

    Args:
        a: float32, shape (m, 2), points of the working size.
        b: float32, shape (m, 2), where they were matched to.

    Returns:
        the homography, float64, shape (3, 3), or None where there is none that two upright pictures could be related
        by; and which matches it explains, bool, shape (m,).
    """
    none = np.zeros(len(a), np.bool_)
    if len(a) < 4:
        return None, none
    # MAGSAC++ begins with the same seed in every call.
    found, mask = cv2.findHomography(a, b, cv2.USAC_MAGSAC, TOLERANCE, maxIters=TRIES, confidence=CONFIDENCE)
    if found is None or not np.isfinite(found).all():
        return None, none
    inliers = mask.ravel().astype(np.bool_)
    homography = _scaled(np.asarray(found, np.float64), a[inliers])
    if homography is None or not _is_plausible(homography, a[inliers]):
        return None, none
    return homography, inliers


def describe(
    homography: NDArray[np.float64],
    *,
    middle: NDArray[np.float64],
    mirrored: bool,
    size_a: tuple[int, int],
    size_b: tuple[int, int],
) -> Transformation:
    """What a homography between two pictures means.

    Args:
        homography: float64, shape (3, 3), takes pixels of a to pixels of b.
        middle: float64, shape (2,), a point of a around which it is known best: the middle of the inliers.
        mirrored: whether it mirrors.
        size_a: width and height of a.
        size_b: width and height of b.
    """
    linear = _linear(homography, middle)
    if mirrored:
        linear = np.diag([-1.0, 1.0]) @ linear
    angle = math.atan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1])
    back = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    straight = back @ linear
    rotation = math.degrees(angle)
    box_a, share_a = _seen(homography, middle, size_a, size_b)
    to_a = np.asarray(np.linalg.inv(homography), np.float64)
    box_b, share_b = _seen(to_a, _moved(homography, middle[None])[0], size_b, size_a)
    return Transformation(
        homography=homography / (homography[2] @ np.append(middle, 1)),
        scale=math.sqrt(abs(float(np.linalg.det(linear)))),
        stretch=float(straight[0, 0] / straight[1, 1]),
        rotation=180.0 if rotation <= -180 else rotation,
        box_a=box_a,
        box_b=box_b,
        share_a=share_a,
        share_b=share_b,
    )


def _moved(homography: NDArray[np.float64], points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Where points go: float64, shape (n, 2)."""
    ends = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return np.asarray(ends[:, :2] / ends[:, 2:], np.float64)


def _scaled(homography: NDArray[np.float64], a: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """The same homography with depth 1 in the middle of the points; None where the middle is beyond the horizon."""
    depth = float(homography[2] @ np.append(a.mean(axis=0, dtype=np.float64), 1))
    return homography / depth if abs(depth) > 1e-9 else None


def _linear(homography: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """The homography's derivative at a point: float64, shape (2, 2)."""
    end = homography @ np.append(point, 1)
    place = end[:2] / end[2]
    return np.asarray((homography[:2, :2] - np.outer(place, homography[2, :2])) / end[2], np.float64)


def _is_plausible(homography: NDArray[np.float64], a: NDArray[np.float32]) -> bool:
    """Whether a picture of a picture could look like this; chance and repeated patterns give others.

    Collapsed to a line or a point, mirrored (that is tried apart), stretched, or seen from far too flat an angle.
    """
    depths = a @ homography[2, :2] + homography[2, 2]
    if depths.min() < 1 / LARGEST_DEPTH or depths.max() > LARGEST_DEPTH:
        return False
    linear = _linear(homography, a.mean(axis=0, dtype=np.float64))
    if np.linalg.det(linear) <= 0:
        return False
    longer, shorter = np.linalg.svd(linear, compute_uv=False)
    scale = math.sqrt(longer * shorter)
    return bool(longer <= LARGEST_STRETCH * shorter and 1 / LARGEST_SCALE <= scale <= LARGEST_SCALE)


def _seen(
    homography: NDArray[np.float64], middle: NDArray[np.float64], size: tuple[int, int], other: tuple[int, int]
) -> tuple[Box, float]:
    """The part of a picture that another one shows: its box, and its share of the area.

    A point p of the picture lies inside the other one's edges where four linear functions of p are positive, so its
    frame is cut along four lines, and points beyond the horizon never matter.
    """
    width, height = size
    x, y, depth = homography * np.sign(homography[2] @ np.append(middle, 1))
    outline = np.array(
        [[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]], np.float64
    )
    for inside in (x + 0.5 * depth, (other[0] - 0.5) * depth - x, y + 0.5 * depth, (other[1] - 0.5) * depth - y):
        outline = _cut(outline, inside)
    if len(outline) < 3:
        return (0.0, 0.0, 0.0, 0.0), 0.0
    parts = np.clip((outline + 0.5) / (width, height), 0, 1)
    left, top = parts.min(axis=0)
    right, bottom = parts.max(axis=0)
    following = np.roll(parts, -1, axis=0)
    area = abs(float(np.sum(parts[:, 0] * following[:, 1] - following[:, 0] * parts[:, 1]))) / 2
    return (float(left), float(top), float(right), float(bottom)), min(area, 1.0)


def _cut(outline: NDArray[np.float64], inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a convex outline where the linear function `inside` is not negative (Sutherland and Hodgman)."""
    values = outline @ inside[:2] + inside[2]
    kept = []
    for here, there, value, next_value in zip(
        outline, np.roll(outline, -1, axis=0), values, np.roll(values, -1), strict=True
    ):
        if value >= 0:
            kept.append(here)
        if (value >= 0) != (next_value >= 0):
            kept.append(here + (there - here) * (value / (value - next_value)))
    return np.array(kept, np.float64).reshape(-1, 2)
