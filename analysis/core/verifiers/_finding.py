"""What a verifier finds in a pair: matched keypoints, a transformation, and which of them it explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analysis.core.verifiers._seen import Keypoints, Seen
from analysis.core.verifiers._transformation import Transformation, describe, estimate

FEWEST_INLIERS = 8
"""Four points always fit a homography and a few more fit by chance: a transformation with fewer inliers is none."""

DECISIVE_INLIERS = 200
"""So many leave no doubt which way round a picture is: the mirror image, half of the work, is not looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What was found in a pair of pictures a and b.

    Attributes:
        keypoints_a: number of keypoints in a.
        keypoints_b: number of keypoints in b, or in its mirror image where that fits better.
        mirrored: whether a fits the mirror image of b better than b.
        points_a: float32, shape (m, 2), the matched keypoints in pixels of a.
        points_b: float32, shape (m, 2), what they were matched to, in pixels of b as it is.
        inlying: bool, shape (m,), which matches the transformation explains.
        transformation: None where there is none that `FEWEST_INLIERS` matches agree on.
    """

    keypoints_a: int
    keypoints_b: int
    mirrored: bool
    points_a: NDArray[np.float32]
    points_b: NDArray[np.float32]
    inlying: NDArray[np.bool_]
    transformation: Transformation | None

    @property
    def matches(self) -> int:
        """Number of matched keypoints."""
        return len(self.points_a)

    @property
    def inliers(self) -> int:
        """Number of matches that the transformation explains."""
        return int(self.inlying.sum())


def find(a: Seen, b: Seen, *, norm: int, ratio: float) -> Finding:
    """Match the keypoints of two pictures, and of the first with the mirror image of the second; keep what fits better.

    Args:
        a: the first picture.
        b: the second picture.
        norm: OpenCV's norm for distances of descriptors.
        ratio: see `matched`.
    """
    upright = _one_way(a, b, norm=norm, ratio=ratio, mirrored=False)
    if upright.inliers >= DECISIVE_INLIERS:
        return upright
    mirrored = _one_way(a, b, norm=norm, ratio=ratio, mirrored=True)
    return mirrored if mirrored.inliers > upright.inliers else upright


def _one_way(a: Seen, b: Seen, *, norm: int, ratio: float, mirrored: bool) -> Finding:
    of_a, of_b = a.upright, b.mirrored if mirrored else b.upright
    rows_a, rows_b = matched(of_a, of_b, norm=norm, ratio=ratio)
    points_a, points_b = of_a.points[rows_a], of_b.points[rows_b]
    homography, inlying = estimate(points_a, points_b)
    if inlying.sum() < FEWEST_INLIERS:
        homography, inlying = None, np.zeros(len(points_a), np.bool_)
    from_b = b.from_working @ (b.flip if mirrored else np.eye(3))
    in_a, in_b = _placed(points_a, a.from_working), _placed(points_b, from_b)
    transformation = None
    if homography is not None:
        transformation = describe(
            from_b @ homography @ a.to_working,
            middle=in_a[inlying].mean(axis=0, dtype=np.float64),
            mirrored=mirrored,
            size_a=(a.width, a.height),
            size_b=(b.width, b.height),
        )
    return Finding(len(of_a), len(of_b), mirrored, in_a, in_b, inlying, transformation)


def matched(a: Keypoints, b: Keypoints, *, norm: int, ratio: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of keypoints by Lowe's ratio test; each keypoint takes part in one pair at most.

    Args:
        a: keypoints of one picture.
        b: keypoints of the other.
        norm: OpenCV's norm for distances of descriptors.
        ratio: the nearest keypoint of b is a match only where it is nearer than this share of the second nearest.

    Returns:
        rows of a and of b, int64, shape (m,), rising by b.
    """
    none = np.empty(0, np.int64)
    if len(a) < 2 or len(b) < 2:
        return none, none
    hamming = norm == cv2.NORM_HAMMING
    # Euclidean distances of bytes are many times slower in OpenCV than those of the same numbers as floats.
    one, other = (each.descriptors if hamming else each.descriptors.astype(np.float32) for each in (a, b))
    distance, nearest = _two_nearest(one, other, norm, cv2.CV_32S if hamming else cv2.CV_32F)
    rows = np.flatnonzero(distance[:, 0] < ratio * distance[:, 1])
    # Of those that share a keypoint of b the closest stays: what many points fall onto would fit any collapse.
    order = rows[np.lexsort((rows, distance[rows, 0], nearest[rows, 0]))]
    _, first = np.unique(nearest[order, 0], return_index=True)
    kept = order[first]
    return kept.astype(np.int64), nearest[kept, 0].astype(np.int64)


def _two_nearest(one: NDArray[Any], other: NDArray[Any], norm: int, dtype: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Distances and rows of the two nearest descriptors, both of shape (n, 2)."""
    distance, nearest = cv2.batchDistance(one, other, dtype, normType=norm, K=2)
    return distance, nearest


def _placed(points: NDArray[np.float32], affine: NDArray[np.float64]) -> NDArray[np.float32]:
    """Points in other coordinates: float32, shape (n, 2)."""
    return (points @ affine[:2, :2].T + affine[:2, 2]).astype(np.float32)
