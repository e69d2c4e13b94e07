"""The sentences of a report, said once for Markdown and HTML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.core.report.data import ReportData
from analysis.core.scales import Cosine

HOW_EXACT = (
    "Exact: every pair of images in question was compared, none was sampled or skipped, "
    "and the lists hold all pairs up to the distance and no others."
)
TWO_LIMITS = (
    "A pair is what a signal finds. Two images can be a pair and show different things, and two images of one thing "
    "can be no pair under a signal; only people's verdicts say what a pair is."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of a signal: texts as shown."""

    a: str
    b: str
    images_a: str
    images_b: str
    pairs: str


def number(n: int, one: str, many: str | None = None) -> str:
    """``1 pair``, ``1,234 pairs``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """``43 of 1,864 (2.3 %)``; without a percentage of nothing."""
    return f"{part:,} of {whole:,}" + (f" ({100 * part / whole:.1f} %)" if whole else "")


def scope(data: ReportData) -> str:
    """What was compared with what."""
    across, within = "images of different datasets", "images of one dataset with each other"
    return {"across": across, "within": within, "both": f"{across}, and {within}"}[data.scope]


def opening(data: ReportData) -> str:
    """The first sentence."""
    images = sum(len(part.names) for part in data.datasets)
    said = f"{number(len(data.datasets), 'dataset')}, {number(images, 'image')}. Compared: {scope(data)}."
    if sampled := [
        f"{share(len(part.names), len(part.names) + part.left_out)} of {part.name}"
        for part in data.datasets
        if part.left_out
    ]:
        said += f" A sample: {', '.join(sampled)}; the whole datasets may share more."
    return said + (f" Computed {data.date}." if data.date else "")


def method(data: ReportData, signal: int) -> str:
    """How a signal was compared, and over how many pairs."""
    part = data.signals[signal]
    compared = data.compared(signal)
    said = f"{part.title} ({part.name}), {part.at_most} apart. {part.summary}"
    said += f" {number(compared, 'pair')} of images {'was' if compared == 1 else 'were'} compared."
    for dataset, hashes in zip(data.datasets, part.hashes, strict=True):
        lacking = len(dataset.names) - len(hashes.rows)
        if lacking:
            what = "an embedding" if isinstance(part.scale, Cosine) else "a hash"
            said += f" {number(lacking, 'image')} of {dataset.name} without such {what} could not be compared."
    return said


def totals(data: ReportData, signal: int) -> list[tuple[str, str]]:
    """What a signal found, each number with what it counts."""
    curve, part = data.curves[signal], data.signals[signal]
    across = int(np.count_nonzero(data.is_across(signal)))
    images = int(curve.matched_any[0].sum())
    found = []
    if data.across:
        shared = sum(int(count[0]) for mask, count in curve.regions.items() if mask & (mask - 1))
        found.append((f"{across:,}", f"{'pair' if across == 1 else 'pairs'} of images of different datasets"))
        found.append((f"{shared:,}", f"{'picture lies' if shared == 1 else 'pictures lie'} in more than one dataset"))
    if data.within:
        inside = len(part.pairs) - across
        found.append((f"{inside:,}", f"{'pair' if inside == 1 else 'pairs'} inside one dataset"))
    found.append((f"{images:,}", f"of {len(data.dataset_of):,} images are in a pair"))
    clusters = int(curve.clusters[0])
    largest = f", the largest of {number(int(curve.largest_cluster[0]), 'image')}" if clusters else ""
    found.append((f"{clusters:,}", f"{'cluster' if clusters == 1 else 'clusters'} of two or more images{largest}"))
    return found


def rows(data: ReportData, signal: int) -> list[Row]:
    """The three counts of every dataset pair."""
    found = []
    for cell in data.cells(signal):
        a, b = data.datasets[cell.a], data.datasets[cell.b]
        inside = cell.a == cell.b
        found.append(
            Row(
                a.name,
                "itself" if inside else b.name,
                share(cell.images_a, len(a.names)),
                "–" if inside else share(cell.images_b, len(b.names)),
                f"{cell.pairs:,}",
            )
        )
    return found


def verdicts(data: ReportData, signal: int) -> str:
    """What people said of the pairs; empty where nobody judged one."""
    counted = data.verdict_counts(signal)
    if not counted:
        return ""
    said = ", ".join(f"{choice.lower()} {n:,}" for choice, n in counted.items())
    return f"Judged: {share(sum(counted.values()), len(data.signals[signal].pairs))} pairs: {said}."


def figure_title(data: ReportData, signal: int) -> str:
    """What stands above a signal's figure."""
    part = data.signals[signal]
    return f"Pictures by the datasets they lie in · {part.title}, {part.at_most}"


def figure_words(data: ReportData, signal: int) -> str:
    """The figure as a sentence, for those who cannot see it."""
    said = []
    for mask, count in sorted(data.curves[signal].regions.items()):
        held = [part.name for j, part in enumerate(data.datasets) if mask >> j & 1]
        if count[0]:
            said.append(f"{int(count[0]):,} {'only in ' if len(held) == 1 else 'in '}{' and '.join(held)}")
    return f"Pictures: {'; '.join(said)}."
