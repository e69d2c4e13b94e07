"""Bringing an image to a model's size, bit for bit as torchvision and Pillow do it, but several times as fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.core.resampling import FILTERS, Part, resize


@dataclass(frozen=True, slots=True)
class Fit:
    """Resize, and cut a part out of the middle.

    Attributes:
        size: a number brings the shorter side to it and keeps the shape; height and width squeeze the whole image.
        crop: height and width of the part; None keeps all.
        resampling: Pillow's filter.
    """

    size: int | tuple[int, int]
    crop: tuple[int, int] | None
    resampling: Image.Resampling

    def __call__(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """From pixels, uint8 of shape (height, width, 3), to those that the model takes."""
        height, width = rgb.shape[:2]
        scaled = (self.size[1], self.size[0]) if isinstance(self.size, tuple) else _by_shorter(width, height, self.size)
        part = None if self.crop is None else _middle(scaled, self.crop)
        if self.resampling in FILTERS:
            return resize(rgb, scaled, self.resampling, part)
        resized = Image.fromarray(rgb).resize(scaled, self.resampling)
        return np.asarray(resized if part is None else resized.crop(part))


def of_transforms(transforms: Sequence[Any]) -> Fit | None:
    """What torchvision's `Resize`, and `CenterCrop` behind it, do to an RGB image; None where they are others."""
    steps = [step for step in transforms if not _keeps_rgb(step)]
    names = [type(step).__name__ for step in steps]
    if names not in (["Resize"], ["Resize", "CenterCrop"]):
        return None
    how = steps[0]
    resampling = getattr(Image.Resampling, str(how.interpolation.value).upper(), None)
    crop = (int(steps[1].size[0]), int(steps[1].size[1])) if len(steps) == 2 else None
    sizes = [how.size] if isinstance(how.size, int) else [int(side) for side in how.size]
    # Where the part is larger than the image, torchvision fills it up.
    larger = crop is not None and (crop[0] > sizes[0] or crop[1] > sizes[-1])
    if resampling is None or how.max_size is not None or len(sizes) > 2 or larger:
        return None
    return Fit(sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1]), crop, resampling)


def _keeps_rgb(step: Any) -> bool:
    """Whether it is open_clip's conversion to RGB, which has nothing to do here."""
    return type(step).__name__ == "MaybeConvertMode" and step.mode == "RGB"


def _by_shorter(width: int, height: int, side: int) -> tuple[int, int]:
    # As torchvision rounds: the longer side down.
    return (side, int(side * height / width)) if width <= height else (int(side * width / height), side)


def _middle(size: tuple[int, int], crop: tuple[int, int]) -> Part:
    # As torchvision rounds: the place of the part to the nearest, a half to even.
    left, top = round((size[0] - crop[1]) / 2), round((size[1] - crop[0]) / 2)
    return left, top, left + crop[1], top + crop[0]
