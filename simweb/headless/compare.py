"""All pairs of some datasets under one signal: those across datasets, and those inside each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import TooManyPairs
from analysis.core.report import DatasetHashes, SignalPart
from analysis.core.scales import Scale

MAX_PAIRS = 20_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """The descriptors of one dataset.

    Attributes:
        stack: of m images, as the join takes them; None where there is none.
        rows: int64, shape (m,), rising: which of the dataset's images each is of.
    """

    stack: Any
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """What is compared under one signal.

    Attributes:
        method: how names of files call it: ``cosine``, ``perceptual`` or ``robust``.
        name: the signal's.
        title: for people.
        summary: what it finds.
        scale: of its distances.
        threshold: largest distance.
        described: one for each dataset.
        join: all pairs of two stacks, or of one with itself, within the threshold.
    """

    method: str
    name: str
    title: str
    summary: str
    scale: Scale
    threshold: float
    described: Sequence[Described]
    join: Callable[[Any, Any | None], Pairs]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The pairs of a half, as rows of all datasets one after another.

    Attributes:
        part: for the report: the pairs of its scope.
        inside: the pairs inside datasets that were looked for, whatever the report's scope.
        listed: the datasets whose pairs inside are all there.
        crowded: datasets that have too many pairs inside, with what says so.
    """

    part: SignalPart
    inside: SignalPart
    listed: frozenset[int]
    crowded: dict[int, TooManyPairs]


def compare(half: Half, sizes: Sequence[int], scope: str | None) -> Found:
    """Find the pairs.

    Args:
        half: the signal.
        sizes: images of each dataset.
        scope: ``across``, ``within`` or ``both``; None for pairs across, and those inside where
            they are not too many.

    Raises:
        TooManyPairs: more than `MAX_PAIRS` between two datasets, or inside one where that was asked for.
    """
    offset = np.cumsum([0, *sizes])
    across, inside = [], []
    listed, crowded = set(), {}
    for i, first in enumerate(half.described):
        if scope != "across":
            try:
                inside.append(_joined(half, first, first, int(offset[i]), int(offset[i])))
                listed.add(i)
            except TooManyPairs as error:
                if scope is not None:
                    raise
                crowded[i] = error
        if scope != "within":
            for j in range(i + 1, len(sizes)):
                across.append(_joined(half, first, half.described[j], int(offset[i]), int(offset[j])))
    both = [*across, *inside] if scope in ("within", "both") else across
    return Found(_part(half, _together(both)), _part(half, _together(inside)), frozenset(listed), crowded)


def _joined(half: Half, first: Described, second: Described, at: int, other: int) -> Pairs:
    if first.stack is None or second.stack is None:
        return Pairs.empty()
    found = half.join(first.stack, None if second is first else second.stack)
    return Pairs(first.rows[found.a] + at, second.rows[found.b] + other, found.distance)


def _together(parts: Sequence[Pairs]) -> Pairs:
    """All of them, the closest first."""
    if not parts:
        return Pairs.empty()
    a, b, distance = (np.concatenate([getattr(part, column) for part in parts]) for column in ("a", "b", "distance"))
    order = np.lexsort((b, a, distance))
    return Pairs(a[order], b[order], distance[order])


def _part(half: Half, pairs: Pairs) -> SignalPart:
    return SignalPart(
        name=half.name,
        title=half.title,
        summary=half.summary,
        scale=half.scale,
        threshold=half.threshold,
        hashes=[
            DatasetHashes(each.stack if isinstance(each.stack, PackedBits) else None, each.rows)
            for each in half.described
        ],
        pairs=pairs,
        verdicts=np.full(len(pairs), -1, np.int8),
    )
