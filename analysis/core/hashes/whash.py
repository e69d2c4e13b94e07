"""Wavelet hash: the coarse Haar approximation of the picture against its median."""

from __future__ import annotations

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.core.hashes._rendition import Rendition
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

    def compute(self, rendition: Rendition) -> NDArray[np.bool_]:
        """Bits row by row: coarse approximation > its median."""
        scale = max(1 << (min(rendition.width, rendition.height).bit_length() - 1), self.size)
        square = Image.fromarray(rendition.reduced(scale, scale))
        return np.asarray(imagehash.whash(square, hash_size=self.size).hash, np.bool_).ravel()


ENTRIES = (WaveletHash(8, default_distance=4), WaveletHash(16, default_distance=16))
