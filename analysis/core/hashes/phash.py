"""Perceptual hash: the signs of the lowest frequencies of the picture against their median."""

from __future__ import annotations

import numpy as np
import scipy.fftpack
from numpy.typing import NDArray

from analysis.core.hashes._rendition import Rendition
from analysis.core.hashes._square import SquareHash


class PerceptualHash(SquareHash):
    """`imagehash.phash(image, hash_size=size)`.

    `size`: frequencies along each side; the cosine transform is taken of 4 times as many cells.
    """

    key = "phash"
    label = "pHash"
    summary = (
        "Compares the coarse structure by its lowest frequencies: finds resized, recompressed, blurred and "
        "recoloured copies with few false alarms, but misses crops, turned and mirrored copies."
    )

    def compute(self, rendition: Rendition) -> NDArray[np.bool_]:
        """Bits row by row: frequency > median of them all."""
        cells = rendition.reduced(4 * self.size, 4 * self.size)
        frequencies = scipy.fftpack.dct(scipy.fftpack.dct(cells, axis=0), axis=1)[: self.size, : self.size]
        return np.asarray(frequencies > np.median(frequencies), np.bool_).ravel()


ENTRIES = (PerceptualHash(8, default_distance=8), PerceptualHash(16, default_distance=32))
