"""The report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from analysis.core.overlap import DEFINITION
from analysis.core.report import words
from analysis.core.report.data import ReportData

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def markdown(data: ReportData, files: Sequence[tuple[str, str]], figures: Sequence[str | None]) -> bytes:
    """The whole report.

    Args:
        data: what it tells.
        files: path and content of each file beside it, in words.
        figures: the PNG file of each signal, or None.
    """
    return ("\n".join(_lines(data, files, figures)) + "\n").encode()


def plain(text: str) -> str:
    """Text that Markdown and the HTML in it leave as it is, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _lines(data: ReportData, files: Sequence[tuple[str, str]], figures: Sequence[str | None]) -> Iterable[str]:
    yield f"# {plain(data.title)}\n"
    yield f"{plain(words.opening(data))}\n"
    if data.notes:
        yield "\n".join(f"- {plain(note)}" for note in data.notes) + "\n"
    yield f"## What overlap means\n\n{plain(DEFINITION)}\n\n{plain(words.HOW_EXACT)} {plain(words.TWO_LIMITS)}\n"
    yield "## Datasets\n"
    yield from _table(
        ["dataset", "images", "with a picture", "files refused"],
        [[part.name, f"{len(part.names):,}", f"{part.pictures:,}", f"{len(part.refused):,}"] for part in data.datasets],
    )
    yield "\n## Methods and thresholds\n"
    for i in range(len(data.signals)):
        yield f"- {plain(words.method(data, i))}"
    for i, part in enumerate(data.signals):
        yield f"\n## {plain(part.title)}, {part.at_most}\n"
        for count, what in words.totals(data, i):
            yield f"- **{count}** {plain(what)}"
        if judged := words.verdicts(data, i):
            yield f"\n{plain(judged)}"
        yield ""
        yield from _table(
            ["A", "B", "images of A that overlap with B", "images of B that overlap with A", "pairs"],
            [[row.a, row.b, row.images_a, row.images_b, row.pairs] for row in words.rows(data, i)],
        )
        if name := figures[i]:
            yield f"\n![{plain(words.figure_words(data, i))}]({name})"
        yield from _examples(data, i)
    yield "\n## Files\n"
    yield from _table(["file", "content"], files)
    if refused := [(part.name, path, reason) for part in data.datasets for path, reason in part.refused]:
        yield f"\n## Files that were refused\n\n{words.number(len(refused), 'file')}; the first of them:\n"
        yield from _table(["dataset", "file", "reason"], refused[:50])
    yield "\n## Versions\n"
    yield ", ".join(plain(f"{name} {version}") for name, version in data.versions.items()) + "."


def _examples(data: ReportData, signal: int) -> Iterable[str]:
    part = data.signals[signal]
    chosen = data.examples(signal)
    if not chosen:
        return
    yield f"\n### Examples\n\n{len(chosen):,} of {words.number(len(part.pairs), 'pair')}, the closest first.\n"
    rows = []
    for position in chosen:
        sides = []
        for row in (int(part.pairs.a[position]), int(part.pairs.b[position])):
            dataset, at = data.place(row)
            sides.append(f"{data.datasets[dataset].name}: {data.datasets[dataset].names[at]}")
        verdict = int(part.verdicts[position])
        rows.append(
            [
                *sides,
                part.scale.words(float(part.pairs.distance[position])),
                data.choices[verdict] if verdict >= 0 else "",
            ]
        )
    yield from _table(["image", "image", "distance", "verdict"], rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(plain(cell) for cell in row)} |"
