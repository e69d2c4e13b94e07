"""The files that the published study's script writes, under its names: a folder for each dataset, lists between two."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from analysis.core.archive import SafeNames
from analysis.core.report import lists
from analysis.core.report.data import ReportData
from analysis.core.report.figures import draw_sets
from analysis.core.report.files import ReportFile
from analysis.core.report.sheets import sheet
from analysis.core.report.words import figure_title


def study_files(
    data: ReportData,
    *,
    inside: ReportData,
    listed: Collection[tuple[int, int]],
    methods: Sequence[str],
    folders: Sequence[str],
    hashes: Sequence[Mapping[str, str]] | None,
    top: SafeNames,
) -> Iterator[ReportFile]:
    """The lists of duplicates, the sheets of examples and the Venn diagrams; for each dataset its hashes by name.

    Args:
        data: the report: what lies between two datasets is told of its pairs.
        inside: the same datasets and signals with the pairs inside each dataset.
        listed: dataset and signal by position, of which the pairs inside are known.
        methods: what each signal is called in names of files, e.g. ``cosine``.
        folders: where the files of each dataset go.
        hashes: name -> hash in hexadecimal, for each dataset.
        top: names that are taken in the folder of the whole.
    """
    for position, folder in enumerate(folders):
        part = data.datasets[position]
        if hashes is not None:
            yield ReportFile(
                f"{folder}/hashes.json",
                f"{part.name}: the hash of each name",
                partial(_hashes, hashes[position]),
            )
        for signal, method in enumerate(methods):
            if (position, signal) in listed:
                yield from _list(inside, signal, position, position, f"{folder}/{method}")
    for signal, method in enumerate(methods):
        if not data.across or len(folders) < 2:
            continue
        for a in range(len(folders)):
            for b in range(a + 1, len(folders)):
                stem = top.name(f"{folders[a]}_{folders[b]}", f"_{method}")
                yield from _list(data, signal, a, b, stem)
        yield ReportFile(
            f"venn_diagram_{method}.png",
            f"the overlap as sets: {data.signals[signal].title}, {data.signals[signal].at_most}",
            partial(_venn, data, signal),
        )


def _hashes(hashes: Mapping[str, str]) -> Iterator[bytes]:
    yield json.dumps(dict(hashes), ensure_ascii=False, indent=0).encode()


def _list(data: ReportData, signal: int, a: int, b: int, stem: str) -> Iterator[ReportFile]:
    """The pairs between two datasets, or inside one, and a sheet of them where one has a picture."""
    part = data.signals[signal]
    if a == b:
        what = f"inside {data.datasets[a].name}"
    else:
        what = f"between {data.datasets[a].name} and {data.datasets[b].name}"
    chosen = data.between(signal, a, b)
    said = f"{what}: {part.title}, {part.at_most}"
    yield ReportFile(f"{stem}_duplicates.json", f"pairs {said}", partial(lists.chosen_json, data, signal, chosen))
    if len(chosen) and any(data.datasets[each].pictures for each in (a, b)):
        title = data.datasets[a].name if a == b else f"{data.datasets[a].name} – {data.datasets[b].name}"
        yield ReportFile(
            f"{stem}_examples.png", f"examples of pairs {said}", partial(_sheet, data, signal, chosen.tolist(), title)
        )


def _sheet(data: ReportData, signal: int, chosen: Sequence[int], title: str) -> Iterator[bytes]:
    yield sheet(data, signal, chosen, title)


def _venn(data: ReportData, signal: int) -> Iterator[bytes]:
    regions = {mask: int(count[0]) for mask, count in data.curves[signal].regions.items()}
    yield draw_sets([part.name for part in data.datasets], regions, figure_title(data, signal))["png"]
