"""A projection of datasets with its images, coloured by dataset and by label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.palette import DATASETS
from analysis.core.projection.groups import by_label
from analysis.core.projection.scene import Coloring, Group, Scene
from analysis.core.report import DatasetPart


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The embeddings of one dataset.

    Attributes:
        part: the dataset.
        position: its place among the datasets, which decides its colour.
        vectors: m of them; None where there is none.
        rows: int64, shape (m,): which of the dataset's images each is of.
        small: a small JPEG of each image of the dataset; empty where there are none.
    """

    part: DatasetPart
    position: int
    vectors: Vectors | None
    rows: NDArray[np.int64]
    small: Sequence[bytes]

    @property
    def names(self) -> list[str]:
        """The name of each embedding."""
        return [self.part.names[row] for row in self.rows.tolist()]

    @property
    def labels(self) -> list[Sequence[str]]:
        """The labels of each embedding."""
        return [self.part.labels.get(name, ()) for name in self.names]

    @property
    def pictures(self) -> list[bytes | None]:
        """The small picture of each embedding, None where there is none."""
        return [self.small[row] if self.small else None for row in self.rows.tolist()]


def scene_of(
    datasets: Sequence[Embedded], points: NDArray[np.float32], *, title: str, about: str, labelled: bool
) -> Scene:
    """The images of some datasets at their points.

    Args:
        datasets: in the order of the points.
        points: float32, shape (n, 2).
        title: names the picture.
        about: a sentence on how it was made.
        labelled: whether they can be coloured by label.
    """
    home = np.repeat(np.arange(len(datasets), dtype=np.int64), [len(each.rows) for each in datasets])
    groups = [Group(each.part.name, DATASETS[each.position % len(DATASETS)]) for each in datasets]
    labels = [carried for each in datasets for carried in each.labels]
    colorings = [Coloring("dataset", "Dataset", groups, home)]
    return Scene(
        title=title,
        about=about,
        axes=("", ""),
        points=points,
        names=[name for each in datasets for name in each.names],
        datasets=[datasets[position].part.name for position in home.tolist()],
        labels=labels,
        colorings=[*colorings, _by_label(labels)] if labelled else colorings,
    )


def _by_label(labels: Sequence[Sequence[str]]) -> Coloring:
    texts = sorted({label for carried in labels for label in carried})
    code_of = {label: code for code, label in enumerate(texts)}
    points = np.repeat(np.arange(len(labels), dtype=np.int64), [len(carried) for carried in labels])
    codes = np.array([code_of[label] for carried in labels for label in carried], np.int64)
    return by_label(len(labels), points, codes, lambda code: (texts[code], str(code)))
