"""Difference hash: where a small grey version grows brighter from left to right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._rendition import Rendition, Size
from analysis.core.hashes._square import SquareHash


class DifferenceHash(SquareHash):
    """`imagehash.dhash(image, hash_size=size)`.

    `size`: cells along each side.
    """

    key = "dhash"
    label = "dHash"
    summary = (
        "Compares neighbouring cells from left to right: finds resized and recompressed copies even when "
        "brightness or contrast changed, but flat regions give it random bits, and it misses crops, turned and "
        "mirrored copies."
    )

    def reductions(self, width: int, height: int) -> tuple[Size, ...]:
        """One column more, to compare the first with."""
        return ((self.size + 1, self.size),)

    def compute(self, rendition: Rendition) -> NDArray[np.bool_]:
        """Bits row by row: cell > its left neighbour."""
        cells = rendition.reduced(self.size + 1, self.size)
        return (cells[:, 1:] > cells[:, :-1]).ravel()


ENTRIES = (DifferenceHash(8, default_distance=6), DifferenceHash(16, default_distance=24))
