"""Whether the two images of a pair carry the same labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from analysis.core.label_overlap import ImageLabels
from analysis.core.overlap_count import overlap_curve
from analysis.core.report.data import ReportData


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """Pairs of a signal by what the labels of their images have in common.

    Attributes:
        labelled: pairs of two images that both carry a label; the three others add up to it.
        same: those whose images carry the same labels.
        some: those that have some labels in common, but not all.
        none: those that have none in common.
    """

    labelled: int
    same: int
    some: int
    none: int

    def to_json(self) -> dict[str, int]:
        """The numbers under their names."""
        return asdict(self)


def label_agreement(data: ReportData, signal: int) -> LabelAgreement:
    """Compare the labels of the images of each of a signal's pairs."""
    part = data.signals[signal]
    id_of: dict[str, int] = {}
    ids, counts = [], [0]
    for dataset in data.datasets:
        for name in dataset.names:
            carried = dataset.labels.get(name, ())
            ids += [id_of.setdefault(label, len(id_of)) for label in carried]
            counts.append(len(carried))
    labels = ImageLabels(np.cumsum(counts, dtype=np.int64), np.array(ids, np.int64), len(id_of))
    curve = overlap_curve(
        dataset=data.dataset_of,
        n_datasets=len(data.datasets),
        pairs=part.pairs,
        steps=np.array([part.threshold], np.float32),
        labels=labels,
    ).labels
    if curve is None:
        return LabelAgreement(0, 0, 0, 0)
    labelled, differ, disjoint = (
        int(counted[0]) for counted in (curve.pairs_labelled, curve.pairs_differ, curve.pairs_disjoint)
    )
    return LabelAgreement(labelled, labelled - differ, differ - disjoint, disjoint)
