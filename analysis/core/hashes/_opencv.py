"""OpenCV's hashes, which are called and not rewritten: their bytes are those of its version."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._rendition import Rendition


def hashed(function: str, rendition: Rendition, **options: int) -> NDArray[Any]:
    """What a function of `cv2.img_hash` gives for a picture.

    Args:
        function: its name.
        rendition: the picture.
        options: handed on.

    Returns:
        Its numbers, shape (n,), of the type that OpenCV gives them.
    """
    import cv2

    module: Any = cv2.img_hash  # its type stub knows no function
    # OpenCV takes pictures with blue first.
    return np.asarray(getattr(module, function)(cv2.cvtColor(rendition.rgb, cv2.COLOR_RGB2BGR), **options)).ravel()
