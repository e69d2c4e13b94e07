"""Average hash: which cells of a small grey version are brighter than its mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._rendition import Rendition, Size
from analysis.core.hashes._square import SquareHash


class AverageHash(SquareHash):
    """`imagehash.average_hash(image, hash_size=size)`.

    `size`: cells along each side.
    """

    key = "ahash"
    label = "aHash"
    summary = (
        "Compares light and dark regions: finds resized, recompressed and blurred copies, but confuses pictures "
        "with the same rough layout and misses crops, turned and mirrored copies."
    )

    def reductions(self, width: int, height: int) -> tuple[Size, ...]:
        """One value for each bit."""
        return ((self.size, self.size),)

    def compute(self, rendition: Rendition) -> NDArray[np.bool_]:
        """Bits row by row: cell > mean."""
        cells = rendition.reduced(self.size, self.size)
        return np.asarray(cells > cells.mean(), np.bool_).ravel()


ENTRIES = (AverageHash(8, default_distance=4), AverageHash(16, default_distance=16))
