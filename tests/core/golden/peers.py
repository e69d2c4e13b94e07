"""The hashes as other software defines them: ImageHash itself, and the study's block mean hash in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

LIBRARY: dict[str, Callable[..., Any]] = {
    "ahash": imagehash.average_hash,
    "dhash": imagehash.dhash,
    "phash": imagehash.phash,
    "whash": imagehash.whash,
}
NAMES = [*(f"{key}-{size}" for key in LIBRARY for size in (8, 16)), "block_mean-16"]


def bits(image: Image.Image, name: str) -> NDArray[np.bool_]:
    """The bits of one RGB image: bool, shape (n_bits,)."""
    key, size = name.split("-")
    if key == "block_mean":
        return _block_mean(image)
    return np.asarray(LIBRARY[key](image, hash_size=int(size)).hash, np.bool_).ravel()


def _block_mean(image: Image.Image) -> NDArray[np.bool_]:
    cells = np.asarray(image.convert("L").resize((16, 16), Image.Resampling.LANCZOS)).astype(int)
    quadrants = [cells[:8, :8].sum(), cells[:8, 8:].sum(), cells[8:, :8].sum(), cells[8:, 8:].sum()]
    if quadrants[0] > min(quadrants):
        cells = np.fliplr(cells)
    return np.asarray(cells >= cells.mean(), np.bool_).ravel()
