"""One picture as a verifier sees it: in its working size, with the keypoints found there, upright and mirrored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import InvalidArray

LONGER_SIDE = 800
"""Pixels of the working size's longer side: a pair of it is verified in a fraction of a second on one core."""
LARGEST_ENLARGEMENT = 2.0
"""Small pictures are enlarged up to this, since detectors find next to nothing within 30 pixels of an edge."""
SMALLEST_SIDE = 32
"""Pixels of the working size below which a strip holds no keypoint: descriptors are taken from patches as large."""


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """What a detector found.

    Attributes:
        points: float32, shape (n, 2), x and y in pixels of the working size.
        descriptors: uint8, shape (n, d): packed bits, or whole numbers.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Seen:
    """One picture, prepared for pairs. Keypoints are looked for when they are asked for, and then kept.

    Attributes:
        width: of the picture, in pixels.
        height: likewise.
        grey: uint8, the picture in its working size.
        detector: makes OpenCV's; one for every look, since a picture may be looked at in several threads.
    """

    width: int
    height: int
    grey: NDArray[np.uint8]
    detector: Callable[[], Any]

    @classmethod
    def of(cls, rgb: NDArray[np.uint8], detector: Callable[[], Any]) -> Seen:
        """Bring a picture to its working size.

        Raises:
            InvalidArray: wrong dtype or shape.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
            raise InvalidArray(
                f"An image is an array uint8 of shape (height, width, 3), not {rgb.dtype} of shape {rgb.shape}."
            )
        height, width = rgb.shape[:2]
        scale = min(LONGER_SIDE / max(width, height), LARGEST_ENLARGEMENT)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
        if size != (width, height):
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            grey = cv2.resize(grey, size, interpolation=how)
        return cls(width, height, np.asarray(grey, np.uint8), detector)

    @cached_property
    def upright(self) -> Keypoints:
        """Keypoints of the picture as it is."""
        return self._detect(self.grey)

    @cached_property
    def mirrored(self) -> Keypoints:
        """Keypoints of its left–right mirror image, in that image's coordinates."""
        return self._detect(np.ascontiguousarray(self.grey[:, ::-1]))

    @property
    def to_working(self) -> NDArray[np.float64]:
        """Takes pixels of the picture to pixels of the working size: float64, shape (3, 3).

        A pixel's coordinates are those of its centre, so the corners of both meet at -0.5.
        """
        height, width = self.grey.shape
        x, y = width / self.width, height / self.height
        return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]], np.float64)

    @property
    def from_working(self) -> NDArray[np.float64]:
        """The inverse of `to_working`."""
        return np.asarray(np.linalg.inv(self.to_working), np.float64)

    @property
    def flip(self) -> NDArray[np.float64]:
        """Takes pixels of the working size to where they lie in its mirror image, and back: float64, shape (3, 3)."""
        return np.array([[-1, 0, self.grey.shape[1] - 1], [0, 1, 0], [0, 0, 1]], np.float64)

    def _detect(self, grey: NDArray[np.uint8]) -> Keypoints:
        found, descriptors = [], None
        if min(grey.shape) >= SMALLEST_SIDE:
            found, descriptors = self.detector().detectAndCompute(grey, None)
        if descriptors is None or not len(found):
            return Keypoints(np.empty((0, 2), np.float32), np.empty((0, 1), np.uint8))
        points = np.array([keypoint.pt for keypoint in found], np.float32)
        return Keypoints(points, np.asarray(descriptors, np.uint8))
