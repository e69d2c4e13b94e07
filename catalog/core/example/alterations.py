"""What happens to an image on its way into another collection: the alterations of the example's planted copies."""

import functools
import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Parameters = dict[str, float | str]

ALTERATIONS = ("identical", "reencoded", "resized", "cropped", "recoloured", "mirrored", "rotated", "watermarked")
_QUALITY = 88
_TINTS = {"sepia": ((38, 22, 10), (246, 232, 204)), "cyanotype": ((8, 24, 58), (232, 242, 246))}


def encode(image: Image.Image, suffix: str, *, quality: int = _QUALITY) -> bytes:
    """The file's bytes in the format that its suffix names (``.jpg``, ``.png`` or ``.webp``)."""
    buffer = io.BytesIO()
    if suffix == ".png":
        image.save(buffer, "PNG", compress_level=3)
    elif suffix == ".webp":
        image.save(buffer, "WEBP", quality=quality, method=1)
    else:
        image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def choose_parameters(alteration: str, rng: np.random.Generator) -> Parameters:
    """Draw the parameters of one alteration, before any image exists."""
    parameters: Parameters = {}
    if alteration == "reencoded":
        parameters = {"quality": 40}
    elif alteration == "resized":
        parameters = {"scale": round(float(rng.choice([rng.uniform(0.35, 0.75), rng.uniform(1.3, 1.8)])), 3)}
    elif alteration == "cropped":
        width, height = rng.uniform(0.05, 0.12, 2)
        left, top = rng.uniform(0, width), rng.uniform(0, height)
        edges = {"left": left, "top": top, "right": width - left, "bottom": height - top}
        parameters = {edge: round(float(share), 4) for edge, share in edges.items()}
    elif alteration == "recoloured":
        how = str(rng.choice(["sepia", "cyanotype", "saturation", "brightness"]))
        factors = {"saturation": (0.25, 1.8), "brightness": (0.75, 1.25)}
        parameters = {"how": how, "factor": float(rng.choice(factors[how]))} if how in factors else {"how": how}
    elif alteration == "mirrored":
        parameters = {"axis": "vertical"}
    elif alteration == "rotated":
        parameters = {"degrees": round(float(rng.choice([90, 270, rng.uniform(3, 6), -rng.uniform(3, 6)])), 2)}
    elif alteration == "watermarked":
        parameters = {"text": str(rng.choice(["PICTURE LIBRARY", "CITY ARCHIVE", "SPECIMEN"])), "opacity": 0.45}
    return parameters


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _watermark(image: Image.Image, text: str, opacity: float) -> Image.Image:
    size = max(8, image.width // 14)
    stamp = Image.new("L", (image.width * 2, size * 2), 0)
    ImageDraw.Draw(stamp).text((image.width, size), text, fill=round(255 * opacity), font=_font(size), anchor="mm")
    stamp = stamp.rotate(24, expand=True, resample=Image.Resampling.BICUBIC)
    left, top = (stamp.width - image.width) // 2, (stamp.height - image.height) // 2
    mask = stamp.crop((left, top, left + image.width, top + image.height))
    marked = image.copy()
    # A dark shadow under the white lettering keeps it legible on any ground.
    marked.paste((20, 20, 20), (2, 2), mask.point(lambda v: v // 2))
    marked.paste((255, 255, 255), (0, 0), mask)
    return marked


def _recolour(image: Image.Image, how: str, factor: float) -> Image.Image:
    if how in _TINTS:
        black, white = _TINTS[how]
        return ImageOps.colorize(ImageOps.grayscale(image), black, white)
    enhancer = ImageEnhance.Color(image) if how == "saturation" else ImageEnhance.Brightness(image)
    return enhancer.enhance(factor)


def alter(data: bytes, alteration: str, parameters: Mapping[str, float | str], suffix: str) -> bytes:
    """Make a copy of an encoded image, as somebody would who has only the file.

    Args:
        data: the original file.
        alteration: one of ``ALTERATIONS``.
        parameters: what ``choose_parameters`` drew for it.
        suffix: format of the copy; an identical copy keeps the original's bytes and ignores it.
    """
    if alteration == "identical":
        return data
    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGB")
    if alteration == "reencoded":
        return encode(image, suffix, quality=int(parameters["quality"]))
    if alteration == "resized":
        scale = float(parameters["scale"])
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    elif alteration == "cropped":
        left, top, right, bottom = (float(parameters[edge]) for edge in ("left", "top", "right", "bottom"))
        width, height = image.size
        image = image.crop(
            (round(left * width), round(top * height), round(width - right * width), round(height - bottom * height))
        )
    elif alteration == "recoloured":
        image = _recolour(image, str(parameters["how"]), float(parameters.get("factor", 1.0)))
    elif alteration == "mirrored":
        image = ImageOps.mirror(image)
    elif alteration == "rotated":
        degrees = float(parameters["degrees"])
        right_angle = degrees % 90 == 0
        corner = image.getpixel((0, 0))
        image = image.rotate(degrees, Image.Resampling.BICUBIC, expand=right_angle, fillcolor=corner)
    elif alteration == "watermarked":
        image = _watermark(image, str(parameters["text"]), float(parameters["opacity"]))
    return encode(image, suffix)
