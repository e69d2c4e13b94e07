"""Which files a report has, what each holds, and in which order they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from analysis.core.archive import SafeNames
from analysis.core.fingerprints import file_name_of
from analysis.core.report import lists, words
from analysis.core.report.data import FurtherHashes, ReportData, SignalPart
from analysis.core.report.figures import draw_sets, kind_of
from analysis.core.report.markdown import markdown
from analysis.core.report.page import page


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of a report.

    Attributes:
        path: in the report, with ``/``.
        content: what it holds, for people.
        chunks: makes its bytes, anew each time.
    """

    path: str
    content: str
    chunks: Callable[[], Iterable[bytes]]


def report_files(data: ReportData, further: Sequence[ReportFile] = ()) -> list[ReportFile]:
    """The files of a report, sorted as they stand in its archive: the texts first, then lists, then datasets.

    Args:
        data: what the report tells.
        further: files that lie beside these, which the texts list too; they come last.
    """
    figures = [_figures(data, i) for i in range(len(data.signals))]
    files = [*_signal_files(data, figures), *_dataset_files(data)]
    if any(part.refused for part in data.datasets):
        files.append(
            ReportFile("refused.csv", "every file that was not taken, with its reason", _one(lists.refused_csv, data))
        )
    files += further
    texts = [("report.html", "this report with pictures, in one file"), ("report.md", "this report as Markdown")]
    listed = [*texts, *((file.path, file.content) for file in files)]
    kind = kind_of(len(data.datasets))
    pngs = [f"{data.signals[i].key}_{kind}.png" if drawn else None for i, drawn in enumerate(figures)]
    svgs = [drawn.get("svg") for drawn in figures]
    return [
        ReportFile(*texts[0], _one(page, data, listed, svgs)),
        ReportFile(*texts[1], _one(markdown, data, listed, pngs)),
        *files,
    ]


def _one(make: Callable[..., bytes], *args: object) -> Callable[[], Iterable[bytes]]:
    """A file that is made in one piece."""
    return lambda: [make(*args)]


def _figures(data: ReportData, signal: int) -> dict[str, bytes]:
    """The drawing of a signal's overlap; none where no picture can lie in two datasets."""
    if not data.across or len(data.datasets) < 2:
        return {}
    regions = {mask: int(count[0]) for mask, count in data.curves[signal].regions.items()}
    return draw_sets([part.name for part in data.datasets], regions, words.figure_title(data, signal))


def _signal_files(data: ReportData, figures: list[dict[str, bytes]]) -> Iterator[ReportFile]:
    kind = kind_of(len(data.datasets))
    for i, part in enumerate(data.signals):
        at = f"{part.title}, {part.at_most}"
        if data.across:
            yield ReportFile(
                f"{part.key}_cross_duplicates.json",
                f"pairs of images of different datasets: {at}",
                partial(lists.duplicates_json, data, i, across=True),
            )
        if data.within:
            yield ReportFile(
                f"{part.key}_within_duplicates.json",
                f"pairs of images inside one dataset: {at}",
                partial(lists.duplicates_json, data, i, across=False),
            )
        yield ReportFile(
            f"{part.key}_pairs.csv", f"all pairs with distance and verdict: {at}", partial(lists.pairs_csv, data, i)
        )
        for suffix, drawn in sorted(figures[i].items()):
            yield ReportFile(
                f"{part.key}_{kind}.{suffix}", f"the overlap as sets, {suffix.upper()}: {at}", _one(bytes, drawn)
            )


def _dataset_files(data: ReportData) -> Iterator[ReportFile]:
    """A folder for each dataset, which can be uploaded as a dataset of fingerprints."""
    folders = SafeNames()
    parts: list[SignalPart | FurtherHashes] = [*data.signals, *data.further]
    for position, dataset in enumerate(data.datasets):
        folder = f"datasets/{folders.name(dataset.name)}"
        yield ReportFile(
            f"{folder}/names.json",
            f"{dataset.name}: names of its {words.number(len(dataset.names), 'image')}, the order of its hashes",
            _one(lists.names_json, dataset),
        )
        if dataset.labels:
            yield ReportFile(
                f"{folder}/labels.json",
                f"{dataset.name}: labels of {words.number(len(dataset.labels), 'image')}",
                _one(lists.labels_json, dataset),
            )
        # A signal that turns pictures goes by the hashes of upright ones, which another may have handed out already.
        for base, part in {part.name.partition("@")[0]: part for part in reversed(parts)}.items():
            hashes = part.hashes[position]
            if hashes.bits is None or (isinstance(part, FurtherHashes) and not len(hashes.bits)):
                continue
            yield ReportFile(
                f"{folder}/{file_name_of(base)}",
                f"{dataset.name}: hashes, {part.title}",
                _one(lists.hashes_json, base, dataset, hashes.rows, hashes.bits),
            )
