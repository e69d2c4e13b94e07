"""Perceptual hash: the signs of the lowest frequencies of the picture against their median."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from analysis.core.hashes._median import middle
from analysis.core.hashes._rendition import Rendition, Size
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

    def reductions(self, width: int, height: int) -> tuple[Size, ...]:
        """What the cosine transform is taken of."""
        return ((4 * self.size, 4 * self.size),)

    def compute(self, rendition: Rendition) -> NDArray[np.bool_]:
        """Bits row by row: frequency > median of them all."""
        cells = rendition.reduced(4 * self.size, 4 * self.size)
        frequencies = dct(dct(cells, axis=0)[: self.size], axis=1)[:, : self.size].ravel()
        below, above = middle(frequencies)
        return np.asarray(frequencies > (below + above) / 2, np.bool_)


ENTRIES = (PerceptualHash(8, default_distance=8), PerceptualHash(16, default_distance=32))
