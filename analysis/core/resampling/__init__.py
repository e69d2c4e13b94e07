"""Resizing as Pillow 13 does it, bit for bit, in compiled code that holds no lock and is several times as fast.

So what a hash or an embedding means does not change with the version of Pillow that happens to be installed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.core.errors import InvalidArray
from analysis.core.resampling._colour import resize_rgb
from analysis.core.resampling._weights import BICUBIC, BILINEAR, BOX, LANCZOS

FILTERS = {
    Image.Resampling.BOX: BOX,
    Image.Resampling.BILINEAR: BILINEAR,
    Image.Resampling.BICUBIC: BICUBIC,
    Image.Resampling.LANCZOS: LANCZOS,
}
"""Pillow's filters that are known here."""

Part = tuple[int, int, int, int]
"""Left, upper, right and lower edge, as Pillow's `crop` takes them."""


def resize(
    rgb: NDArray[np.uint8], size: tuple[int, int], resampling: Image.Resampling, part: Part | None = None
) -> NDArray[np.uint8]:
    """What Pillow gives for ``image.resize(size, resampling).crop(part)``; what is cut away is never computed.

    Args:
        rgb: uint8, shape (height, width, 3), at least one pixel.
        size: width and height of the whole.
        resampling: a key of `FILTERS`.
        part: the part that is wanted, inside the whole; all of it when None.

    Returns:
        uint8, shape (rows, columns, 3).

    Raises:
        InvalidArray: no such array, no such filter, or a part that is not inside the whole.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise InvalidArray(
            f"An image is an array uint8 of shape (height, width, 3), not {rgb.dtype} of shape {rgb.shape}."
        )
    width, height = size
    left, top, right, bottom = part or (0, 0, width, height)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise InvalidArray(f"The part {(left, top, right, bottom)} is not inside {width} × {height} pixels.")
    if resampling not in FILTERS:
        raise InvalidArray(f"{resampling!r} is no filter that is known here.")
    # Compiled code is made once per kind of array, so all images come as one kind: contiguous and read-only.
    pixels = np.ascontiguousarray(rgb).view()
    pixels.flags.writeable = False
    out = np.empty((bottom - top, right - left, 3), np.uint8)
    resize_rgb(pixels, height, width, FILTERS[resampling], out, top, left)
    return out
