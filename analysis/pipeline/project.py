"""From the embeddings of some datasets to a stored projection."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np

from analysis import bulk
from analysis.core.arrays import Vectors
from analysis.core.errors import AnalysisError
from analysis.core.projection import InvalidProjection, method_from, project
from analysis.core.projection.wire import stored_points
from analysis.core.versions import versions
from analysis.models import Projection
from analysis.queries import embedding_counts
from analysis.signals import signal
from catalog.jobs import Progress

MOST_BYTES = 4 * 1024**3
"""Embeddings that a worker holds at once."""


def compute_projection(projection: Projection, progress: Progress[Any]) -> None:
    """Compute a projection from the embeddings as they are now. Repeating it replaces the coordinates.

    Raises:
        InvalidProjection: no embedding is left, or too few different ones for the parameters.
        AnalysisError: more embeddings than a worker can hold.
    """
    datasets = list(projection.datasets.all())
    known = signal(projection.signal.name)
    method = method_from(projection.method, projection.parameters)
    count = sum(embedding_counts(datasets, known.id).values())
    if count * (projection.signal.dim or 0) * 4 > MOST_BYTES:
        raise AnalysisError(
            f"{count:,} embeddings of {projection.signal.dim:,} dimensions are more than a worker holds at once.",
            remedy="Choose fewer datasets.",
        )
    progress.stage("Reading embeddings", total=len(datasets), unit="datasets")
    ids, parts = [], []
    for dataset in datasets:
        found, vectors = bulk.read_embeddings(dataset_id=dataset.pk, signal_id=known.id)
        if vectors is not None:
            ids.append(found)
            parts.append(vectors.values)
        progress.advance()
    if not parts:
        raise InvalidProjection(
            f"No image of these datasets has an embedding under {known.title} any more.",
            remedy="Choose other datasets, or compute the embeddings again.",
        )
    image_ids = np.concatenate(ids)
    projected = project(Vectors(np.concatenate(parts)), method, report=_Steps(progress))
    libraries = versions() | {
        name: importlib.metadata.version(name) for name in ("scikit-learn", "umap-learn", "opentsne")
    }
    Projection.objects.filter(pk=projection.pk).update(
        points=stored_points(image_ids, projected.points),
        n_images=len(image_ids),
        versions={
            "libraries": libraries,
            "method": method.name,
            "parameters": method.parameters(),
            "explained": projected.explained,
            "kept": projected.kept,
            "distinct": projected.distinct,
            "flat": projected.flat,
        },
    )


class _Steps:
    """Tells a job what the arithmetic reports."""

    def __init__(self, progress: Progress[Any]) -> None:
        self.progress = progress
        self.stage, self.done = "", 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self.stage:
            self.stage, self.done = stage, 0
            self.progress.stage(stage, total=total, unit="steps")
        if done > self.done:
            self.progress.advance(done - self.done)
            self.done = done
