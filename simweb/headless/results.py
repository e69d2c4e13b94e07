"""Everything that a run writes: the report, the study's files, the embeddings and the projections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from analysis.core.archive import SafeNames
from analysis.core.embedding_files import array_chunks, labels_json, names_json
from analysis.core.errors import AnalysisError
from analysis.core.report import ReportFile, report_files, study_files
from catalog.core.errors import CatalogError
from simweb.headless.halves import COSINE
from simweb.headless.output import SUMMARY, Output
from simweb.headless.pictures import Advance
from simweb.headless.plan import Overlap
from simweb.headless.projections import Drawing, Projector

_TAKEN = ("datasets", "report.html", "report.md", "refused.csv", SUMMARY)
"""What else lies in the folder of the whole, that no dataset's folder may be called."""


def check_out(datasets: Sequence[tuple[str, Path]], out: Path) -> None:
    """Refuse to write into what is read.

    Args:
        datasets: name and place of each.
        out: the folder of the whole.

    Raises:
        CatalogError: results would lie in a dataset, or a dataset in the folder of its results.
    """
    top = _top()
    for name, place in datasets:
        held, written = place.resolve(), (out / top.name(name)).resolve()
        if held in (written, *written.parents) or written in held.parents:
            raise CatalogError(
                f"The results of {name} would be written into {written}, among the files of the dataset.",
                remedy="Choose another folder with --out.",
            )


def _top() -> SafeNames:
    top = SafeNames()
    for name in _TAKEN:
        top.name(name)
    return top


@dataclass(frozen=True, slots=True)
class Told:
    """What people must know of a run, in words.

    Attributes:
        problems: what could not be done.
        notes: how the rest was done.
    """

    problems: Sequence[str]
    notes: Sequence[str]


def write_results(
    overlap: Overlap, drawing: Drawing | None, output: Output, advance: Advance, *, notes: Sequence[str] = ()
) -> Told:
    """Write every file but the summary.

    Args:
        overlap: what was found.
        drawing: what to project; None for nothing.
        output: where to.
        advance: told of progress.
        notes: what else people must know.
    """
    top = _top()
    folders = [top.name(part.name) for part in overlap.data.datasets]
    further = [
        *_lists(overlap, folders),
        *study_files(
            overlap.data,
            inside=overlap.inside,
            listed=overlap.listed,
            methods=overlap.methods,
            folders=folders,
            hashes=overlap.hashes,
            top=top,
        ),
    ]
    problems, said = _stopped(overlap), [*notes, *overlap.notes]
    if overlap.embedded and drawing is not None:
        title = overlap.data.signals[overlap.methods.index(COSINE)].title
        try:
            further += Projector(drawing, title, advance, said.append).files(overlap.embedded, folders)
        except AnalysisError as error:
            problems.append(f"Not all projections could be made: {error}")
    files = report_files(replace(overlap.data, notes=[*problems, *said]), further)
    for done, file in enumerate(files):
        advance("Writing", done, len(files))
        output.write(file)
    advance("Writing", len(files), len(files))
    return Told(problems, said)


def _stopped(overlap: Overlap) -> list[str]:
    """What stopped a method while the other went on, and what is missing for it."""
    went_on = " and ".join(overlap.methods)
    return [
        f"The {method} half was stopped, and none of its files was written; the {went_on} half is complete. {error}"
        for method, error in overlap.problems.items()
    ]


def _lists(overlap: Overlap, folders: Sequence[str]) -> Iterator[ReportFile]:
    """The names and labels of each dataset, with its embeddings where there are some: rows are in one order."""
    for position, (part, folder) in enumerate(zip(overlap.data.datasets, folders, strict=True)):
        embedded = overlap.embedded[position] if overlap.embedded else None
        names = part.names
        if embedded is not None and embedded.vectors is not None:
            names = embedded.names
            yield ReportFile(
                f"{folder}/embeddings.npy",
                f"{part.name}: embeddings of unit length, {len(names):,} × {embedded.vectors.dim:,}",
                partial(array_chunks, embedded.vectors.values),
            )
        labels = [part.labels.get(name, ()) for name in names]
        yield ReportFile(
            f"{folder}/names.json", f"{part.name}: names in the order of its lists", _one(names_json, names)
        )
        yield ReportFile(
            f"{folder}/labels.json",
            f"{part.name}: the label of each name, several as a list, none as null",
            _one(labels_json, labels),
        )


def _one(make: Callable[..., bytes], *args: object) -> Callable[[], Iterable[bytes]]:
    """A file that is made in one piece."""
    return lambda: [make(*args)]
