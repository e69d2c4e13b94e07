"""Overlap of datasets at every threshold at once. What overlap means stands in `DEFINITION`, and only there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Pairs
from analysis.core.clusters import require_rows, smallest_connected
from analysis.core.curves import Counts, cumulative, pack, pack_all, shortest, unpack, unpack_all
from analysis.core.errors import InvalidArray
from analysis.core.label_overlap import ImageLabels, LabelCurve, label_curve

DEFINITION = (
    "Two images are a pair at a threshold when their distance is at most that threshold. "
    "An image of dataset A overlaps with dataset B when it is in at least one pair with an image of B. "
    "One image can be in several pairs, so three numbers are given: the images of A that overlap with B, "
    "the images of B that overlap with A, and the pairs between them; they usually differ. "
    "Images that pairs join, directly or through other images, form a cluster and count as one picture; "
    "an image in no pair is a picture by itself. "
    "A picture lies in every dataset that has an image of it."
)
"""The one definition of overlap, in the words that pages and reports show."""

SCHEMA = 1
"""Version of the JSON written by `OverlapCurve.to_json`; grows when a reader of the old one would err."""

MOST_DATASETS = 62
"""Sets of datasets are bit masks in an int64."""


@dataclass(frozen=True, slots=True, eq=False)
class OverlapCurve:
    """Overlap of k datasets at each of s thresholds, as `DEFINITION` says; all counts are int64.

    Attributes:
        steps: float32, shape (s,), the thresholds, rising.
        images: shape (k,), images of each dataset.
        pairs: shape (s, k, k), symmetric: pairs between two datasets; on the diagonal, pairs within one.
        matched: shape (s, k, k): images of the row dataset that overlap with the column dataset;
            on the diagonal, images in a pair within their own dataset.
        matched_any: shape (s, k), images in a pair.
        matched_across: shape (s, k), images in a pair with an image of another dataset.
        clusters: shape (s,), clusters of two or more images.
        largest_cluster: shape (s,), images in the largest cluster; 0 where there is none.
        regions: bit mask of datasets (bit j is dataset j) -> shape (s,), pictures that lie in exactly these datasets;
            only masks that occur at a threshold.
        region_images: bit mask -> shape (s, k), images of each dataset in these pictures.
        labels: overlap by label, where labels were given.
    """

    steps: NDArray[np.float32]
    images: Counts
    pairs: Counts
    matched: Counts
    matched_any: Counts
    matched_across: Counts
    clusters: Counts
    largest_cluster: Counts
    regions: Mapping[int, Counts]
    region_images: Mapping[int, Counts]
    labels: LabelCurve | None

    def step_at(self, distance: float) -> int | None:
        """Index of the largest threshold that is at most `distance`; None below the first threshold."""
        step = int(np.searchsorted(self.steps, np.float32(distance), side="right")) - 1
        return step if step >= 0 else None

    def to_json(self) -> dict[str, Any]:
        """JSON-able and compact; `from_json` gives the curve back exactly.

        A **curve** is s counts packed into a list as `analysis.core.curves` says.

        ===================  ===========================================================================
        ``schema``           1
        ``steps``            s thresholds, rising
        ``images``           k counts: images of each dataset
        ``pairs``            k lists of k curves, symmetric; diagonal: within the dataset
        ``matched``          k lists of k curves: images of the row dataset that overlap with the column
        ``matched_any``      k curves
        ``matched_across``   k curves
        ``clusters``         curve
        ``largest_cluster``  curve
        ``regions``          list of ``{sets, pictures, images}``: positions of the datasets, rising; curve;
                             one curve for each dataset of ``sets``. Ordered by number of datasets, then ``sets``
        ``labels``           null, or as `LabelCurve.to_json` says
        ===================  ===========================================================================
        """
        k = len(self.images)
        sets = {mask: [j for j in range(k) if mask >> j & 1] for mask in self.regions}
        return {
            "schema": SCHEMA,
            "steps": [shortest(step) for step in self.steps],
            "images": self.images.tolist(),
            "pairs": [pack_all(self.pairs[:, row]) for row in range(k)],
            "matched": [pack_all(self.matched[:, row]) for row in range(k)],
            "matched_any": pack_all(self.matched_any),
            "matched_across": pack_all(self.matched_across),
            "clusters": pack(self.clusters),
            "largest_cluster": pack(self.largest_cluster),
            "regions": [
                {
                    "sets": sets[mask],
                    "pictures": pack(self.regions[mask]),
                    "images": pack_all(self.region_images[mask][:, sets[mask]]),
                }
                for mask in sorted(self.regions, key=lambda mask: (len(sets[mask]), sets[mask]))
            ],
            "labels": None if self.labels is None else self.labels.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The curve that `to_json` wrote.

        Raises:
            InvalidArray: written under another schema.
        """
        if data.get("schema") != SCHEMA:
            raise InvalidArray(
                f"This overlap was stored under schema {data.get('schema')!r}; schema {SCHEMA} is read here.",
                remedy="Compute the comparison's overlap again.",
            )
        s, k = len(data["steps"]), len(data["images"])
        regions: dict[int, Counts] = {}
        region_images: dict[int, Counts] = {}
        for region in data["regions"]:
            mask = sum(1 << j for j in region["sets"])
            regions[mask] = unpack(region["pictures"], s)
            region_images[mask] = np.zeros((s, k), np.int64)
            region_images[mask][:, region["sets"]] = unpack_all(region["images"], s)
        return cls(
            steps=np.array(data["steps"], np.float32),
            images=np.array(data["images"], np.int64),
            pairs=unpack_all([curve for row in data["pairs"] for curve in row], s).reshape(s, k, k),
            matched=unpack_all([curve for row in data["matched"] for curve in row], s).reshape(s, k, k),
            matched_any=unpack_all(data["matched_any"], s),
            matched_across=unpack_all(data["matched_across"], s),
            clusters=unpack(data["clusters"], s),
            largest_cluster=unpack(data["largest_cluster"], s),
            regions=regions,
            region_images=region_images,
            labels=None if data["labels"] is None else LabelCurve.from_json(data["labels"], s),
        )


def overlap_curve(
    *,
    dataset: NDArray[np.int32],
    n_datasets: int,
    pairs: Pairs,
    steps: NDArray[np.float32],
    labels: ImageLabels | None = None,
) -> OverlapCurve:
    """Overlap at every threshold, in one pass over the pairs.

    Each image's first match and each cluster's growth are found once and counted at the step where they happen, so
    the cost hardly depends on the number of thresholds. Memory is about 16 bytes × n × n_datasets.

    Args:
        dataset: int32, shape (n,), the dataset of each image, in [0, n_datasets).
        n_datasets: number of datasets, at most `MOST_DATASETS`.
        pairs: pairs of rows of `dataset`, each pair once, in any order; those beyond the last step are not counted.
        steps: float32, shape (s,), thresholds in the unit of the distances, strictly rising.
        labels: labels of the n images.

    Raises:
        InvalidArray: arrays that do not fit each other, or thresholds that do not rise.
    """
    _require(dataset, n_datasets, steps, labels)
    n, k, s = len(dataset), n_datasets, len(steps)
    require_rows(n, pairs)
    home = dataset.astype(np.int64)

    step = np.searchsorted(steps, pairs.distance, side="left")
    order = np.argsort(step, kind="stable")[: int(np.count_nonzero(step < s))]
    step, a, b = step[order], pairs.a[order], pairs.b[order]
    of_a, of_b = home[a], home[b]

    upper = cumulative(step, np.minimum(of_a, of_b) * k + np.maximum(of_a, of_b), s, k * k).reshape(s, k, k)
    within = upper * np.eye(k, dtype=np.int64)

    first = np.full((n, k), s, np.int64)
    np.minimum.at(first.reshape(-1), a * k + of_b, step)
    np.minimum.at(first.reshape(-1), b * k + of_a, step)
    row, column = np.nonzero(first < s)
    matched = cumulative(first[row, column], home[row] * k + column, s, k * k).reshape(s, k, k)
    first_any = first.min(axis=1, initial=s)
    first[np.arange(n), home] = s
    first_across = first.min(axis=1, initial=s)

    clusters, largest, regions, region_images = _cluster_curves(home, k, a, b, np.searchsorted(step, np.arange(s + 1)))
    return OverlapCurve(
        steps=steps,
        images=np.bincount(home, minlength=k).astype(np.int64),
        pairs=upper + upper.transpose(0, 2, 1) - within,
        matched=matched,
        matched_any=cumulative(first_any, home, s, k),
        matched_across=cumulative(first_across, home, s, k),
        clusters=clusters,
        largest_cluster=largest,
        regions=regions,
        region_images=region_images,
        labels=None
        if labels is None
        else label_curve(labels, home=home, first_any=first_any, first_across=first_across, a=a, b=b, step=step, s=s),
    )


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
    """Clusters, largest cluster, regions and their images at each step; the pairs of step i are bounds[i]:bounds[i+1].

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
