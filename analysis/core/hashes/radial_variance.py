"""OpenCV's radial variance hash: how much the picture varies along lines through its middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._base import HashBase
from analysis.core.hashes._opencv import hashed
from analysis.core.hashes._rendition import Rendition
from analysis.core.metrics import CircularCorrelation


@dataclass(frozen=True)
class RadialVarianceHash(HashBase):
    """`cv2.img_hash.radialVarianceHash(image)` with its defaults, sigma 1 and 180 lines, byte for byte."""

    name = "radial_variance-40"
    title = "Radial variance hash, 40 values"
    summary = (
        "Compares how brightness varies along lines through the middle, by the peak of a correlation: finds resized, "
        "recompressed, blurred and recoloured copies, but misses stretched ones, crops, and copies turned or mirrored; "
        "flat pictures match nothing."
    )
    at_import = False
    default_distance = 0.05
    metric = CircularCorrelation(40)

    def describe(self, rendition: Rendition) -> NDArray[np.uint8]:
        """uint8, shape (40,)."""
        return hashed("radialVarianceHash", rendition)


ENTRIES = (RadialVarianceHash(),)
