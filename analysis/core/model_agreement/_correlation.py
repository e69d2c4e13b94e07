"""The rank correlation of the distances of the same pairs under two models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.errors import InvalidArray
from analysis.core.model_agreement._estimates import Estimate, drawn_again, estimate
from analysis.core.search import pair_distances

PAIRS = 100_000
"""Pairs whose distances are correlated, where there are more."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rank correlation of the distances of the same pairs under two models.

    Attributes:
        spearman: equal distances have their mean rank; None where all distances of a model are equal.
        pairs: how many pairs it is computed of.
        every: whether these are all pairs of the images; else they were drawn, each pair as likely, none twice.
    """

    spearman: Estimate | None
    pairs: int
    every: bool


def correlation(first: Vectors, second: Vectors, *, pairs: int = PAIRS, seed: int = 0) -> Correlation:
    """Correlate the distances of the same pairs of images under two models.

    Args:
        first: n embeddings of one model.
        second: of the same images, in the same order, of the other.
        pairs: how many pairs; all of them where there are no more.
        seed: of the draw and of the interval.

    Raises:
        InvalidArray: different numbers of embeddings, or fewer than two.
    """
    n = len(first)
    if len(second) != n or n < 2:
        raise InvalidArray(f"{n:,} and {len(second):,} embeddings have no pairs in common to be correlated.")
    total = n * (n - 1) // 2
    if total > pairs:
        numbers = np.sort(np.random.default_rng(seed).choice(total, pairs, replace=False))
    else:
        numbers = np.arange(total)
    # Pairs are numbered by their lower row: those of row i begin where all of the rows before end.
    lower = np.arange(n, dtype=np.int64)
    begins = lower * (2 * n - lower - 1) // 2
    a = np.searchsorted(begins, numbers, side="right") - 1
    b = numbers - begins[a] + a + 1
    x, y = (_Ranked(pair_distances(each.values, each.values, a, b)) for each in (first, second))
    value = _spearman(x, y, np.ones(len(a), np.int64))
    if np.isnan(value):
        return Correlation(None, len(a), total <= pairs)
    values = np.array([_spearman(x, y, often[a] * often[b]) for often in drawn_again(n, seed)])
    return Correlation(estimate(value, values), len(a), total <= pairs)


class _Ranked:
    """Numbers in order, ready to be ranked again when they count more or less often.

    Args:
        values: float32, shape (m,).

    Attributes:
        order: int64, shape (m,), the numbers rising.
        ends: int64, shape (g,), where each group of equal numbers ends in it.
        ranks: float64, shape (m,), room for the ranks.
    """

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.order = np.argsort(values)
        ordered = values[self.order]
        self.ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, len(values))
        self.ranks = np.empty(len(values))


def _spearman(x: _Ranked, y: _Ranked, weights: NDArray[np.int64]) -> float:
    """The rank correlation of pairs of numbers that count as often as their weight says; nan where there is none."""
    _rank(x.order, x.ends, weights, x.ranks)
    _rank(y.order, y.ends, weights, y.ranks)
    return float(_correlate(x.ranks, y.ranks, weights))


@njit(cache=True, nogil=True)
def _rank(order: Rows, ends: Rows, weights: Rows, ranks: NDArray[np.float64]) -> None:
    """Write the mean rank of each group of equal numbers, less half a rank: the weight before it and half of its own.

    Args:
        order: int64, shape (m,), the numbers rising.
        ends: int64, shape (g,), where each group of equal numbers ends in it.
        weights: int64, shape (m,).
        ranks: float64, shape (m,).
    """
    before, start = 0, 0
    for end in ends:
        own = 0
        for place in range(start, end):
            own += weights[order[place]]
        for place in range(start, end):
            ranks[order[place]] = before + own / 2
        before += own
        start = end


@njit(cache=True, nogil=True)
def _correlate(x: NDArray[np.float64], y: NDArray[np.float64], weights: Rows) -> float:
    """Pearson's correlation of weighted ranks, whose mean is half of the whole weight; nan where one does not vary.

    Args:
        x: float64, shape (m,).
        y: float64, shape (m,).
        weights: int64, shape (m,).
    """
    middle = weights.sum() / 2
    xx, yy, xy = 0.0, 0.0, 0.0
    for pair in range(len(weights)):
        p, q, weight = x[pair] - middle, y[pair] - middle, weights[pair]
        xx += weight * p * p
        yy += weight * q * q
        xy += weight * p * q
    return xy / np.sqrt(xx * yy) if xx > 0 and yy > 0 else np.nan
