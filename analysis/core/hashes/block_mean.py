"""Block mean hash of the published study of saint paintings; OpenCV's hash of that name is another one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._rendition import Rendition, Size
from analysis.core.hashes._square import SquareHash


class BlockMeanHash(SquareHash):
    """Cells of a small grey version at least as bright as its mean, mirrored so that mirrored copies often agree.

    `size`: cells along each side, even.
    """

    key = "block_mean"
    label = "Block mean hash"
    summary = (
        "Compares light and dark regions in fine cells, after mirroring the picture unless its top left quarter "
        "is the darkest: finds resized and recompressed copies and many mirrored ones, but misses crops and "
        "rotations, and confuses pictures with the same layout."
    )

    def reductions(self, width: int, height: int) -> tuple[Size, ...]:
        """One value for each bit."""
        return ((self.size, self.size),)

    def compute(self, rendition: Rendition) -> NDArray[np.bool_]:
        """Bits row by row: cell >= mean, after mirroring unless the darkest quadrant is the top left one."""
        cells = rendition.reduced(self.size, self.size)
        half = self.size // 2
        quadrants = cells.reshape(2, half, 2, half).sum(axis=(1, 3), dtype=np.int64)
        if quadrants.argmin() != 0:
            cells = cells[:, ::-1]
        return np.asarray(cells >= cells.mean(), np.bool_).ravel()


ENTRIES = (BlockMeanHash(16, default_distance=8),)
