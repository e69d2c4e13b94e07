"""What hashes read of an image: exact reductions of its grey version, each computed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import InvalidArray
from analysis.core.hashes import _lanczos


class Rendition:
    """One image as the hashes see it; what one hash has computed, the next one finds.

    Args:
        rgb: uint8, shape (height, width, 3), at least one pixel.

    Attributes:
        rgb: the image, contiguous and read-only.

    Raises:
        InvalidArray: wrong dtype or shape.
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
            raise InvalidArray(
                f"An image is an array uint8 of shape (height, width, 3), not {rgb.dtype} of shape {rgb.shape}."
            )
        self.height, self.width = int(rgb.shape[0]), int(rgb.shape[1])
        # Compiled code is made once per kind of array, so all images come as one kind: contiguous and read-only.
        self.rgb = np.ascontiguousarray(rgb).view()
        self.rgb.flags.writeable = False
        self._grey: NDArray[np.uint8] | None = None
        self._turned: NDArray[np.uint8] | None = None
        self._reduced: dict[tuple[int, int], NDArray[np.uint8]] = {}

    @property
    def _plane(self) -> NDArray[np.uint8]:
        if self._grey is None:
            self._grey = _lanczos.grey_plane(self.rgb)
        return self._grey

    def reduced(self, width: int, height: int) -> NDArray[np.uint8]:
        """The grey image as Pillow 13 resizes it with LANCZOS: uint8, shape (height, width), read-only."""
        key = (width, height)
        if key not in self._reduced:
            size = (self.height, self.width, height, width)
            if _lanczos.takes_height_first(*size):
                plane = _lanczos.resize_height_first(self._plane, *size)
            else:
                if self._turned is None:
                    self._turned = _lanczos.transposed(self._plane)
                plane = _lanczos.resize_width_first(self._turned, *size)
            result = plane[:height, :width]
            result.flags.writeable = False
            self._reduced[key] = result
        return self._reduced[key]
