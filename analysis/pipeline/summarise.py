"""From measurements and decisions to the overlap at every threshold, stored for the dashboard."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import Pairs
from analysis.core.label_overlap import ImageLabels
from analysis.core.overlap import overlap_curve
from analysis.models import Comparison, Summary
from analysis.models.review import ACCEPTED
from analysis.queries import Cell, cells
from analysis.signals import signal
from catalog.models import Dataset, Label

LIBRARIES = ("numpy", "scipy", "pillow", "imagehash", "numba")


def versions() -> dict[str, str]:
    """The versions of the libraries that results depend on, and ours."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


class Population:
    """The images of a comparison as rows: datasets one after another, images by id.

    Args:
        datasets: in the order in which pages show them.
    """

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.datasets = datasets
        ids = [bulk.read_image_ids(dataset_id=dataset.pk) for dataset in datasets]
        self.bounds = np.concatenate([[0], np.cumsum([len(part) for part in ids])])
        self.ids: NDArray[np.int64] = np.concatenate(ids) if ids else np.empty(0, np.int64)
        self.dataset = np.repeat(np.arange(len(datasets), dtype=np.int32), [len(part) for part in ids])
        self._position = {dataset.pk: position for position, dataset in enumerate(datasets)}

    def rows(self, dataset_id: int, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of images of one dataset; -1 for images that came after these rows were read."""
        position = self._position[dataset_id]
        start, stop = self.bounds[position : position + 2]
        known = self.ids[start:stop]
        at = np.searchsorted(known, image_ids)
        found = at < len(known)
        found[found] = known[at[found]] == image_ids[found]
        return np.where(found, start + at, -1)

    def pairs(self, parts: Sequence[tuple[Cell, Pairs]]) -> Pairs:
        """Pairs of image ids as pairs of rows, the smaller row first."""
        if not parts:
            return Pairs.empty()
        a = np.concatenate([self.rows(cell.a, pairs.a) for cell, pairs in parts])
        b = np.concatenate([self.rows(cell.b, pairs.b) for cell, pairs in parts])
        distance = np.concatenate([pairs.distance for _, pairs in parts])
        known = (a >= 0) & (b >= 0)
        return Pairs(np.minimum(a, b)[known], np.maximum(a, b)[known], distance[known])

    def labels(self) -> tuple[ImageLabels | None, list[int]]:
        """Which row carries which labels, and the database ids of these labels; None where no image has one."""
        images, carried = [], []
        for dataset in self.datasets:
            image_ids, label_ids = bulk.read_image_labels(dataset_id=dataset.pk)
            rows = self.rows(dataset.pk, image_ids)
            images.append(rows[rows >= 0])
            carried.append(label_ids[rows >= 0])
        rows, label_ids = np.concatenate(images), np.concatenate(carried)
        if not rows.size:
            return None, []
        known, ids = np.unique(label_ids, return_inverse=True)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(self.ids)))])
        return ImageLabels(indptr.astype(np.int64), ids.astype(np.int64), len(known)), known.tolist()


def curve_of(population: Population, pairs: Pairs, steps: NDArray[np.float32]) -> dict[str, Any]:
    """The overlap curve as the dashboard reads it: with the names of datasets and labels in it."""
    labels, label_ids = population.labels()
    curve = overlap_curve(
        dataset=population.dataset,
        n_datasets=len(population.datasets),
        pairs=pairs,
        steps=steps,
        labels=labels,
    ).to_json()
    names = Label.objects.in_bulk(label_ids)
    curve["datasets"] = [dataset.pk for dataset in population.datasets]
    curve["label_names"] = [[names[pk].name, names[pk].title] for pk in label_ids]
    return curve


def summarise(comparison: Comparison, signal_name: str, max_distance: float) -> None:
    """Store the overlap of a comparison under one signal at every distance up to the largest explored."""
    known = signal(signal_name)
    population = Population(list(comparison.datasets.all()))
    found = [
        (
            cell,
            bulk.read_measurements(signal_id=known.id, dataset_a=cell.a, dataset_b=cell.b, max_distance=max_distance),
        )
        for cell in cells(comparison)
    ]
    steps = np.arange(0, int(max_distance) + 1, dtype=np.float32)
    Summary.objects.update_or_create(
        comparison=comparison,
        signal_id=known.id,
        defaults={
            "curve": curve_of(population, population.pairs(found), steps),
            "versions": {"signal": signal_name, "max_distance": max_distance, **versions()},
            "computed_at": timezone.now(),
        },
    )


def confirmed(comparison: Comparison) -> dict[str, Any]:
    """The overlap by accepted pairs alone, as a curve of one threshold; computed anew, since verdicts keep coming."""
    population = Population(list(comparison.datasets.all()))
    found = [
        (cell, bulk.read_accepted(dataset_a=cell.a, dataset_b=cell.b, choices=ACCEPTED)) for cell in cells(comparison)
    ]
    return curve_of(population, population.pairs(found), np.zeros(1, np.float32))
