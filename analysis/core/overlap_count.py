"""Counting the overlap of datasets at every threshold at once, from pairs that need not be in memory together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Pairs
from analysis.core.clusters import require_rows, smallest_connected, spanning_forest
from analysis.core.curves import Counts, cumulative
from analysis.core.errors import InvalidArray
from analysis.core.label_overlap import ImageLabels, LabelCount
from analysis.core.overlap import OverlapCurve

MOST_DATASETS = 62
"""Sets of datasets are bit masks in an int64."""

PENDING = 1_000_000
"""Edges that are gathered, at least, before those that join nothing new are dropped."""


class OverlapCount:
    """Overlap of k datasets at each of s thresholds, counted part by part.

    Each image's first match is kept, and of all pairs only those at which clusters grow: at every threshold the pairs
    up to it join the same images as a minimum spanning forest of them does. So memory is about
    8 bytes x n x (k + 12) and 72 bytes for each of `PENDING` pairs, however many there are.

    Args:
        dataset: int32, shape (n,), the dataset of each image, in [0, n_datasets).
        n_datasets: number of datasets, at most `MOST_DATASETS`.
        steps: float32, shape (s,), thresholds in the unit of the distances, strictly rising.
        labels: labels of the n images.

    Raises:
        InvalidArray: arrays that do not fit each other, or thresholds that do not rise.
    """

    def __init__(
        self,
        *,
        dataset: NDArray[np.int32],
        n_datasets: int,
        steps: NDArray[np.float32],
        labels: ImageLabels | None = None,
    ) -> None:
        _require(dataset, n_datasets, steps, labels)
        n, self._k, self._s = len(dataset), n_datasets, len(steps)
        self._steps = steps
        self._home = dataset.astype(np.int64)
        self._events = np.zeros((self._s, self._k * self._k), np.int64)
        self._first = np.full((n, self._k), self._s, np.int32)
        self._labels = None if labels is None else LabelCount(labels, self._s)
        none = np.empty(0, np.int64)
        self._forest = (none, none, none)
        self._pending: list[tuple[Counts, Counts, Counts]] = []

    def add(self, pairs: Pairs) -> None:
        """Count more pairs.

        Args:
            pairs: pairs of rows of `dataset`, each pair once in all parts together, in any order; those beyond the
                last step are not counted.

        Raises:
            InvalidArray: a pair names a row that does not exist.
        """
        k, home = self._k, self._home
        require_rows(len(home), pairs)
        step = np.searchsorted(self._steps, pairs.distance, side="left")
        counted = step < self._s
        step, a, b = step[counted], pairs.a[counted], pairs.b[counted]
        of_a, of_b = home[a], home[b]
        key = step * (k * k) + np.minimum(of_a, of_b) * k + np.maximum(of_a, of_b)
        self._events += np.bincount(key, minlength=self._events.size).reshape(self._events.shape)
        first = self._first.reshape(-1)
        np.minimum.at(first, a * k + of_b, step.astype(np.int32))
        np.minimum.at(first, b * k + of_a, step.astype(np.int32))
        if self._labels is not None:
            self._labels.add(a, b, step)
        self._pending.append((a, b, step))
        if sum(len(part[0]) for part in self._pending) >= max(PENDING, len(home)):
            self._keep_joining()

    def curve(self) -> OverlapCurve:
        """The overlap by the pairs that were added."""
        self._keep_joining()
        k, s, home = self._k, self._s, self._home
        upper = self._events.cumsum(axis=0).reshape(s, k, k)
        within = upper * np.eye(k, dtype=np.int64)
        row, column = np.nonzero(self._first < s)
        first_any = self._first.min(axis=1, initial=s).astype(np.int64)
        across = self._first.copy()
        across[np.arange(len(home)), home] = s
        first_across = across.min(axis=1, initial=s).astype(np.int64)
        matched = cumulative(self._first[row, column].astype(np.int64), home[row] * k + column, s, k * k)
        a, b, step = self._forest
        clusters, largest, regions, region_images = _cluster_curves(
            home, k, a, b, np.searchsorted(step, np.arange(s + 1))
        )
        return OverlapCurve(
            steps=self._steps,
            images=np.bincount(home, minlength=k).astype(np.int64),
            pairs=upper + upper.transpose(0, 2, 1) - within,
            matched=matched.reshape(s, k, k),
            matched_any=cumulative(first_any, home, s, k),
            matched_across=cumulative(first_across, home, s, k),
            clusters=clusters,
            largest_cluster=largest,
            regions=regions,
            region_images=region_images,
            labels=None
            if self._labels is None
            else self._labels.curve(home=home, first_any=first_any, first_across=first_across),
        )

    def _keep_joining(self) -> None:
        """Drop the edges that join nothing which smaller steps have not joined."""
        parts = [self._forest, *self._pending]
        a, b, step = (np.concatenate([part[column] for part in parts]) for column in range(3))
        order = np.argsort(step, kind="stable")
        a, b, step = a[order], b[order], step[order]
        joining = spanning_forest(len(self._home), a, b)
        self._forest = (a[joining], b[joining], step[joining])
        self._pending = []


def overlap_curve(
    *,
    dataset: NDArray[np.int32],
    n_datasets: int,
    pairs: Pairs,
    steps: NDArray[np.float32],
    labels: ImageLabels | None = None,
) -> OverlapCurve:
    """The overlap by pairs that are all in memory; see `OverlapCount`.

    Raises:
        InvalidArray: arrays that do not fit each other, or thresholds that do not rise.
    """
    count = OverlapCount(dataset=dataset, n_datasets=n_datasets, steps=steps, labels=labels)
    count.add(pairs)
    return count.curve()


def _require(dataset: NDArray[np.int32], k: int, steps: NDArray[np.float32], labels: ImageLabels | None) -> None:
    if not 1 <= k <= MOST_DATASETS:
        raise InvalidArray(f"Overlap is counted for 1 to {MOST_DATASETS} datasets, not {k}.")
    if dataset.ndim != 1 or not np.issubdtype(dataset.dtype, np.integer):
        raise InvalidArray(f"The dataset of each image is an array int32 (n,), not {dataset.dtype} {dataset.shape}.")
    if dataset.size and not (dataset.min() >= 0 and dataset.max() < k):
        raise InvalidArray(f"Datasets are numbered 0 to {k - 1}, not {dataset.min()} to {dataset.max()}.")
    if steps.dtype != np.float32 or steps.ndim != 1 or not steps.size:
        raise InvalidArray(f"Thresholds are an array float32 (s,), s at least 1, not {steps.dtype} {steps.shape}.")
    if not np.isfinite(steps).all() or not (np.diff(steps) > 0).all():
        raise InvalidArray("Thresholds must be finite numbers, each larger than the one before.")
    if labels is not None and len(labels) != len(dataset):
        raise InvalidArray(f"Labels are given for {len(labels)} images, datasets for {len(dataset)}.")


def _cluster_curves(
    home: Counts, k: int, a: Counts, b: Counts, bounds: Counts
) -> tuple[Counts, Counts, dict[int, Counts], dict[int, Counts]]:
    """Clusters, largest cluster, regions and their images at each step; the edges of step i are bounds[i]:bounds[i+1].

    Only clusters that a step joins are looked at in it, as nodes of a contracted graph.
    """
    n, s = len(home), len(bounds) - 1
    root = np.arange(n, dtype=np.int64)
    images = np.zeros((n, k), np.int64)
    images[root, home] = 1
    mask = np.left_shift(np.int64(1), home)
    changes: dict[int, Counts] = {}

    def change(step: int, clusters: Counts, sign: int) -> None:
        masks, where = np.unique(mask[clusters], return_inverse=True)
        delta = np.zeros((len(masks), 1 + k), np.int64)
        delta[:, 0] = np.bincount(where, minlength=len(masks))
        np.add.at(delta[:, 1:], where, images[clusters])
        for found, row in zip(masks.tolist(), delta, strict=True):
            changes.setdefault(found, np.zeros((s, 1 + k), np.int64))[step] += sign * row

    change(0, root, 1)
    grown, largest = np.zeros(s, np.int64), np.zeros(s, np.int64)
    for step in range(s):
        left, right = root[a[bounds[step] : bounds[step + 1]]], root[b[bounds[step] : bounds[step + 1]]]
        apart = left != right
        if not apart.any():
            continue
        nodes, where = np.unique(np.concatenate((left[apart], right[apart])), return_inverse=True)
        half = len(where) // 2
        joined = nodes[smallest_connected(len(nodes), where[:half], where[half:])]
        roots = np.unique(joined)
        change(step, nodes, -1)
        gathered = images[nodes]
        grown[step] = len(roots) - np.count_nonzero(gathered.sum(axis=1) > 1)
        images[nodes] = 0
        np.add.at(images, joined, gathered)
        np.bitwise_or.at(mask, joined, mask[nodes])
        change(step, roots, 1)
        largest[step] = images[roots].sum(axis=1).max()
        root[nodes] = joined
        root = root[root]

    curves = {found: changes[found].cumsum(axis=0) for found in sorted(changes)}
    curves = {found: curve for found, curve in curves.items() if curve.any()}
    return (
        grown.cumsum(),
        np.maximum.accumulate(largest),
        {found: curve[:, 0] for found, curve in curves.items()},
        {found: curve[:, 1:] for found, curve in curves.items()},
    )
