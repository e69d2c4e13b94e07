"""What hashes read of an image: its grey version and exact LANCZOS reductions of it, each computed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.core.errors import InvalidArray


class Rendition:
    """One image as the hashes see it; what one hash has computed, the next one finds.

    Args:
        rgb: uint8, shape (height, width, 3), at least one pixel.

    Raises:
        InvalidArray: wrong dtype or shape.
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
            raise InvalidArray(
                f"An image is an array uint8 of shape (height, width, 3), not {rgb.dtype} of shape {rgb.shape}."
            )
        self.height, self.width = int(rgb.shape[0]), int(rgb.shape[1])
        self._grey = Image.fromarray(rgb).convert("L")
        self._reduced: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def reduced(self, width: int, height: int) -> NDArray[np.uint8]:
        """The grey image resized by Pillow's LANCZOS filter: uint8, shape (height, width), read-only."""
        key = (width, height)
        if key not in self._reduced:
            self._reduced[key] = np.asarray(self._grey.resize(key, Image.Resampling.LANCZOS))
        return self._reduced[key]
