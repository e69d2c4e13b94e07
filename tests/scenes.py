"""Pictures with corners and blobs everywhere, drawn from a seed: what verifiers can hold on to."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> NDArray[np.uint8]:
    """Overlapping shapes of all sizes in random colours, softened: uint8, shape (height, width, 3)."""
    rng = np.random.default_rng(seed)
    width, height = size
    picture = np.full((height, width, 3), 128, np.uint8)
    for _ in range(260):
        color = tuple(int(c) for c in rng.integers(0, 256, 3))
        center = int(rng.integers(width)), int(rng.integers(height))
        radius = int(rng.integers(4, 60))
        if rng.random() < 0.5:
            cv2.circle(picture, center, radius, color, -1, cv2.LINE_AA)
        else:
            corner = center[0] + radius, center[1] + int(rng.integers(4, 60))
            cv2.rectangle(picture, center, corner, color, -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0), np.uint8)


def as_file(rgb: NDArray[np.uint8], format: str = "PNG", exif: Image.Exif | None = None) -> bytes:
    """A picture as a file holds it."""
    out = BytesIO()
    more = {} if exif is None else {"exif": exif}
    Image.fromarray(rgb).save(out, format, **more)
    return out.getvalue()
