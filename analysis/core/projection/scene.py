"""What the files of a projection tell, as plain data: from the database or from folders, written the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import InvalidArray


@dataclass(frozen=True, slots=True)
class Group:
    """Points of one colour.

    Attributes:
        name: for people.
        color: ``#rrggbb``.
        key: short name that an address can carry; stays the same while the data changes.
    """

    name: str
    color: str
    key: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Coloring:
    """One way of colouring the points.

    Attributes:
        key: short name, unique in the scene, e.g. ``dataset``.
        title: for people, e.g. ``Dataset``.
        groups: in the order of the legend.
        codes: int64, shape (n,), position in `groups` of each point.
        note: a sentence on what the groups are; may be empty.
    """

    key: str
    title: str
    groups: Sequence[Group]
    codes: NDArray[np.int64]
    note: str = ""

    def counts(self) -> NDArray[np.int64]:
        """Points of each group, int64."""
        return np.bincount(self.codes, minlength=len(self.groups)).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A projection with its images.

    Attributes:
        title: names the picture.
        about: a sentence on how it was made.
        axes: what the two axes are; empty texts where they mean nothing.
        points: float32, shape (n, 2).
        names: of the images.
        datasets: the dataset's name of each image.
        labels: the labels of each image; may be none.
        colorings: at least one.

    Raises:
        InvalidArray: the parts are not of one length, or there is no colouring.
    """

    title: str
    about: str
    axes: tuple[str, str]
    points: NDArray[np.float32]
    names: Sequence[str]
    datasets: Sequence[str]
    labels: Sequence[Sequence[str]]
    colorings: Sequence[Coloring]

    def __post_init__(self) -> None:
        n = len(self.points)
        lengths = {n, len(self.names), len(self.datasets), len(self.labels), *(len(c.codes) for c in self.colorings)}
        if self.points.shape != (n, 2) or len(lengths) != 1 or not self.colorings:
            raise InvalidArray("Points, names, datasets, labels and colourings of a scene are of one length.")
