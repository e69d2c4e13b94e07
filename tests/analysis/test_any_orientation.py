"""Mirrored and turned copies under every hash and a model: the closest of eight orientations, and which it is."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from pytest_django import Settings

from analysis.core.encoders import offered
from analysis.core.hashes import HASHES, compute
from analysis.core.orientations import ORIENTATIONS, inverse, turned
from analysis.models import Comparison, Measurement
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Dataset, Project
from tests.core.model_files import describe, script

Rgb = NDArray[np.uint8]
Import = Callable[[str, dict[str, bytes]], Dataset]


def as_png(rgb: Rgb) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(rgb).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def original(picture: Callable[..., bytes]) -> Rgb:
    return np.asarray(Pillow.open(io.BytesIO(picture(5, size=(120, 90)))).convert("RGB"))


@pytest.fixture
def datasets(import_files: Import, original: Rgb) -> list[Dataset]:
    """A picture, and its eight orientations, named by their number."""
    copies = {f"{number}.png": as_png(turned(original, number)) for number in ORIENTATIONS}
    return [import_files("Upright", {"one.png": as_png(original)}), import_files("Turned", copies)]


def measured(project: Project, datasets: list[Dataset], signals: dict[str, float]) -> dict[str, dict[int, Measurement]]:
    """Signal → the copy's orientation → its measurement with the upright picture."""
    comparison = create_comparison(project=project, datasets=datasets, signals=signals, scope="across", by=None)
    run_comparison(comparison.pk)
    assert Comparison.objects.get().status == "done", Comparison.objects.get().error
    found: dict[str, dict[int, Measurement]] = {name: {} for name in signals}
    for row in Measurement.objects.select_related("signal", "image_b"):
        found[row.signal.name][int(row.image_b.name)] = row
    return found


def bits(rgb: Rgb, name: str) -> bytes:
    return compute(rgb, [name])[name].tobytes()


def test_every_hash_finds_the_picture_in_each_of_its_orientations(
    project: Project, datasets: list[Dataset], original: Rgb
) -> None:
    found = measured(
        project, datasets, {f"{name}@any": float(entry.default_distance) for name, entry in HASHES.items()}
    )
    for name, entry in HASHES.items():
        rows = found[f"{name}@any"]
        assert set(rows) == set(ORIENTATIONS), name
        upright = bits(original, name)
        for number, row in rows.items():
            apart = [
                entry.metric.distance(upright, bits(turned(turned(original, number), each), name))
                for each in ORIENTATIONS
            ]
            assert row.distance == pytest.approx(min(apart), abs=1e-6) == 0, (name, number)
            # Of orientations that are equally near, the first.
            assert row.orientation == ORIENTATIONS[int(np.argmin(np.asarray(apart, np.float32)))], (name, number)
        assert rows[1].orientation == 1


class Quarters(torch.nn.Module):
    """The mean colours of the four quarters: a model that sees which way up a picture is."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)


def test_a_model_finds_the_picture_in_each_of_its_orientations_and_says_which(
    project: Project, datasets: list[Dataset], settings: Settings, tmp_path: Path
) -> None:
    settings.MODELS_DIR = tmp_path / "models"
    describe(script(Quarters(), settings.MODELS_DIR / "torchscript" / "quarters.pt"))
    [model] = [encoder.name for encoder in offered(settings.MODELS_DIR) if encoder.on_disk]
    rows = measured(project, datasets, {f"{model}@any": 1e-5, model: 1e-5})
    assert set(rows[model]) == {1}
    assert {number: row.orientation for number, row in rows[f"{model}@any"].items()} == {
        number: inverse(number) for number in ORIENTATIONS
    }
