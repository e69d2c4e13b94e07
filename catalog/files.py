"""Where the files of images lie in the store: keys are named by dataset and content, so equal files are kept once."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import QuerySet

from catalog.models import Image

SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}


def original_key(dataset_id: int, sha256: str, image_format: str) -> str:
    """The file as it was brought."""
    return f"images/{dataset_id}/{sha256[:2]}/{sha256}{SUFFIXES.get(image_format, f'.{image_format.lower()}')}"


def thumbnail_key(dataset_id: int, sha256: str) -> str:
    """The JPEG for grids."""
    return f"thumbnails/{dataset_id}/{sha256[:2]}/{sha256}.jpg"


def view_key(dataset_id: int, sha256: str) -> str:
    """The JPEG for the screen, which is made the first time that someone asks for it."""
    return f"views/{dataset_id}/{sha256[:2]}/{sha256}.jpg"


def keep(key: str, data: bytes) -> str:
    """Store content under a key that is named by it; equal content is there already."""
    if not default_storage.exists(key):
        saved = default_storage.save(key, ContentFile(data))
        if saved != key:
            # Two of us stored the same at once; the other's is as good.
            default_storage.delete(saved)
    return key


def keys_of(images: QuerySet[Image]) -> set[str]:
    """Every key that may belong to these images."""
    rows = images.exclude(file="").values_list("dataset_id", "sha256", "file", "thumbnail").iterator(chunk_size=5000)
    return {key for dataset, sha256, file, thumb in rows for key in (file, thumb, view_key(dataset, sha256))}


def delete(keys: Iterable[str]) -> None:
    """Delete files; those that are not there are no matter."""
    for key in keys:
        default_storage.delete(key)
