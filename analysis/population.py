"""The images of several datasets as one set of rows, which is what the arithmetic counts in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import Pairs
from analysis.core.label_overlap import ImageLabels
from analysis.queries import Cell
from catalog.models import Dataset


class Population:
    """The images of datasets as rows: datasets one after another, images by id.

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
