"""Seeded pictures for the hashes; run as a module to store ImageHash's hashes of them in hashes.json.

python -m tests.core.golden.pictures
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from tests.core.golden import peers

KINDS = ("noise", "flat", "gradient", "photograph", "painting", "palette", "bars", "margin")


def random(kind: str, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """An RGB picture of one of `KINDS`: uint8, shape (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    if kind == "noise":
        return rng.integers(0, 256, (height, width, 3), np.uint8)
    if kind == "flat":
        return np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
    if kind == "gradient":
        slope = rng.normal(size=(3, 2))
        field = np.stack([a * x + b * y for a, b in slope], axis=2)
        return _to_bytes(field)
    if kind == "photograph":
        waves = rng.normal(size=(6, 5))
        field = sum(a * np.sin(9 * (b * x + c * y) + d)[..., None] * np.abs(e) for a, b, c, d, e in waves)
        return _to_bytes(field + rng.normal(0, 0.15, (height, width, 3)))
    if kind == "palette":
        colours = rng.integers(0, 256, (4, 3), np.uint8)
        return np.asarray(colours[(np.floor(x * 7) + np.floor(y * 5)).astype(int) % 4])
    if kind == "bars":
        edge = rng.integers(2, 9)
        return np.repeat((((x * edge) % 1 > 0.5) * 255).astype(np.uint8)[..., None], 3, axis=2)
    picture = Image.new("RGB", (width, height), "white" if kind == "margin" else "saddlebrown")
    pen = ImageDraw.Draw(picture)
    for _ in range(3 if kind == "margin" else 25):
        a, b = rng.uniform(0.35, 0.65, (2, 2)) if kind == "margin" else rng.uniform(-0.1, 1.1, (2, 2))
        (left, right), (top, bottom) = sorted((a[0] * width, b[0] * width)), sorted((a[1] * height, b[1] * height))
        pen.ellipse((left, top, right, bottom), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    if kind == "painting":
        picture = picture.filter(ImageFilter.GaussianBlur(1.5))
    return np.asarray(picture)


def _to_bytes(field: NDArray[np.float64]) -> NDArray[np.uint8]:
    span = float(np.ptp(field)) or 1.0
    return np.asarray((field - field.min()) * (255.0 / span)).astype(np.uint8)


@functools.cache
def draw() -> dict[str, NDArray[np.uint8]]:
    """The pictures of hashes.json by name: one of each kind, and one far taller than wide."""
    rng = np.random.default_rng(20240521)
    pictures = {kind: random(kind, 211, 301, rng) for kind in KINDS}
    pictures["tall"] = random("painting", 700, 130, rng)
    return pictures


if __name__ == "__main__":
    golden = {
        name: {each: np.packbits(peers.bits(Image.fromarray(rgb), each)).tobytes().hex() for each in peers.NAMES}
        for name, rgb in draw().items()
    }
    Path(__file__).with_name("hashes.json").write_text(json.dumps(golden, indent=1) + "\n")
