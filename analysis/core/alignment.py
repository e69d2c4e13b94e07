"""One picture laid over another, what then differs between them, and their matched points drawn side by side."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from analysis.core.orientations import turned

GAIN = 2.0
"""Differences of real copies are faint: they are shown so many times brighter."""
LARGEST_CONTRAST = 4.0
"""How much a colour's spread is changed at most to be like the other picture's: an empty surface is not blown up."""
GAP = 12
"""Pixels between two pictures side by side."""
INLIER, OUTLIER, GROUND = (86, 180, 233), (160, 160, 160), (255, 255, 255)

Size = tuple[int, int]
"""Width and height in pixels."""


def bounded(size: Size, longer: int) -> Size:
    """The size of a picture that is shown with at most `longer` pixels along its longer side."""
    scale = min(1.0, longer / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resized(rgb: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """The picture in another size: uint8, shape (height, width, 3)."""
    if (rgb.shape[1], rgb.shape[0]) == size:
        return rgb
    smaller = size[0] * size[1] < rgb.shape[0] * rgb.shape[1]
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8)


def whole(size_a: Size, size_b: Size, orientation: int = 1) -> NDArray[np.float64]:
    """What lays the whole of b, turned, over the whole of a.

    Args:
        size_a: of a.
        size_b: of b, before it is turned.
        orientation: EXIF orientation, 1 to 8, that turns b to match a.

    Returns:
        float64, shape (3, 3), takes pixels of a to pixels of b.

    Raises:
        InvalidArray: a number that is no orientation.
    """
    # The corners of b, named by their place in a picture of 2 × 2 pixels, which is then turned.
    corners = np.array([[[0, 0, 0], [1, 0, 0]], [[0, 1, 0], [1, 1, 0]]], np.uint8)
    ends = turned(corners, orientation)[:, :, :2] * np.array(size_b, np.float32) - 0.5
    starts = corners[:, :, :2] * np.array(size_a, np.float32) - 0.5
    square = cv2.getPerspectiveTransform(starts.reshape(4, 2), ends.reshape(4, 2).astype(np.float32))
    return np.asarray(square, np.float64)


def laid_over(
    b: NDArray[np.uint8], homography: NDArray[np.float64], *, size_a: Size, shown: Size
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A picture as it lies over another one.

    Args:
        b: uint8, shape (height, width, 3).
        homography: float64, shape (3, 3), takes pixels of a to pixels of b; positive depth in front of the horizon.
        size_a: of a.
        shown: the size in which a is shown.

    Returns:
        uint8, shape (height, width, 3) of the size shown, black where b has nothing; and where it has something,
        bool, shape (height, width).
    """
    to_b = homography @ _scaling(shown, size_a)
    height, width = b.shape[:2]
    reduction = _reduction(to_b, shown)
    if reduction > 1:
        small = max(1, round(width / reduction)), max(1, round(height / reduction))
        b, to_b = resized(b, small), _scaling((width, height), small) @ to_b
        width, height = small
    rows, columns = np.indices((shown[1], shown[0]), np.float32)
    x, y, depth = (row[0] * columns + row[1] * rows + row[2] for row in to_b.astype(np.float32))
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = x / depth, y / depth
    covered = (depth > 0) & (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    x, y = np.where(covered, x, -1).astype(np.float32), np.where(covered, y, -1).astype(np.float32)
    laid = cv2.remap(b, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    laid[~covered] = 0
    return np.asarray(laid, np.uint8), covered


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8], covered: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What differs between two pictures that lie over each other, apart from exposure and tint.

    Each colour of b is first given the mean and the spread that a has where both are seen. A pixel's difference is
    that of its most different colour, `GAIN` times.

    Args:
        a: uint8, shape (height, width, 3).
        b: likewise, of the same shape.
        covered: bool, shape (height, width), where both are seen.

    Returns:
        uint8, shape (height, width): 0 where both are equal, and where nothing of b is seen.
    """
    found = np.zeros(covered.shape, np.uint8)
    if not covered.any():
        return found
    one, other = a[covered].astype(np.float32), b[covered].astype(np.float32)
    spread = np.where(other.std(axis=0) > 0, one.std(axis=0) / np.maximum(other.std(axis=0), 1e-6), 1)
    spread = np.clip(spread, 1 / LARGEST_CONTRAST, LARGEST_CONTRAST)
    like_a = np.clip((other - other.mean(axis=0)) * spread + one.mean(axis=0), 0, 255)
    found[covered] = np.clip(GAIN * np.abs(one - like_a).max(axis=1), 0, 255).round()
    return found


def side_by_side(
    a: NDArray[np.uint8],
    b: NDArray[np.uint8],
    lines: NDArray[np.float32],
    inlying: NDArray[np.bool_],
    *,
    height: int = 900,
) -> NDArray[np.uint8]:
    """Two pictures of one height with lines between their matched points, inliers over the others.

    Args:
        a: uint8, shape (height, width, 3).
        b: uint8, of any size.
        lines: float32, shape (m, 4), x and y in pixels of a, x and y in pixels of b.
        inlying: bool, shape (m,), which of them the transformation explains.
        height: of the drawing, in pixels.

    Returns:
        uint8, shape (height, width, 3).
    """
    shown = [resized(each, (max(1, round(each.shape[1] * height / each.shape[0])), height)) for each in (a, b)]
    gap = np.full((height, GAP, 3), GROUND, np.uint8)
    drawing = np.ascontiguousarray(np.concatenate([shown[0], gap, shown[1]], axis=1))
    left = shown[0].shape[1] + GAP
    starts = lines[:, :2] * [shown[0].shape[1] / a.shape[1], height / a.shape[0]]
    ends = lines[:, 2:] * [shown[1].shape[1] / b.shape[1], height / b.shape[0]] + [left, 0]
    for row in np.argsort(inlying, kind="stable").tolist():
        start, end = (tuple(np.rint(point).astype(int).tolist()) for point in (starts[row], ends[row]))
        color = INLIER if inlying[row] else OUTLIER
        cv2.line(drawing, start, end, color, 1, cv2.LINE_AA)
        for point in (start, end):
            cv2.circle(drawing, point, 3, color, -1, cv2.LINE_AA)
    return drawing


def _scaling(of: Size, to: Size) -> NDArray[np.float64]:
    """Takes pixels of a picture to those of the same picture in another size; both meet at their corners."""
    x, y = to[0] / of[0], to[1] / of[1]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]], np.float64)


def _reduction(to_b: NDArray[np.float64], shown: Size) -> float:
    """How many pixels of b lie along one that is shown, in the middle of the picture."""
    middle = np.array([shown[0] / 2, shown[1] / 2, 1])
    end = to_b @ middle
    if end[2] <= 0:
        return 1.0
    linear = (to_b[:2, :2] - np.outer(end[:2] / end[2], to_b[2, :2])) / end[2]
    return math.sqrt(abs(float(np.linalg.det(linear))))
