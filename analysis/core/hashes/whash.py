"""Wavelet hash: the coarse Haar approximation of the picture against its median."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._haar import approximation
from analysis.core.hashes._median import middle
from analysis.core.hashes._reductions import block_sums
from analysis.core.hashes._rendition import Rendition, Size
from analysis.core.hashes._square import SquareHash


class WaveletHash(SquareHash):
    """`imagehash.whash(image, hash_size=size)`: Haar wavelet, overall mean removed.

    `size`: cells along each side, a power of two.
    """

    key = "whash"
    label = "wHash"
    summary = (
        "Compares light and dark regions by Haar wavelets against their median: finds resized, recompressed and "
        "blurred copies, but confuses pictures with the same rough layout and misses crops, turned and "
        "mirrored copies."
    )

    def reductions(self, width: int, height: int) -> tuple[Size, ...]:
        """The largest square with a power of two for its sides that fits into the picture."""
        side = max(1 << (min(width, height).bit_length() - 1), self.size)
        return ((side, side),)

    def compute(self, rendition: Rendition) -> NDArray[np.bool_]:
        """Bits row by row: coarse approximation > its median."""
        square = rendition.reduced(*self.reductions(rendition.width, rendition.height)[0])
        # The coarse Haar approximation is, up to one factor and one constant, the sum over each block.
        sums = block_sums(square, self.size).ravel()
        below, above = middle(sums)
        if below < above:
            # Whole sums differ by 1 or more, far beyond the rounding of the transform: the bits are certain.
            return np.asarray(sums >= above, np.bool_)
        # Where blocks equal the median, the rounding of the transform decides.
        cells = approximation(square, self.size).ravel()
        below, above = middle(cells)
        return np.asarray(cells > (below + above) / 2, np.bool_)


ENTRIES = (WaveletHash(8, default_distance=4), WaveletHash(16, default_distance=16))
