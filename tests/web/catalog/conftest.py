"""A dataset with labels and a refused file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from catalog.models import Dataset

Picture = Callable[..., bytes]
ImportFiles = Callable[[str, dict[str, bytes]], Dataset]


@pytest.fixture
def dataset(import_files: ImportFiles, picture: Picture) -> Dataset:
    """Three images with two labels, and one file that is refused."""
    pictures = {f"{name}.png": picture(seed) for seed, name in enumerate(("Jerome/0", "Jerome/1", "Peter/9"))}
    return import_files("ArtDL", pictures | {"Peter/bad.png": b"no image"})
