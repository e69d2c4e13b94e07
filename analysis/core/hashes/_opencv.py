"""Pictures as OpenCV takes them, whose hashes are called and not rewritten: their bytes are those of its version."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._rendition import Rendition


def bgr(rendition: Rendition) -> NDArray[np.uint8]:
    """The pixels with blue first: uint8, shape (height, width, 3)."""
    import cv2

    return np.asarray(cv2.cvtColor(rendition.rgb, cv2.COLOR_RGB2BGR), np.uint8)


def img_hash() -> Any:
    """OpenCV's module of hashes, of which its type stub knows no function."""
    import cv2

    module: ModuleType = cv2.img_hash
    return module
