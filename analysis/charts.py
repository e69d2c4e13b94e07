"""The stored overlap at one threshold, as pages show it; `curve.js` in the assets reads it in the same way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.core.scales import Scale
from analysis.core.venn import venn_layout
from analysis.models import Comparison
from analysis.models.review import ACCEPTED, Choice
from analysis.queries import Cell
from catalog.models import Dataset

MOST_LABELS = 8
"""Labels that the page shows at once; the rest are one click away."""

MOST_NAMES = 5
"""Datasets that a comparison's title names."""

TINT = 62
"""Share of the accent, in percent, in the matrix's darkest cell."""

Curve = Mapping[str, Any]
"""What `analysis.pipeline.summarise` stores: `OverlapCurve.to_json` with `datasets` and `label_names`."""


def at(packed: Sequence[int], step: int) -> int:
    """One count of a packed curve (see `analysis.core.curves`)."""
    if not packed or step < packed[0]:
        return 0
    return packed[min(step - packed[0] + 1, len(packed) - 1)]


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """Images of the row's dataset that have a match in the column's.

    Attributes:
        row: position of the row's dataset.
        column: position of the column's dataset.
        compared: whether the comparison's scope covers these two.
        images: images of the row with a match in the column.
        of: images of the row's dataset.
        pairs: pairs between the two datasets.
        tint: how dark the cell is, in percent of the accent.
        address: the two datasets as an address names them.
    """

    row: int
    column: int
    compared: bool
    images: int
    of: int
    pairs: int
    tint: int
    address: str


@dataclass(frozen=True, slots=True)
class DatasetShare:
    """How much of a dataset is in a pair."""

    dataset: Dataset
    matched: int
    total: int


@dataclass(frozen=True, slots=True)
class LabelShare:
    """How many images with a label are in a pair, in all datasets and in each.

    Attributes:
        name: as in the data.
        title: for people; empty where none was brought.
        matched: images with the label that are in a pair.
        total: images with the label.
        parts: dataset, matched and total, for each dataset that has the label.
    """

    name: str
    title: str
    matched: int
    total: int
    parts: Sequence[tuple[Dataset, int, int]]

    @property
    def share(self) -> float:
        """The part of the images with the label that is in a pair."""
        return self.matched / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Between:
    """The three counts of the overlap of two datasets; of one with itself the first two are the same."""

    a: Dataset
    b: Dataset
    of_a: int
    of_b: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Region:
    """Pictures that lie in exactly these datasets."""

    datasets: Sequence[Dataset]
    pictures: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """Everything that the dashboard says at one threshold. `labels_scale` is the share that a full bar stands for."""

    datasets: Sequence[Dataset]
    pairs: int
    parts: Sequence[int]
    images: int
    images_total: int
    clusters: int
    largest_cluster: int
    matrix: Sequence[tuple[Dataset, int, Sequence[MatrixCell]]]
    between: Sequence[Between]
    shares: Sequence[DatasetShare]
    regions: Sequence[Region]
    labels: Sequence[LabelShare]
    labels_scale: float
    labels_with_match: int
    pairs_differ: int
    has_labels: bool

    @property
    def parts_text(self) -> str:
        """Pairs by dataset pair, the most first, as a sum; empty where it would say nothing or too much."""
        return " + ".join(f"{n:,}" for n in self.parts) if 1 < len(self.parts) <= 6 else ""


def step_at(curve: Curve, distance: float) -> int:
    """Index of the largest threshold that is at most `distance`; 0 below the first."""
    return max(int(np.searchsorted(np.array(curve["steps"], np.float32), np.float32(distance), side="right")) - 1, 0)


def overlap(curve: Curve, step: int, datasets: Sequence[Dataset], covered: Collection[Cell]) -> Overlap:
    """The overlap at one threshold.

    Args:
        curve: the stored overlap.
        step: index of the threshold in ``curve["steps"]``.
        datasets: those that the curve speaks of, in its order.
        covered: the dataset pairs that the comparison covers.
    """
    images = curve["images"]
    positions = range(len(images))
    inside = {(i, j) for i in positions for j in positions if Cell.of(datasets[i], datasets[j]) in covered}
    matched = [[at(curve["matched"][i][j], step) for j in positions] for i in positions]
    pairs = [[at(curve["pairs"][i][j], step) for j in positions] for i in positions]
    darkest = max((matched[i][j] / images[i] for i, j in inside if images[i]), default=0.0)
    matrix = [
        (
            datasets[i],
            images[i],
            [
                MatrixCell(
                    i,
                    j,
                    (i, j) in inside,
                    matched[i][j],
                    images[i],
                    pairs[i][j],
                    _tint(matched[i][j], images[i], darkest),
                    f"{datasets[i].pk},{datasets[j].pk}",
                )
                for j in positions
            ],
        )
        for i in positions
    ]
    parts = sorted((pairs[i][j] for i, j in inside if i <= j), reverse=True)
    labels = _labels(curve, step, datasets)
    counted = curve["labels"]
    return Overlap(
        datasets=datasets,
        pairs=sum(parts),
        parts=parts,
        images=sum(at(part, step) for part in curve["matched_any"]),
        images_total=sum(images),
        clusters=at(curve["clusters"], step),
        largest_cluster=at(curve["largest_cluster"], step),
        matrix=matrix,
        between=[
            Between(datasets[i], datasets[j], matched[i][j], matched[j][i], pairs[i][j])
            for i, j in sorted(inside)
            if i <= j
        ],
        shares=[DatasetShare(datasets[i], at(curve["matched_any"][i], step), images[i]) for i in positions],
        regions=_regions(curve, step, datasets),
        labels=labels[:MOST_LABELS],
        labels_scale=max((label.share for label in labels[:MOST_LABELS]), default=0.0),
        labels_with_match=len(labels),
        pairs_differ=at(counted["pairs_differ"], step) if counted else 0,
        has_labels=bool(counted),
    )


def _tint(matched: int, total: int, darkest: float) -> int:
    # The root keeps small shares visible beside a large one.
    return max(round(TINT * (matched / total / darkest) ** 0.5), 4) if matched and total else 0


def _regions(curve: Curve, step: int, datasets: Sequence[Dataset]) -> list[Region]:
    found = [Region([datasets[j] for j in region["sets"]], at(region["pictures"], step)) for region in curve["regions"]]
    shared = [region for region in found if region.pictures]
    return sorted(shared, key=lambda region: (len(region.datasets) == 1, -region.pictures))


def _labels(curve: Curve, step: int, datasets: Sequence[Dataset]) -> list[LabelShare]:
    if not curve["labels"]:
        return []
    parts: dict[int, list[tuple[Dataset, int, int]]] = defaultdict(list)
    for dataset, label, total, matched, _ in curve["labels"]["rows"]:
        parts[label].append((datasets[dataset], at(matched, step), total))
    found = [
        LabelShare(name, title, sum(n for _, n, _ in parts[label]), sum(n for _, _, n in parts[label]), parts[label])
        for label, (name, title) in enumerate(curve["label_names"])
    ]
    matched = [row for row in found if row.matched]
    return sorted(matched, key=lambda row: (-row.matched, -row.share, row.title or row.name))


def pairs_at(curve: Curve, step: int) -> int:
    """All pairs at one threshold; each pair of datasets stands twice in the curve, and counts once."""
    k = len(curve["images"])
    return sum(at(curve["pairs"][i][j], step) for i in range(k) for j in range(i, k))


def pairs_by_step(curve: Curve) -> list[int]:
    """All pairs at every threshold."""
    return [pairs_at(curve, step) for step in range(len(curve["steps"]))]


@dataclass(frozen=True, slots=True)
class Bar:
    """Pairs above one threshold and up to the next; its height in percent is on a logarithmic scale."""

    distance: float
    pairs: int
    height: float


def histogram(curve: Curve) -> list[Bar]:
    """How many pairs lie at each distance."""
    counts = np.diff(pairs_by_step(curve), prepend=0)
    most = np.log1p(counts.max(initial=0)) or 1.0
    return [
        Bar(distance, int(n), round(float(100 * np.log1p(n) / most), 2))
        for distance, n in zip(curve["steps"], counts, strict=True)
    ]


def slider_step(curve: Curve) -> str:
    """How far the slider moves at once; ``any`` where the largest distance explored is no multiple of the others."""
    steps = np.array(curve["steps"], np.float64)
    if len(steps) < 3 or np.isclose(steps[-1] - steps[-2], steps[1], rtol=1e-3):
        return f"{steps[1] if len(steps) > 1 else 1:g}"
    return "any"


def scale_config(scale: Scale) -> dict[str, Any]:
    """What scripts need to say distances as `Scale.words` does."""
    return {"unit": scale.unit, "largest": scale.largest, "step": scale.step, "places": scale.places}


def venn_steps(curve: Curve) -> dict[str, Any] | None:
    """The diagram at every threshold, so that a slider never asks for one; None where circles cannot show the sets.

    Returns:
        ``layouts``: those that differ, as `VennLayout.to_json` says; ``steps``: which of them each threshold has.
    """
    k = len(curve["images"])
    if k not in (2, 3):
        return None
    known: dict[tuple[tuple[int, int], ...], int] = {}
    layouts: list[dict[str, Any]] = []
    steps: list[int] = []
    for step in range(len(curve["steps"])):
        counts = {sum(1 << j for j in region["sets"]): at(region["pictures"], step) for region in curve["regions"]}
        key = tuple(sorted(counts.items()))
        if key not in known:
            known[key] = len(layouts)
            layouts.append(venn_layout(counts, k).to_json())
        steps.append(known[key])
    return {"layouts": layouts, "steps": steps}


def title(comparison: Comparison) -> str:
    """What a comparison is called: its name, or its datasets'; of many the first few."""
    names = [dataset.name for dataset in comparison.datasets.all()]
    if len(names) > MOST_NAMES:
        names = [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1} more"]
    return comparison.name or " × ".join(names) or str(comparison)


def verdicts_text(judged: Mapping[str, int]) -> str:
    """How many pairs were accepted, and how many have each other verdict: “11 accepted · 1 related”."""
    accepted = sum(judged.get(choice, 0) for choice in ACCEPTED)
    rest = [
        f"{judged[choice]:,} {choice.label.lower()}"
        for choice in Choice
        if choice not in ACCEPTED and judged.get(choice)
    ]
    return " · ".join([f"{accepted:,} accepted", *rest]) if judged else "none judged yet"
