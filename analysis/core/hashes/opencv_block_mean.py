"""OpenCV's block mean hash: which blocks of a small grey version are brighter than its mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._base import HashBase
from analysis.core.hashes._opencv import hashed
from analysis.core.hashes._rendition import Rendition
from analysis.core.metrics import Hamming


@dataclass(frozen=True)
class OpenCVBlockMeanHash(HashBase):
    """`cv2.img_hash.blockMeanHash(image, mode=mode)`, byte for byte.

    Args:
        mode: 0 for 16 x 16 blocks side by side, 1 for 31 x 31 that overlap by half.
        n_bits: bits of its bytes; mode 1 has 961 bits in 121 bytes, the other 7 are always 0.
        default_distance: see `Hash`.
    """

    mode: int
    n_bits: int
    default_distance: int

    at_import = False

    @property
    def name(self) -> str:
        """Name of the signal."""
        return f"opencv_block_mean-{self.mode}"

    @property
    def title(self) -> str:
        """Name for people."""
        return f"OpenCV block mean hash, mode {self.mode}, {self.n_bits} bits"

    @property
    def summary(self) -> str:
        """See `Hash`."""
        blocks = "31 × 31 overlapping blocks" if self.mode else "16 × 16 blocks"
        return (
            f"Compares the brightness of {blocks} with the mean: finds resized, recompressed and blurred copies, but "
            "confuses pictures with the same rough layout and misses crops, turned and mirrored copies."
        )

    @property
    def metric(self) -> Hamming:
        """Hamming distance over all bytes, as OpenCV compares them."""
        return Hamming(self.n_bits)

    def describe(self, rendition: Rendition) -> NDArray[np.uint8]:
        """uint8, shape (n_bits / 8,)."""
        return hashed("blockMeanHash", rendition, mode=self.mode)


ENTRIES = (OpenCVBlockMeanHash(0, 256, default_distance=12), OpenCVBlockMeanHash(1, 968, default_distance=48))
