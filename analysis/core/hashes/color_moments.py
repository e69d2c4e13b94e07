"""OpenCV's colour moments: how hue, saturation and brightness lie around their centres, whichever way it is turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._base import HashBase
from analysis.core.hashes._opencv import hashed
from analysis.core.hashes._rendition import Rendition
from analysis.core.metrics import EuclideanDistance
from analysis.core.scales import Euclidean


@dataclass(frozen=True)
class ColorMoments(HashBase):
    """`cv2.img_hash.colorMomentHash(image)`: seven Hu moments of each channel of HSV and YCrCb."""

    name = "color_moments-42"
    title = "Colour moments, 42 values"
    summary = (
        "Compares how colours are spread over the picture, however it is turned or mirrored: finds turned, mirrored, "
        "resized and blurred copies, but confuses grey pictures and others whose colours lie alike, and misses crops "
        "and recoloured copies. It gives candidates, to be confirmed by another signal."
    )
    at_import = False
    default_distance = 1.0
    # OpenCV multiplies lengths by 10,000; pictures that have nothing in common lie 50 apart in the median.
    metric = EuclideanDistance(42, 10_000.0, Euclidean(reach=100.0, step=0.05, places=3))

    def describe(self, rendition: Rendition) -> NDArray[np.uint8]:
        """uint8, shape (336,): 42 numbers of 8 bytes."""
        return np.asarray(hashed("colorMomentHash", rendition), "<f8").view(np.uint8)


ENTRIES = (ColorMoments(),)
