"""Fixtures of comparisons: datasets that are hashes alone, and a real model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytest_django import Settings

from analysis import bulk
from analysis.core.arrays import PackedBits
from analysis.core.encoders import offered
from analysis.signals import signal
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_dataset
from tests.shared import shared_data

SIDECAR = {
    "input": "input",
    "output": "embedding",
    "size": 224,
    "resize": "whole",
    "scale": 1,
    "mean": 127.5,
    "std": 127.5,
}


@pytest.fixture
def hashed(project: Project) -> Callable[..., Dataset]:
    """Adds images with given or random clustered hashes to a dataset, as a fingerprint upload does."""
    rng = np.random.default_rng(11)
    centres = rng.integers(0, 256, (6, 8), np.uint8)

    def make(name: str, n: int) -> Dataset:
        dataset = project.datasets.filter(name=name).first() or create_dataset(project=project, name=name, by=None)
        start = dataset.image_count
        images = Image.objects.bulk_create(
            Image(dataset=dataset, name=f"{name}-{k}", path=f"{name}-{k}") for k in range(start, start + n)
        )
        bits = centres[rng.integers(0, len(centres), n)].copy()
        flips = rng.integers(0, 64, (n, 5))
        for row in range(n):
            for bit in flips[row]:
                bits[row, bit // 8] ^= 1 << (bit % 8)
        ids = np.array([image.pk for image in images], np.int64)
        bulk.write_hashes(
            dataset_id=dataset.pk, signal_id=signal("phash-8").id, image_ids=ids, bits=PackedBits(bits, 64)
        )
        Dataset.objects.filter(pk=dataset.pk).update(image_count=start + n)
        dataset.refresh_from_db()
        return dataset

    return make


@pytest.fixture
def mobilenet(settings: Settings, tmp_path: Path) -> str:
    """The name of the real MobileNetV2, which lies in a models folder as an operator would put it there."""
    model = shared_data() / "models" / "mobilenet_v2_1.0_224.onnx"
    folder = tmp_path / "models" / "onnx"
    folder.mkdir(parents=True)
    shutil.copy(model, folder)
    (folder / "mobilenet_v2_1.0_224.json").write_text(json.dumps(SIDECAR))
    settings.MODELS_DIR = tmp_path / "models"
    return next(encoder.name for encoder in offered(settings.MODELS_DIR) if encoder.name.startswith("onnx:"))
