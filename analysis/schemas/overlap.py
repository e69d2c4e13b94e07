"""The overlap of a comparison's datasets: at one threshold, and along all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from ninja import Field, Schema
from numpy.typing import NDArray

from analysis.core.overlap import DEFINITION, OverlapCurve
from analysis.models import Comparison
from analysis.queries import Cell, cells

Counts = list[int]


class Part(Schema):
    """A dataset of a comparison, and how much of it is in a pair."""

    slug: str = Field(examples=["artdl"])
    name: str = Field(examples=["ArtDL"])
    images: int = Field(examples=[1864])


class PartAt(Part):
    """A dataset at one threshold."""

    matched: int = Field(description="Its images that are in a pair.")


class PartAlong(Part):
    """A dataset along the thresholds."""

    matched: Counts


class BetweenAt(Schema):
    """Two datasets at one threshold; of one with itself (a = b) the first two counts are the same."""

    a: str = Field(examples=["artdl"])
    b: str = Field(examples=["wikidata"])
    images_of_a: int = Field(description="Images of a that have a match in b.", examples=[43])
    images_of_b: int = Field(description="Images of b that have a match in a.", examples=[39])
    pairs: int = Field(examples=[44])


class BetweenAlong(Schema):
    """Two datasets along the thresholds."""

    a: str
    b: str
    images_of_a: Counts
    images_of_b: Counts
    pairs: Counts


class RegionAt(Schema):
    """Pictures (clusters, and images in no pair) that lie in exactly these datasets."""

    datasets: list[str]
    pictures: int


class RegionAlong(Schema):
    """Pictures in exactly these datasets, along the thresholds."""

    datasets: list[str]
    pictures: Counts


class LabelAt(Schema):
    """A label, and how many of the images that carry it are in a pair."""

    name: str
    title: str
    images: int
    matched: int


class OverlapOut(Schema):
    """The overlap at one threshold: what the dashboard shows, as numbers."""

    definition: str = Field(description="What overlap means, in words.")
    signal: str = Field(examples=["phash-8"])
    max_distance: float = Field(description="The threshold, in the signal's unit.", examples=[8])
    unit: str = Field(examples=["bits"])
    of_bits: int | None = Field(examples=[64])
    count: str = Field(description="found: all pairs; confirmed: pairs that people accepted, whatever their distance")
    pairs: int = Field(examples=[46])
    images_in_a_pair: int
    images: int
    clusters: int
    largest_cluster: int
    datasets: list[PartAt]
    matrix: list[list[int | None]] = Field(
        description="Images of the row's dataset with a match in the column's, in the order of `datasets`; "
        "null where the comparison's scope leaves the two out."
    )
    between: list[BetweenAt]
    regions: list[RegionAt]
    labels: list[LabelAt] = Field(description="Labels with a matched image, the most matched first.")
    pairs_with_different_labels: int = Field(description="Of the pairs whose two images both carry a label.")
    versions: dict[str, Any] = Field(description="Signal, parameters and library versions behind the numbers.")
    computed_at: datetime


class CurveOut(Schema):
    """The overlap at every threshold up to the largest explored: every list of counts is as long as `steps`."""

    definition: str
    signal: str
    unit: str
    of_bits: int | None
    steps: list[float] = Field(description="Thresholds, rising.")
    datasets: list[PartAlong]
    between: list[BetweenAlong]
    regions: list[RegionAlong]
    pairs: Counts
    clusters: Counts
    largest_cluster: Counts
    versions: dict[str, Any]
    computed_at: datetime


class Reading:
    """A stored overlap with its datasets' names.

    Args:
        comparison: with its datasets.
        data: as `analysis.pipeline.summarise` stores it.
    """

    def __init__(self, comparison: Comparison, data: Mapping[str, Any]) -> None:
        self.curve = OverlapCurve.from_json(data)
        known = {dataset.pk: dataset for dataset in comparison.datasets.all()}
        # A dataset that was deleted since keeps its place.
        self.parts = [
            Part(slug=known[pk].slug, name=known[pk].name, images=n)
            if pk in known
            else Part(slug="", name="deleted dataset", images=n)
            for pk, n in zip(data["datasets"], data["images"], strict=True)
        ]
        covered = set(cells(comparison))
        positions = range(len(self.parts))
        ids = data["datasets"]
        self.covered = {(i, j) for i in positions for j in positions if Cell(*sorted((ids[i], ids[j]))) in covered}
        self.cells = sorted((i, j) for i, j in self.covered if i <= j)
        self.label_names: list[tuple[str, str]] = [(name, title) for name, title in data["label_names"]]

    def at(self, distance: float) -> dict[str, Any]:
        """The counts of `OverlapOut` at a threshold."""
        curve, parts = self.curve, self.parts
        step = curve.step_at(distance) or 0
        pairs, matched = curve.pairs[step], curve.matched[step]
        positions = range(len(parts))
        return {
            "definition": DEFINITION,
            "pairs": sum(int(pairs[cell]) for cell in self.cells),
            "images_in_a_pair": int(curve.matched_any[step].sum()),
            "images": sum(part.images for part in parts),
            "clusters": int(curve.clusters[step]),
            "largest_cluster": int(curve.largest_cluster[step]),
            "datasets": [
                PartAt(**part.dict(), matched=int(n)) for part, n in zip(parts, curve.matched_any[step], strict=True)
            ],
            "matrix": [[int(matched[i, j]) if (i, j) in self.covered else None for j in positions] for i in positions],
            "between": [
                BetweenAt(
                    a=parts[i].slug,
                    b=parts[j].slug,
                    images_of_a=int(matched[i, j]),
                    images_of_b=int(matched[j, i]),
                    pairs=int(pairs[i, j]),
                )
                for i, j in self.cells
            ],
            "regions": [
                RegionAt(datasets=self._slugs(mask), pictures=int(counts[step]))
                for mask, counts in curve.regions.items()
                if counts[step]
            ],
            "labels": self._labels(step),
            "pairs_with_different_labels": 0 if curve.labels is None else int(curve.labels.pairs_differ[step]),
        }

    def along(self) -> dict[str, Any]:
        """The counts of `CurveOut`."""
        curve, parts = self.curve, self.parts
        return {
            "definition": DEFINITION,
            "steps": [float(step) for step in curve.steps],
            "datasets": [
                PartAlong(**part.dict(), matched=_list(curve.matched_any[:, i])) for i, part in enumerate(parts)
            ],
            "between": [
                BetweenAlong(
                    a=parts[i].slug,
                    b=parts[j].slug,
                    images_of_a=_list(curve.matched[:, i, j]),
                    images_of_b=_list(curve.matched[:, j, i]),
                    pairs=_list(curve.pairs[:, i, j]),
                )
                for i, j in self.cells
            ],
            "regions": [
                RegionAlong(datasets=self._slugs(mask), pictures=_list(counts))
                for mask, counts in curve.regions.items()
            ],
            "pairs": _list(sum((curve.pairs[:, i, j] for i, j in self.cells), np.zeros(len(curve.steps), np.int64))),
            "clusters": _list(curve.clusters),
            "largest_cluster": _list(curve.largest_cluster),
        }

    def _slugs(self, mask: int) -> list[str]:
        return [part.slug for j, part in enumerate(self.parts) if mask >> j & 1]

    def _labels(self, step: int) -> list[LabelAt]:
        labels = self.curve.labels
        if labels is None:
            return []
        n_labels = len(self.label_names)
        images = np.bincount(labels.label, labels.total, n_labels).astype(int).tolist()
        matched = np.bincount(labels.label, labels.matched[step], n_labels).astype(int).tolist()
        rows = [
            LabelAt(name=name, title=title, images=images[n], matched=matched[n])
            for n, (name, title) in enumerate(self.label_names)
            if matched[n]
        ]
        return sorted(rows, key=lambda row: (-row.matched, row.images, row.name))


def _list(counts: NDArray[np.int64]) -> Counts:
    return [int(n) for n in counts]
