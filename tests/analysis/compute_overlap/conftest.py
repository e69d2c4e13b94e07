"""Small datasets of plain colours, and a model that sees nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytest_django import Settings

from tests.core.model_files import describe, mean_colour_onnx


@pytest.fixture
def flat() -> Callable[[int, int, int], bytes]:
    """A picture of one colour."""

    def draw(*colour: int) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (16, 12), colour).save(out, "PNG")
        return out.getvalue()

    return draw


@pytest.fixture
def colours(tmp_path: Path, settings: Settings, flat: Callable[..., bytes]) -> Path:
    """Datasets A and B of 12 colours each, two of them shared, and a model that sees nothing but the mean colour."""
    settings.MODELS_DIR = tmp_path / "models"
    describe(mean_colour_onnx(settings.MODELS_DIR / "onnx" / "mean.onnx"), default_distance=0.0001, title="Mean colour")
    rng = np.random.default_rng(5)
    drawn = [tuple(int(part) for part in colour) for colour in rng.integers(20, 256, (22, 3))]
    for name, chosen in {"A": drawn[:12], "B": drawn[10:]}.items():
        for i, colour in enumerate(chosen):
            place = tmp_path / "root" / name / ("warm" if colour[0] > 128 else "cold")
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{i}.png").write_bytes(flat(*colour))
    return tmp_path / "root"
