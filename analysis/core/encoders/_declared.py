"""How a model file of any origin wants its images, as its description declares it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.core.encoders._fit import Fit
from analysis.core.encoders._protocol import DEFAULT_DISTANCE
from analysis.core.encoders._sidecar import Fields

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}
RESIZES = ("whole", "shorter-side", "centre-crop")


@dataclass(frozen=True, slots=True)
class ForPeople:
    """What a description says to people; it does not change the name.

    Attributes:
        title: the name for people.
        summary: one sentence.
        default_distance: cosine distance at which two images are worth a look.
        dim: number of dimensions; None where it is not stated.
    """

    title: str
    summary: str
    default_distance: float
    dim: int | None

    @classmethod
    def read(cls, fields: Fields, *, title: str, summary: str) -> ForPeople:
        """Take these fields from a description, with what stands there where they are missing."""
        return cls(
            title=fields.text("title", title),
            summary=fields.text("summary", summary),
            default_distance=fields.number("default_distance", DEFAULT_DISTANCE, low=0, high=2),
            dim=fields.whole("dim", low=1, high=16_000),
        )


@dataclass(frozen=True, slots=True)
class ImageInput:
    """From an image to what the model takes.

    Attributes:
        size: height and width in pixels.
        resize: ``whole`` squeezes the whole image into the size; ``shorter-side`` brings the shorter side to
            size / crop, keeping the shape, and cuts the size out of the middle; ``centre-crop`` cuts the fraction
            `crop` of each side out of the middle and squeezes that into the size.
        crop: the fraction, 1 for ``whole``.
        interpolation: a key of `INTERPOLATIONS`.
        channels: ``RGB`` or ``BGR``.
        mean, std: of each channel in the model's order, subtracted from and divided into value / scale.
        scale: what the 8-bit values are divided by first.
    """

    size: tuple[int, int]
    resize: str
    crop: float
    interpolation: str
    channels: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: float

    @classmethod
    def read(cls, fields: Fields) -> ImageInput:
        """Take these fields from a description.

        Raises:
            ModelUnavailable: a field is missing or wrong.
        """
        size = fields.size("size")
        resize = fields.choice("resize", RESIZES)
        if resize == "whole" and fields.has("crop"):
            raise fields.refused("crop", "has no meaning where resize is “whole”")
        if resize == "shorter-side" and size[0] != size[1]:
            raise fields.refused("resize", "is “shorter-side”, which needs a square size")
        return cls(
            size=size,
            resize=resize,
            crop=fields.number("crop", 1.0, low=0.01, high=1),
            interpolation=fields.choice("interpolation", list(INTERPOLATIONS), "bilinear"),
            channels=fields.choice("channels", ("RGB", "BGR"), "RGB"),
            mean=fields.channels("mean", None),
            std=fields.channels("std", None, positive=True),
            scale=fields.number("scale", 255.0, low=1e-6, high=1e6),
        )

    def declared(self) -> dict[str, Any]:
        """What the vectors depend on."""
        return asdict(self)

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The pixels at the model's size in its order of channels: uint8, shape (height, width, 3)."""
        pixels = _WAYS[self.resize](self, rgb)
        return pixels if self.channels == "RGB" else np.ascontiguousarray(pixels[..., ::-1])

    def in_units_of_255(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation for values that were divided by 255, whatever the scale."""
        by = self.scale / 255
        return tuple(value * by for value in self.mean), tuple(value * by for value in self.std)


def _whole(how: ImageInput, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return Fit(how.size, None, INTERPOLATIONS[how.interpolation])(rgb)


def _shorter_side(how: ImageInput, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return Fit(round(how.size[0] / how.crop), how.size, INTERPOLATIONS[how.interpolation])(rgb)


def _centre_crop(how: ImageInput, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width, _ = rgb.shape
    left, top = width * (1 - how.crop) / 2, height * (1 - how.crop) / 2
    box = (left, top, width - left, height - top)
    return np.asarray(Image.fromarray(rgb).resize(how.size[::-1], INTERPOLATIONS[how.interpolation], box=box))


_WAYS: dict[str, Callable[[ImageInput, NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "whole": _whole,
    "shorter-side": _shorter_side,
    "centre-crop": _centre_crop,
}
