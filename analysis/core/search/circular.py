"""All pairs of short cyclic sequences whose cross-correlation peaks high enough at some shift.

The distance of two sequences is 1 minus the largest Pearson correlation of one with the other turned by any number of
places. Sequences are whole numbers, 0 to 255, so the sums that decide are exact.

**Which pairs need no shifting.** Let u, v be the sequences less their means, of unit length, and U, V their discrete
Fourier transforms, over n values. The correlation at a shift s is the sum over f of U(f) conj(V(f)) e^(2 pi i f s / n)
divided by n. No term exceeds |U(f)| |V(f)|, so no shift's correlation exceeds the product of the two amplitude spectra,
one product of n / 2 values instead of n of n. Spectra are of unit length, so in float32 that product errs by less than
n 2^-23.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Pairs
from analysis.core.errors import InvalidArray
from analysis.core.search._hubs import too_many_rows
from analysis.core.search._strips import join_strips


def circular_distances(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The distances of rows, uint8 (m, width) each, to the last bit those of `circular_join`: float32, shape (m,)."""
    width = x.shape[1]
    left, right = x.astype(np.int64), y.astype(np.int64)
    peaks = np.max([(left * np.roll(right, shift, axis=1)).sum(axis=1) for shift in range(width)], axis=0)
    covariance = (width * peaks - left.sum(axis=1) * right.sum(axis=1)).astype(np.float64)
    roots = np.sqrt(_spreads(x) * _spreads(y))
    correlation = np.divide(covariance, roots, out=np.zeros(len(roots)), where=roots > 0)
    return np.asarray(np.maximum(1.0 - correlation, 0.0), np.float32)


def circular_join(
    first: NDArray[np.uint8],
    second: NDArray[np.uint8] | None,
    max_distance: float,
    *,
    max_pairs: int = 50_000_000,
    threads: int | None = None,
) -> Pairs:
    """Find every pair of sequences at most `max_distance` apart: exactly those that brute force gives.

    A sequence without variation correlates with nothing, not even with itself: its distance to all is 1. Memory beyond
    input and result is some 15 times the input.

    Args:
        first: uint8, shape (n, width).
        second: uint8, shape (m, width), or None to join `first` with itself (a < b, each pair once).
        max_distance: largest distance, inclusive; 0 or more.
        max_pairs: largest number of pairs that the caller accepts.
        threads: number of threads; all cores when None.

    Returns:
        The pairs, sorted by a, then b; a is a row of `first`, b a row of `second` (or of `first`).

    Raises:
        InvalidArray: sequences of different lengths, or of more than 255 values, or a distance that is negative or not
            a number.
        TooManyPairs: more than `max_pairs` pairs. The search stops there; the hubs named are rows of `first` with their
            exact number of pairs: those in the most pairs among what was found.
    """
    # numba takes a second to import: pages that compare single pairs need not wait for it.
    from analysis.core.search._float_kernels import join_circular

    if not max_distance >= 0:
        raise InvalidArray(f"A distance of correlations is 0 or more, not {max_distance}.")
    other = first if second is None else second
    width = first.shape[1]
    if width != other.shape[1] or width > 255:  # 255 products of 255 * 255 are the most that float32 adds up exactly
        raise InvalidArray(f"Sequences of {width} values cannot be compared with sequences of {other.shape[1]}.")
    limit = np.float32(max_distance)
    # A distance that rounds to the limit may be half a last place above it.
    least = np.float32(1.0 - float(limit) * (1 + 2.0**-23) - 2 * width * 2.0**-23)
    one = _Prepared.of(first)
    two = one if second is None else _Prepared.of(second)
    step = partial(
        join_circular,
        one.values,
        one.spectra,
        one.sums,
        one.spreads,
        np.tile(two.values, 2),
        np.ascontiguousarray(two.spectra.T),
        two.sums,
        two.spreads,
        second is None,
        limit,
        least,
    )
    (a, b, distance), too_many = join_strips(len(first), step, max_pairs=max_pairs, threads=threads)
    if too_many:
        raise too_many_rows(
            a,
            b,
            len(first),
            lambda row: np.asarray(circular_distances(first[row][None], other) <= limit),
            within=second is None,
            reach=f"{limit:g}",
            limit=max_pairs,
        )
    return Pairs(a, b, distance).sorted()


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """What the kernel reads of sequences; see there."""

    values: NDArray[np.float32]
    spectra: NDArray[np.float32]
    sums: NDArray[np.float64]
    spreads: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.uint8]) -> Self:
        width = rows.shape[1]
        centred = rows - rows.mean(axis=1, keepdims=True)
        length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
        unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
        # Each frequency between 0 and the middle stands for itself and its mirror image.
        twice = np.full(width // 2 + 1, 2.0)
        twice[0] = 1.0
        if width % 2 == 0:
            twice[-1] = 1.0
        spectra = np.abs(np.fft.rfft(unit, axis=1)) * np.sqrt(twice / width)
        sums = rows.sum(axis=1, dtype=np.float64)
        return cls(rows.astype(np.float32), spectra[:, 1:].astype(np.float32), sums, _spreads(rows))


def _spreads(rows: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The variance of each row times its number of values squared, a whole number: float64, shape (n,)."""
    values = rows.astype(np.int64)
    return np.asarray(rows.shape[1] * (values**2).sum(axis=1) - values.sum(axis=1) ** 2, np.float64)
