"""A stored projection as its page, its files and the API show it: the images that are still there, in groups."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.contrib.staticfiles.finders import find
from numpy.typing import NDArray

from analysis import bulk, queries
from analysis.core.arrays import Pairs
from analysis.core.clusters import connected
from analysis.core.errors import UnknownName
from analysis.core.palette import DATASETS, GROUPS, REST
from analysis.core.projection import METHODS, Method, method_from
from analysis.core.projection.groups import NONE, by_label, grouped
from analysis.core.projection.outlines import Frame
from analysis.core.projection.scene import Coloring, Group, Scene
from analysis.core.projection.wire import read_stored
from analysis.models import Projection
from analysis.models.review import ACCEPTED, Choice
from analysis.population import Population
from analysis.queries import Cell
from analysis.signals import KnownSignal, signal
from catalog.models import Label

CLUSTER = "cluster"
JUDGED = tuple(choice for choice in Choice if choice not in (*ACCEPTED, Choice.WITHDRAWN))


@dataclass(frozen=True, slots=True)
class Words:
    """A projection in words.

    Attributes:
        method: with its parameters.
        known: the signal.
        title: short, e.g. ``t-SNE · CLIP ViT-B-32``.
        parameters: e.g. ``perplexity 30, seed 0``; empty for PCA.
        axes: what the axes are; empty texts but for PCA.
        shows: a sentence on how much of the truth is in the picture; empty before it is computed.
    """

    method: Method
    known: KnownSignal
    title: str
    parameters: str
    axes: tuple[str, str]
    shows: str

    @classmethod
    def of(cls, projection: Projection) -> Words:
        """The words for a projection."""
        method = method_from(projection.method, projection.parameters)
        known = signal(projection.signal.name)
        facts = projection.versions
        axes, shows = ("", ""), ""
        if facts.get("flat"):
            shows = "So few different images lie in a plane: every distance is exact, whatever the method."
        elif explained := facts.get("explained"):
            first, second = (f"{100 * part:.1f} %" for part in explained)
            axes = (f"Component 1: {first} of the variance", f"Component 2: {second} of the variance")
            shows = (
                f"The two axes hold {100 * sum(explained):.1f} % of what the embeddings differ by; "
                "the rest is not in the picture."
            )
        elif "kept" in facts:
            shows = (
                f"Made from 50 principal components, which hold {100 * facts['kept']:.0f} % of what the embeddings "
                "differ by. Only what lies close means something: distances between groups do not."
            )
        return cls(method, known, f"{METHODS[projection.method].title} · {known.title}", method.words(), axes, shows)


class Plot:
    """The points of a projection whose images are still there.

    Args:
        projection: one that is done.

    Attributes:
        ids: int64, shape (n,), image ids in the stored order: by dataset, then by id.
        points: float32, shape (n, 2).
        frame: of all stored points, so that an outline means the same after an image is deleted.
    """

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.population = Population(list(projection.datasets.all()))
        ids, points = read_stored(bytes(projection.points))
        order = np.argsort(self.population.ids, kind="stable")
        at = np.searchsorted(self.population.ids, ids, sorter=order)
        there = at < len(order)
        there[there] = self.population.ids[order[at[there]]] == ids[there]
        self._rows = order[at[there]]
        self.ids: NDArray[np.int64] = ids[there]
        self.points: NDArray[np.float32] = points[there]
        self.frame = Frame.of(points)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def version(self) -> str:
        """Another text whenever other points are shown: images can only go, and coordinates come when it is done."""
        finished = self.projection.finished_at
        return f"{self.projection.pk}-{finished.timestamp() if finished else 0:.6f}-{len(self)}"

    def coloring(self, by: str) -> Coloring:
        """The points in groups.

        Args:
            by: one of `colorings`.

        Raises:
            UnknownName: it is none of them.
        """
        kind, _, name = by.partition(":")
        makers: dict[str, Callable[[], Coloring]] = {
            "dataset": self._datasets,
            "label": self._labels,
            "verdict": self._verdicts,
            CLUSTER: lambda: self._clusters(by, signal(name) if name else None),
        }
        if kind not in makers or (name and kind != CLUSTER):
            raise UnknownName(f"Images cannot be coloured by “{by}”.", remedy="Choose one of the list.")
        return makers[kind]()

    def _datasets(self) -> Coloring:
        datasets = self.population.datasets
        groups = [Group(each.name, DATASETS[each.color - 1], each.slug) for each in datasets]
        return Coloring("dataset", "Dataset", groups, self.population.dataset[self._rows].astype(np.int64))

    def _labels(self) -> Coloring:
        labels, keys = self.population.labels()
        points = carried = np.empty(0, np.int64)
        if labels is not None:
            point = np.full(len(self.population.ids), -1, np.int64)
            point[self._rows] = np.arange(len(self))
            points = np.repeat(point, np.diff(labels.indptr))
            shown = points >= 0
            points, carried = points[shown], labels.ids[shown].astype(np.int64)
        named = {label.pk: str(label) for label in Label.objects.filter(pk__in=keys)}
        return by_label(len(self), points, carried, lambda code: (named[keys[code]], str(keys[code])))

    def _verdicts(self) -> Coloring:
        codes = np.full(len(self.population.ids), 2, np.int64)
        for code, choices in ((1, JUDGED), (0, ACCEPTED)):
            pairs = self._pairs(
                lambda cell, choices=choices: bulk.read_accepted(  # type: ignore[misc]
                    dataset_a=cell.a, dataset_b=cell.b, choices=choices
                )
            )
            codes[np.concatenate([pairs.a, pairs.b])] = code
        groups = [
            Group("in an accepted pair", DATASETS[2], "accepted"),
            Group("judged, none accepted", DATASETS[5], "judged"),
            Group("not judged", REST, NONE),
        ]
        note = "Of pairs among these datasets."
        return Coloring("verdict", "Verdict", groups, codes[self._rows], note)

    def _clusters(self, by: str, known: KnownSignal | None) -> Coloring:
        if known is None:
            pairs = self._pairs(lambda cell: bulk.read_accepted(dataset_a=cell.a, dataset_b=cell.b, choices=ACCEPTED))
            note = "Images joined by accepted pairs, directly or through others."
        else:
            limit = known.default_distance
            pairs = self._pairs(
                lambda cell: bulk.read_measurements(
                    signal_id=known.id, dataset_a=cell.a, dataset_b=cell.b, max_distance=limit
                )
            )
            note = f"Images joined by pairs within {known.words(limit)} under {known.title}, judged or not."
        cluster = connected(len(self.population.ids), pairs)
        size = np.bincount(cluster, minlength=len(cluster))
        codes = np.where(size[cluster] > 1, cluster, -1)[self._rows]
        names = queries.image_names(self.population.datasets) if (codes >= 0).any() else {}

        def named(code: int) -> tuple[str, str]:
            first = int(self.population.ids[code])
            return f"{size[code]:,} images with {names.get(first, '')}", str(first)

        if len(np.unique(codes[codes >= 0])) > len(GROUPS):
            note += " Colours repeat: the pointer tells which cluster it is."
        return grouped(
            by, "Cluster", codes, named, none="in no cluster", others="smaller clusters", note=note, repeat=True
        )

    def _pairs(self, read: Callable[[Cell], Pairs]) -> Pairs:
        ids = sorted(dataset.pk for dataset in self.population.datasets)
        cells = [Cell(a, b) for i, a in enumerate(ids) for b in ids[i:]]
        return self.population.pairs([(cell, read(cell)) for cell in cells])

    def chosen(self, outlines: Sequence[str], *, by: str = "", hidden: Collection[str] = ()) -> NDArray[np.bool_]:
        """Which points lie inside one of the outlines and in no hidden group, bool, shape (n,).

        Args:
            outlines: as `Frame.enclosed` takes them.
            by: the colouring whose groups are hidden.
            hidden: keys of its groups.

        Raises:
            InvalidOutline: a text that is no outline.
            UnknownName: no such colouring.
        """
        found = self.frame.enclosed(self.points, outlines)
        if hidden and found.any():
            coloring = self.coloring(by)
            out = [position for position, group in enumerate(coloring.groups) if group.key in hidden]
            found &= ~np.isin(coloring.codes, out)
        return found

    def scene(self, colorings: Sequence[Coloring]) -> Scene:
        """Everything that its files tell."""
        words = Words.of(self.projection)
        names = queries.image_names(self.population.datasets)
        dataset_names = [dataset.name for dataset in self.population.datasets]
        said = ", ".join(filter(None, [f"{len(self):,} images", words.parameters]))
        return Scene(
            title=words.title,
            about=f"{said}. {' × '.join(dataset_names)}.",
            axes=words.axes,
            points=self.points,
            names=[names.get(pk, "") for pk in self.ids.tolist()],
            datasets=[dataset_names[position] for position in self.population.dataset[self._rows].tolist()],
            labels=self.labels_of_each(),
            colorings=colorings,
        )

    def labels_of_each(self) -> list[list[str]]:
        """The labels of every image, as in the data."""
        labels, keys = self.population.labels()
        if labels is None:
            return [[] for _ in range(len(self))]
        names = dict(Label.objects.filter(pk__in=keys).values_list("pk", "name"))
        texts = [names.get(pk, "") for pk in keys]
        ends, ids = labels.indptr.tolist(), labels.ids.tolist()
        return [[texts[code] for code in ids[ends[row] : ends[row + 1]]] for row in self._rows.tolist()]


def colorings(projection: Projection) -> list[tuple[str, str]]:
    """What the points can be coloured by: key and title."""
    found = [("dataset", "Dataset"), ("label", "Label"), ("verdict", "Verdict"), (CLUSTER, "Cluster of accepted pairs")]
    for name in queries.compared_signals(list(projection.datasets.all())):
        known = signal(name)
        found.append((f"{CLUSTER}:{name}", f"Cluster within {known.words(known.default_distance)}, {known.title}"))
    return found


SCRIPTS = ("scatter_points", "scatter_paint", "scatter_input", "scatter", "scatter_legend", "scatter_alone")
"""The modules of a downloaded page, each after those that it imports."""


def scripts() -> list[str]:
    """The text of the modules that a downloaded page needs, for `analysis.core.projection.page`."""
    paths = [find(f"js/{name}.js") for name in SCRIPTS]
    return [Path(str(path)).read_text(encoding="utf-8") for path in paths]
