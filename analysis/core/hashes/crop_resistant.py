"""ImageHash's crop-resistant hash: a difference hash for each bright or dark region of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from analysis.core.hashes._base import HashBase
from analysis.core.hashes._rendition import Rendition, Size
from analysis.core.metrics import Segments

_SIDE = 300
_BRIGHT = 128
_SMALLEST = 500
_EDGE = 4 * _SIDE

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in a picture of `_SIDE` x `_SIDE`."""


@dataclass(frozen=True)
class CropResistantHash(HashBase):
    """`imagehash.crop_resistant_hash(image)` with its defaults: 64 bits of dHash for each region, in its order."""

    name = "crop_resistant-64"
    title = "Crop-resistant hash, 64 bits a segment"
    summary = (
        "Compares every bright or dark region of one picture with every one of the other and takes the closest two: "
        "finds crops, details, and resized and recompressed copies, but misses turned and mirrored ones; pictures of "
        "many regions, and flat ones, may meet by chance."
    )
    at_import = False
    default_distance = 6
    metric = Segments(64)

    def reductions(self, width: int, height: int) -> tuple[Size, ...]:
        """What is cut into segments."""
        return ((_SIDE, _SIDE),)

    def describe(self, rendition: Rendition) -> NDArray[np.uint8]:
        """uint8, shape (8 * number of segments,), one at least."""
        small = Image.fromarray(rendition.reduced(_SIDE, _SIDE))
        smooth = np.asarray(small.filter(ImageFilter.GaussianBlur()).filter(ImageFilter.MedianFilter()))
        boxes = _segments(smooth > _BRIGHT) or [(0, 0, _SIDE, _SIDE)]
        return np.concatenate([np.packbits(_difference_hash(rendition, box)) for box in boxes])

    def note(self, descriptor: bytes) -> str:
        """The number of segments."""
        count = len(descriptor) // 8
        return f"{count} segment{'' if count == 1 else 's'}"


def _segments(bright: NDArray[np.bool_]) -> list[Box]:
    """The boxes around regions of more than `_SMALLEST` pixels: bright ones, then dark ones, each by first pixel."""
    boxes, sizes = _regions(bright)
    dark_boxes, dark_sizes = _regions(~bright)
    # The library counts the pixels that it has dealt with, those around the picture among them but not regions of a
    # single pixel, and when their number is that of the picture's pixels it looks no further for dark ones.
    dealt_with = np.cumsum([_EDGE + sum(size for size in sizes if size > 1), *np.where(dark_sizes > 1, dark_sizes, 0)])
    looked_at = int((dealt_with[:-1] < _SIDE * _SIDE).sum())
    found = [*zip(boxes, sizes, strict=True), *list(zip(dark_boxes, dark_sizes, strict=True))[:looked_at]]
    return [box for box, size in found if size > _SMALLEST]


def _regions(mask: NDArray[np.bool_]) -> tuple[list[Box], NDArray[np.int64]]:
    """The box and the number of pixels of each region whose pixels touch by their sides, by first pixel."""
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    first = np.empty(len(stats), np.int64)
    # Written from the last pixel to the first, so that the first of each region stays.
    first[labels.ravel()[::-1]] = np.arange(mask.size)[::-1]
    regions = stats[np.argsort(first[1:]) + 1].astype(np.int64)
    boxes = [(left, top, left + width, top + height) for left, top, width, height, _ in regions.tolist()]
    return boxes, regions[:, cv2.CC_STAT_AREA]


def _difference_hash(rendition: Rendition, box: Box) -> NDArray[np.bool_]:
    """`imagehash.dhash` of the part of the picture that the box covers."""
    across, down = rendition.width / _SIDE, rendition.height / _SIDE
    left, top, right, bottom = (
        round(box[0] * across),
        round(box[1] * down),
        round(box[2] * across),
        round(box[3] * down),
    )
    if left == right or top == bottom:
        # Nothing is left of a region in a picture that is much smaller than _SIDE; the library hashes the empty part.
        return np.zeros(64, np.bool_)
    cells = Rendition(rendition.rgb[top:bottom, left:right]).reduced(9, 8)
    return (cells[:, 1:] > cells[:, :-1]).ravel()


ENTRIES = (CropResistantHash(),)
