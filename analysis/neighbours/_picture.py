"""A picture that someone sends to ask about: read within limits, kept nowhere."""

from __future__ import annotations

from django.core.files.uploadedfile import UploadedFile

from catalog.core.errors import RefusedImage
from catalog.core.images import Decoded, Limits, read_image

LIMITS = Limits(max_bytes=32 * 2**20, max_pixels=64_000_000)
"""Smaller than those of an import: somebody waits for the answer."""


def read_picture(file: UploadedFile[bytes]) -> Decoded:
    """Decode a picture that came with a request.

    Raises:
        RefusedImage: it is none, or too large.
    """
    # Known without reading it into memory.
    if (file.size or 0) > LIMITS.max_bytes:
        raise RefusedImage(
            "too-many-bytes",
            f"The picture has {file.size or 0:,} bytes; at most {LIMITS.max_bytes:,} are looked at.",
            remedy="Send it smaller or more strongly compressed: hashes and models see a few hundred pixels only.",
        )
    return read_image(file.read(), limits=LIMITS)
