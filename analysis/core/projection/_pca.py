"""Exact principal components with a sign that does not depend on the library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Floats = NDArray[np.float64]

BLOCK_ROWS = 4096
ROUNDING = float(np.finfo(np.float32).eps) ** 2
"""Variance of one embedding that its float32 numbers cannot tell from none."""

NEAR_TIE = 1 - 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Rows along their principal components.

    Attributes:
        scores: float64, shape (n, k), the columns centred and in order of falling variance; exactly 0 in a direction
            in which the rows do not differ.
        explained: float64, shape (k,), the share of the whole variance along each; 0 where there is none.
        rank: in how many directions the rows differ, at most k.
    """

    scores: Floats
    explained: Floats
    rank: int


def principal(values: NDArray[np.float32], k: int) -> Components:
    """The first k principal components, from all rows and in double precision.

    Args:
        values: float32, shape (n, dim), n at least 1.
        k: number of components; there may be fewer than k directions, the other columns are then 0.
    """
    n, dim = values.shape
    mean = values.mean(axis=0, dtype=np.float64)
    variance, directions = _by_rows(values, mean, k) if n <= dim else _by_columns(values, mean, k)
    total = max(float(variance.sum()), 0.0) if len(variance) >= min(n, dim) else _total(values, mean)
    floor = max(n * ROUNDING, total * np.finfo(np.float64).eps * max(n, dim))
    kept = variance > floor
    rank = int(kept.sum())
    directions = directions[:, kept]
    directions *= _signs(directions)
    scores = np.zeros((n, k))
    for start in range(0, n, BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        scores[block, :rank] = (values[block] - mean) @ directions
    explained = np.zeros(k)
    explained[:rank] = variance[kept] / total if rank else 0.0
    return Components(scores, explained, rank)


def _total(values: NDArray[np.float32], mean: Floats) -> float:
    return float(sum(np.square(values[i : i + BLOCK_ROWS] - mean).sum() for i in range(0, len(values), BLOCK_ROWS)))


def _by_columns(values: NDArray[np.float32], mean: Floats, k: int) -> tuple[Floats, Floats]:
    """Variances, falling, and directions (dim, k) from the scatter matrix of the columns."""
    dim = values.shape[1]
    scatter = np.zeros((dim, dim))
    for start in range(0, len(values), BLOCK_ROWS):
        centred = values[start : start + BLOCK_ROWS] - mean
        scatter += centred.T @ centred
    k = min(k, dim)
    variance, vectors = eigh(scatter, subset_by_index=(dim - k, dim - 1))
    return variance[::-1], vectors[:, ::-1]


def _by_rows(values: NDArray[np.float32], mean: Floats, k: int) -> tuple[Floats, Floats]:
    """The same from the products of the rows, for fewer rows than columns."""
    n = len(values)
    centred = values - mean
    k = min(k, n)
    variance, vectors = eigh(centred @ centred.T, subset_by_index=(n - k, n - 1))
    directions = centred.T @ vectors[:, ::-1]
    lengths = np.sqrt(np.square(directions).sum(axis=0))
    return variance[::-1], directions / np.where(lengths > 0, lengths, 1.0)


def _signs(directions: Floats) -> Floats:
    """The factor, 1 or -1, by which the largest entry of each column is positive; of nearly equal ones the first."""
    if not directions.shape[1]:
        return np.empty(0)
    size = np.abs(directions)
    largest = np.argmax(size >= size.max(axis=0) * NEAR_TIE, axis=0)
    return np.where(directions[largest, np.arange(directions.shape[1])] < 0, -1.0, 1.0)
