"""What to say when a join would give more pairs than its caller accepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import TooManyPairs
from analysis.core.search._distinct import Distinct

_NAMED = 10
_ROWS_AT_ONCE = 1 << 18


def too_many_pairs(
    left: Distinct,
    right: Distinct | None,
    hits1: NDArray[Any],
    hits2: NDArray[Any],
    *,
    max_distance: int,
    limit: int,
) -> TooManyPairs:
    """Name the rows that are in the most pairs.

    Args:
        left: distinct rows of the first set.
        right: distinct rows of the second, or None within one set.
        hits1: integers, shape (h,), rows of `left` in the pairs found before the search stopped.
        hits2: integers, shape (h,), rows of the other side.
        max_distance: largest distance in bits.
        limit: largest number of pairs that the caller accepts.
    """
    other = left if right is None else right
    degree = np.bincount(hits1.astype(np.intp), other.sizes()[hits2], minlength=len(left))
    if right is None:
        degree += np.bincount(hits2.astype(np.intp), left.sizes()[hits1], minlength=len(left)) + left.sizes()
    most = np.argsort(-degree, kind="stable")[:_NAMED]
    hubs = [
        (left.first_row(int(row)), _pairs_of(left.words[row], other, max_distance) - (right is None)) for row in most
    ]
    return _named(hubs, f"{max_distance} bits", limit)


def too_many_rows(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    rows: int,
    near: Callable[[int], NDArray[np.bool_]],
    *,
    within: bool,
    reach: str,
    limit: int,
) -> TooManyPairs:
    """Name the rows that are in the most pairs, where equal rows are not joined once.

    Args:
        a: int64, shape (h,), rows of the first set in the pairs found before the search stopped.
        b: int64, shape (h,), rows of the other side.
        rows: number of rows of the first set.
        near: for a row of the first set, which rows of the other side are within the distance.
        within: whether both sides are one set.
        reach: the largest distance, for people.
        limit: largest number of pairs that the caller accepts.
    """
    degree = np.bincount(a, minlength=rows)
    if within:
        degree += np.bincount(b, minlength=rows)
    hubs = []
    for row in np.argsort(-degree, kind="stable")[:_NAMED]:
        reached = near(int(row))
        hubs.append((int(row), int(reached.sum()) - (within and bool(reached[row]))))
    return _named(hubs, reach, limit)


def _named(hubs: list[tuple[int, int]], reach: str, limit: int) -> TooManyPairs:
    hubs.sort(key=lambda hub: (-hub[1], hub[0]))
    row, pairs = hubs[0]
    return TooManyPairs(
        f"More than {limit:,} pairs are at most {reach} apart; row {row + 1} alone is in {pairs:,}.",
        limit=limit,
        hubs=hubs,
        remedy="Lower the distance, or leave out the images that are like all others (blank pages, flat colours).",
    )


def _pairs_of(words: NDArray[np.uint64], other: Distinct, max_distance: int) -> int:
    """Number of rows within the distance of one row, itself included."""
    total = 0
    for start in range(0, len(other), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        near = np.bitwise_count(other.words[part] ^ words).sum(axis=1, dtype=np.int32) <= max_distance
        total += int(other.sizes()[part][near].sum())
    return total
