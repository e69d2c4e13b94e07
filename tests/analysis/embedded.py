"""Datasets of images with embeddings, written as a model or an upload writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import Vectors
from analysis.models import Signal
from analysis.signals import KnownSignal, signal
from catalog.models import Dataset, Image, ImageLabel, Label, Project
from catalog.workspace import dataset_for


def vectors_of(project: Project, dim: int, stem: str = "clip") -> KnownSignal:
    """A signal of vectors that the project brought."""
    name = f"vectors:{project.pk}/{stem}-{dim}"
    Signal.objects.get_or_create(name=name, defaults={"project": project, "dim": dim})
    return signal(name)


def around(centres: NDArray[np.float64], of: Sequence[int], *, seed: int = 0, noise: float = 0.3) -> Vectors:
    """Unit vectors, each near one of the centres."""
    found = centres[np.asarray(of)] + noise * np.random.default_rng(seed).normal(size=(len(of), centres.shape[1]))
    return Vectors((found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32))


def embedded(
    project: Project, name: str, vectors: Vectors, known: KnownSignal, *, labels: Sequence[str] = (), **image: Any
) -> Dataset:
    """Adds images without pictures to a dataset of the project, the i-th with the i-th embedding and label."""
    dataset = dataset_for(project=project, name=name, by=None)
    start = dataset.image_count
    rows = Image.objects.bulk_create(
        Image(dataset=dataset, name=f"{name}-{n}", path=f"{name}-{n}.png", **image)
        for n in range(start, start + len(vectors))
    )
    describe(dataset, rows, vectors, known)
    made = {text: Label.objects.get_or_create(project=project, name=text)[0] for text in set(labels) if text}
    ImageLabel.objects.bulk_create(
        ImageLabel(image=row, label=made[text]) for row, text in zip(rows, labels, strict=False) if text
    )
    Dataset.objects.filter(pk=dataset.pk).update(image_count=start + len(vectors))
    dataset.refresh_from_db()
    return dataset


def describe(dataset: Dataset, images: Sequence[Image], vectors: Vectors, known: KnownSignal) -> None:
    """Store embeddings of images."""
    ids = np.array([image.pk for image in images], np.int64)
    bulk.write_embeddings(dataset_id=dataset.pk, signal_id=known.id, image_ids=ids, vectors=vectors)
