"""The versions of what results depend on, which every result carries."""

from __future__ import annotations

import importlib.metadata

LIBRARIES = (
    "numpy", "scipy", "pillow", "imagehash", "numba", "opencv-contrib-python-headless",
    "torch", "open_clip_torch", "timm", "onnxruntime",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Library name -> version, of the libraries that descriptors, joins and counts depend on."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}
