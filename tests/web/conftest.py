"""Fixtures of verification: two datasets of scenes, some of which show the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as PillowImage

from analysis import queries
from analysis.models import Comparison
from analysis.tasks import run_comparison, run_verification
from analysis.workspace import create_comparison
from catalog.models import Dataset, Project
from tests.scenes import as_file, scene


@pytest.fixture
def scenes_compared(project: Project, import_files: Callable[[str, dict[str, bytes]], Dataset]) -> Comparison:
    """b1 is the right half of a1, b2 is a2 mirrored, b9 is another scene."""
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Model] = "<b>Canon</b>"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.123, 0.0, 0.0)
    half = np.ascontiguousarray(scene(1)[:, 320:])
    mirrored = np.ascontiguousarray(scene(2)[:, ::-1])
    first = import_files("a", {"a1.jpg": as_file(scene(1), "JPEG", exif), "a2.png": as_file(scene(2))})
    second = import_files(
        "b", {"b1.png": as_file(half), "b2.png": as_file(mirrored), "b9.png": as_file(scene(9, (200, 160)))}
    )
    comparison = create_comparison(
        project=project, datasets=[first, second], signals={"phash-8": 64, "phash-8@any": 16}, scope="across", by=None
    )
    run_comparison(comparison.pk)
    return queries.comparison(project, comparison.pk)


@pytest.fixture
def runs_sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The keys of runs that were sent to the workers."""
    keys: list[int] = []
    monkeypatch.setattr(run_verification, "delay", keys.append)
    return keys
