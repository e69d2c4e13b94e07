"""An import opens each picture once, for its checksums, its thumbnail and every hash of the first release."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image as Pillow

from analysis.core.hashes import HASHES
from analysis.models import Hash
from catalog.models import Dataset, Image, Project
from tests.analysis.truth import run

Import = Callable[[str, dict[str, bytes]], Dataset]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SHA-256 of every file that Pillow is given to read, in order."""
    seen: list[str] = []
    really = Pillow.open

    def watched(file: Any, *args: Any, **kwargs: Any) -> Pillow.Image:
        seen.append(hashlib.sha256(file.getvalue()).hexdigest())
        return really(file, *args, **kwargs)

    monkeypatch.setattr(Pillow, "open", watched)
    return seen


def test_each_file_is_opened_once_for_everything_and_not_again_by_a_comparison(
    import_files: Import, picture: Callable[..., bytes], project: Project, opened: list[str]
) -> None:
    files = {
        f"{n}.{end}": picture(n, format=kind) for n, (end, kind) in enumerate([("png", "PNG"), ("jpg", "JPEG")] * 3)
    }
    datasets = [import_files("a", files), import_files("b", {"again.png": picture(0)})]
    everything = [*files.values(), picture(0)]
    assert sorted(opened) == sorted(hashlib.sha256(content).hexdigest() for content in everything)
    at_import = {name for name, entry in HASHES.items() if entry.at_import}
    for image in Image.objects.all():
        assert image.sha256
        assert image.pixel_hash
        assert image.thumbnail
        assert set(Hash.objects.filter(image=image).values_list("signal__name", flat=True)) == at_import
    opened.clear()
    run(project, datasets, "both", 8)
    assert opened == []
