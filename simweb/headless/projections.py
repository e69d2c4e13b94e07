"""Projections of the datasets, each alone and all together, as pictures and as pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from analysis.core.arrays import Vectors
from analysis.core.projection import METHODS, Method, Projected, Tsne, Umap, project, suggested
from analysis.core.projection.page import page
from analysis.core.projection.picture import picture
from analysis.core.projection.scene import Scene
from analysis.core.report import ReportFile
from analysis.plots import scripts
from simweb.headless.pictures import Advance
from simweb.headless.scenes import Embedded, scene_of


@dataclass(frozen=True, slots=True)
class Drawing:
    """What to project, and how.

    Attributes:
        methods: ``tsne``, ``umap`` or both.
        perplexity: of t-SNE; one that suits the number of images when None.
        neighbours: of UMAP; the same.
        by_label: whether labels colour the points.
    """

    methods: Sequence[str]
    perplexity: float | None
    neighbours: int | None
    by_label: bool


class Projector:
    """Projects datasets one after another.

    Args:
        drawing: what to project.
        title: of the signal, for people.
        advance: told of progress.
        note: told of parameters that did not fit.
    """

    def __init__(self, drawing: Drawing, title: str, advance: Advance, note: Callable[[str], None]) -> None:
        self._drawing = drawing
        self._title = title
        self._advance = advance
        self._note = note

    def files(self, datasets: Sequence[Embedded], folders: Sequence[str]) -> Iterator[ReportFile]:
        """The files of every projection, projected as they are asked for.

        Args:
            datasets: what there is to project.
            folders: where the files of each dataset go.

        Raises:
            AnalysisError: a projection that cannot be made.
        """
        alone = "label" if self._drawing.by_label else "dataset"
        there = [(each, folder) for each, folder in zip(datasets, folders, strict=True) if each.vectors is not None]
        for method in self._drawing.methods:
            for each, folder in there:
                scene = self._scene([each], method, each.part.name)
                yield from _files(f"{folder}/{method}", scene, alone, each.pictures)
            if len(there) > 1:
                together = [each for each, _ in there]
                scene = self._scene(together, method, "all datasets together")
                pictures = [found for each in together for found in each.pictures]
                for coloring in scene.colorings:
                    yield from _files(f"combined_{method}_by_{coloring.key}", scene, coloring.key, pictures)

    def _scene(self, datasets: Sequence[Embedded], method: str, called: str) -> Scene:
        values = np.concatenate([each.vectors.values for each in datasets if each.vectors is not None])
        chosen = self._fitting(method, len({row.tobytes() for row in values}), called)
        task = f"{METHODS[method].title} of {called}"

        def report(stage: str, done: int, total: int) -> None:
            if total:
                self._advance(task, done, total)

        report("", 0, 1)
        projected = project(Vectors(values), chosen, report=report)
        names = ", ".join(each.part.name for each in datasets)
        return scene_of(
            datasets,
            projected.points,
            title=f"{chosen.title} of {self._title}",
            about=f"{len(values):,} images of {names}. {_made(chosen, projected)}",
            labelled=self._drawing.by_label,
        )

    def _fitting(self, method: str, n: int, called: str) -> Method:
        """The method as it was asked for, or as it suits n different embeddings where those are too few for that."""
        usual = suggested(n)
        if method == Tsne.name:
            asked = self._drawing.perplexity
            if asked is not None and asked >= n:
                self._note(f"A perplexity of {asked:g} is too large for {called}: {usual.perplexity:g} was used.")
            return Tsne(usual.perplexity if asked is None or asked >= n else asked)
        neighbours = self._drawing.neighbours
        if neighbours is not None and neighbours > n:
            self._note(f"{neighbours} neighbours are too many for {called}: {usual.neighbours} were used.")
        return Umap(usual.neighbours if neighbours is None or neighbours > n else neighbours)


def _made(method: Method, projected: Projected) -> str:
    if projected.flat:
        return "So few different images lie in a plane: every distance is exact, whatever the method."
    words = method.words()
    return f"{words[:1].upper()}{words[1:]}. Only what lies close means something."


def _files(stem: str, scene: Scene, shown: str, pictures: Sequence[bytes | None]) -> Iterator[ReportFile]:
    coloring = next(each for each in scene.colorings if each.key == shown)
    what = f"{scene.title}, coloured by {coloring.title.lower()}: {', '.join(dict.fromkeys(scene.datasets))}"
    small = list(pictures) if any(pictures) else None
    yield ReportFile(f"{stem}.png", what, lambda: [picture(scene, coloring)])
    yield ReportFile(f"{stem}.html", f"{what}, to point at", partial(_page, scene, shown, small))


def _page(scene: Scene, shown: str, small: Sequence[bytes | None] | None) -> Iterator[bytes]:
    yield page(scene, scripts=scripts(), shown=shown, pictures=small)
