"""What a report tells, as plain data: filled from the database or from folders, rendered the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import InvalidArray
from analysis.core.overlap import OverlapCurve
from analysis.core.overlap_count import overlap_curve
from analysis.core.scales import Scale

PUBLISHED_KEYS = {"phash-8": "perceptual", "block_mean-16": "robust"}
"""Signal -> the word with which the published study begins the names of its files."""

_NOT_IN_FILES = re.compile(r"[^A-Za-z0-9._~@-]+")
"""What names of models have and names of files must not."""

EXAMPLES = 24
"""Pairs that are shown side by side, of all signals together."""


@dataclass(frozen=True, slots=True)
class DatasetPart:
    """One dataset of a report.

    Attributes:
        name: as people call it.
        names: names of its images in the order of all its lists.
        paths: paths of the images in the dataset, in the same order.
        pictures: how many of them have a picture; the others are fingerprints.
        labels: name -> labels, of the images that carry some.
        refused: files that were not taken, each with its reason.
        left_out: images that were passed over as asked, so that the others are a sample.
    """

    name: str
    names: Sequence[str]
    paths: Sequence[str]
    pictures: int
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    refused: Sequence[tuple[str, str]] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class DatasetHashes:
    """What one dataset has under one signal.

    Attributes:
        bits: m hashes; None where the signal's descriptors are no lists of bits.
        rows: int64, shape (m,), rising: which of the dataset's names each belongs to.
    """

    bits: PackedBits | None
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SignalPart:
    """What one signal found up to its threshold.

    Attributes:
        name: of the signal, e.g. ``phash-8``.
        title: for people.
        summary: what it finds and what it misses.
        scale: what its distances are counted in.
        threshold: largest distance that counts.
        hashes: one for each dataset, in the report's order.
        pairs: rows of all datasets one after another, a < b, the closest first; none beyond the threshold.
        verdicts: int8, shape (pairs,): position in the report's `choices`, or -1 for a pair nobody judged.
    """

    name: str
    title: str
    summary: str
    scale: Scale
    threshold: float
    hashes: Sequence[DatasetHashes]
    pairs: Pairs
    verdicts: NDArray[np.int8]

    @property
    def at_most(self) -> str:
        """The threshold in words: ``at most 8 of 64 bits``."""
        return f"at most {self.scale.words(self.threshold)}"

    @property
    def key(self) -> str:
        """How the names of its files begin: ``perceptual`` and ``robust`` as published, else the signal's name."""
        return PUBLISHED_KEYS.get(self.name, _NOT_IN_FILES.sub("_", self.name))


@dataclass(frozen=True, slots=True, eq=False)
class FurtherHashes:
    """Hashes that the report hands out beside those of its signals.

    Attributes:
        name: of the signal.
        title: for people.
        hashes: one for each dataset, in the report's order; those without any are passed over.
    """

    name: str
    title: str
    hashes: Sequence[DatasetHashes]


@dataclass(frozen=True, slots=True)
class Cell:
    """Two datasets of a report by position, a ≤ b, and the three counts between them.

    Attributes:
        a: first dataset.
        b: second dataset; the same for pairs inside one.
        pairs: number of pairs.
        images_a: images of a that overlap with b.
        images_b: images of b that overlap with a.
    """

    a: int
    b: int
    pairs: int
    images_a: int
    images_b: int


@dataclass(frozen=True, eq=False)
class ReportData:
    """A comparison at given thresholds.

    Attributes:
        title: names the report.
        scope: ``across``, ``within`` or ``both``.
        date: when the comparison was computed, for people; empty where the report is about files on a disk.
        datasets: in order.
        signals: in order.
        choices: verdicts that occur in `SignalPart.verdicts`, for people.
        versions: library -> version.
        further: hashes of signals that the report is not about.
        picture: gives the thumbnail of a row (of all datasets) as JPEG; None where there is no picture.
        notes: sentences that a reader must know before the rest, such as what could not be computed.

    Raises:
        InvalidArray: no dataset or signal, or a scope that does not exist.
    """

    title: str
    scope: str
    date: str
    datasets: Sequence[DatasetPart]
    signals: Sequence[SignalPart]
    choices: Sequence[str]
    versions: Mapping[str, str]
    picture: Callable[[int], bytes | None]
    further: Sequence[FurtherHashes] = ()
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.scope not in ("across", "within", "both") or not self.datasets or not self.signals:
            raise InvalidArray("A report has datasets, signals and one of the scopes across, within and both.")

    @cached_property
    def bounds(self) -> tuple[int, ...]:
        """Where the rows of each dataset begin, and where the last ends."""
        return tuple(accumulate((len(part.names) for part in self.datasets), initial=0))

    @cached_property
    def dataset_of(self) -> NDArray[np.int32]:
        """int32, shape (rows,): the dataset of each row."""
        return np.repeat(np.arange(len(self.datasets), dtype=np.int32), np.diff(self.bounds))

    @cached_property
    def curves(self) -> tuple[OverlapCurve, ...]:
        """The overlap under each signal at its threshold: curves of one step."""
        return tuple(
            overlap_curve(
                dataset=self.dataset_of,
                n_datasets=len(self.datasets),
                pairs=part.pairs,
                steps=np.array([part.threshold], np.float32),
            )
            for part in self.signals
        )

    @property
    def across(self) -> bool:
        """Whether pairs of different datasets were looked for."""
        return self.scope != "within"

    @property
    def within(self) -> bool:
        """Whether pairs inside one dataset were looked for."""
        return self.scope != "across"

    def cells(self, signal: int) -> list[Cell]:
        """The counts of every dataset pair of the scope under a signal; across first."""
        k, curve = len(self.datasets), self.curves[signal]
        positions = [(a, b) for a in range(k) for b in range(a + 1, k)] if self.across else []
        positions += [(a, a) for a in range(k)] if self.within else []
        pairs, matched = curve.pairs[0], curve.matched[0]
        return [Cell(a, b, int(pairs[a, b]), int(matched[a, b]), int(matched[b, a])) for a, b in positions]

    def compared(self, signal: int) -> int:
        """How many pairs of images were compared under a signal: all of the scope that have hashes."""
        sizes = [len(hashes.rows) for hashes in self.signals[signal].hashes]
        everything, inside = sum(sizes) * (sum(sizes) - 1) // 2, sum(n * (n - 1) // 2 for n in sizes)
        return (everything - inside) * self.across + inside * self.within

    def is_across(self, signal: int) -> NDArray[np.bool_]:
        """bool, shape (pairs,): whether a pair joins two different datasets."""
        pairs = self.signals[signal].pairs
        return np.not_equal(self.dataset_of[pairs.a], self.dataset_of[pairs.b])

    def between(self, signal: int, a: int, b: int) -> NDArray[np.int64]:
        """Positions of a signal's pairs between two datasets, or inside one where both are the same; closest first."""
        pairs = self.signals[signal].pairs
        one, other = self.dataset_of[pairs.a], self.dataset_of[pairs.b]
        return np.flatnonzero(((one == a) & (other == b)) | ((one == b) & (other == a)))

    def place(self, row: int) -> tuple[int, int]:
        """The dataset of a row, and its position in it."""
        dataset = int(self.dataset_of[row])
        return dataset, row - self.bounds[dataset]

    def verdict_counts(self, signal: int) -> dict[str, int]:
        """How many of a signal's pairs have each verdict; only verdicts that occur."""
        verdicts = self.signals[signal].verdicts
        counted = np.bincount(verdicts[verdicts >= 0], minlength=len(self.choices)).tolist()
        return {choice: n for choice, n in zip(self.choices, counted, strict=True) if n}

    def examples(self, signal: int) -> list[int]:
        """Positions of the signal's pairs to show: spread over the whole range of distances, the closest first."""
        return spread(len(self.signals[signal].pairs), max(1, EXAMPLES // len(self.signals)))


def spread(n: int, most: int) -> list[int]:
    """At most so many of the positions 0 to n - 1, evenly spread, the first and the last among them."""
    shown = min(n, most)
    return np.unique(np.linspace(0, n - 1, shown).round().astype(np.int64)).tolist() if shown else []
