"""What hashes read of an image: exact reductions of its grey version, each computed once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import InvalidArray
from analysis.core.hashes import _reductions

Size = tuple[int, int]
"""Width and height of a reduction."""


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
        self._reduced: dict[Size, NDArray[np.uint8]] = {}

    def reduce(self, sizes: Sequence[Size]) -> None:
        """Compute several reductions at once, for `reduced` to find.

        One call of compiled code for all of them: each call gives the interpreter's lock away and must get it back,
        which on small pictures costs threads more than the call itself.
        """
        wanted = [size for size in dict.fromkeys(sizes) if size not in self._reduced]
        if not wanted:
            return
        ends = np.cumsum([width * height for width, height in wanted], dtype=np.int64)
        flat = np.empty(ends[-1], np.uint8)
        _reductions.reductions(self.rgb, np.array(wanted, np.int64), flat)
        flat.flags.writeable = False
        for (width, height), end in zip(wanted, ends, strict=True):
            self._reduced[width, height] = flat[end - width * height : end].reshape(height, width)

    def reduced(self, width: int, height: int) -> NDArray[np.uint8]:
        """The grey image as Pillow 13 resizes it with LANCZOS: uint8, shape (height, width), read-only."""
        self.reduce([(width, height)])
        return self._reduced[width, height]
