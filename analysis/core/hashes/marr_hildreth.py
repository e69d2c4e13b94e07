"""OpenCV's Marr-Hildreth hash: where edges and blobs lie, by the response to a Mexican hat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._base import HashBase
from analysis.core.hashes._opencv import hashed
from analysis.core.hashes._rendition import Rendition
from analysis.core.metrics import Hamming


@dataclass(frozen=True)
class MarrHildrethHash(HashBase):
    """`cv2.img_hash.marrHildrethHash(image)` with its defaults, alpha 2 and scale 1, byte for byte."""

    name = "marr_hildreth-576"
    title = "Marr–Hildreth hash, 576 bits"
    summary = (
        "Compares where edges lie, after evening out the brightness: finds resized, recompressed and recoloured copies "
        "with few false alarms, but less of those made much smaller or sharper, and misses crops, turned and mirrored "
        "copies."
    )
    at_import = False
    default_distance = 56
    metric = Hamming(576)

    def describe(self, rendition: Rendition) -> NDArray[np.uint8]:
        """uint8, shape (72,)."""
        return hashed("marrHildrethHash", rendition)


ENTRIES = (MarrHildrethHash(),)
