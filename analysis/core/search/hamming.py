"""All pairs of hashes within a Hamming distance."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import InvalidArray
from analysis.core.search._distinct import Distinct
from analysis.core.search._hubs import too_many_pairs
from analysis.core.search.plan import choose_plan

_SMALL = 4_000_000
"""Words compared up to which numpy is done before compiled code is loaded."""
_ROWS_AT_ONCE = 1 << 18


def hamming_join(
    first: PackedBits,
    second: PackedBits | None,
    max_distance: int,
    *,
    max_pairs: int = 50_000_000,
    threads: int | None = None,
) -> Pairs:
    """Find every pair of hashes at most `max_distance` bits apart: exactly those that brute force gives.

    Equal hashes are compared once. A plan (see `plan`) is then chosen from the number of hashes, their length, the
    distance and a sample of the data: an index over chunks of the bits, or brute force in blocks. Memory beyond the
    input stays below about 60 bytes for each hash and 40 for each pair.

    Args:
        first: n hashes.
        second: m hashes of the same length, or None to join `first` with itself (a < b, each pair once).
        max_distance: largest Hamming distance in bits, inclusive; 0 or more.
        max_pairs: largest number of pairs that the caller accepts.
        threads: number of threads; all cores when None.

    Returns:
        The pairs, sorted by a, then b; a is a row of `first`, b a row of `second` (or of `first`).

    Raises:
        InvalidArray: hashes of different lengths, or a negative distance.
        TooManyPairs: more than `max_pairs` pairs. The search stops there; the hubs named are rows of `first`, one for
            each distinct hash, with their exact number of pairs: those in the most pairs among what was found.
    """
    if max_distance < 0:
        raise InvalidArray(f"A Hamming distance is 0 or more bits, not {max_distance}.")
    if second is not None and first.n_bits != second.n_bits:
        raise InvalidArray(
            f"Hashes of {first.n_bits} bits cannot be compared with hashes of {second.n_bits} bits.",
            remedy="Join hashes of one signal.",
        )
    x = _words(first)
    y = x if second is None else _words(second)
    within = second is None
    if x.size * len(y) <= _SMALL:
        keys = _small_join(x, y, max_distance, within)
        if len(keys) > max_pairs:
            left, right = Distinct.of(x), None if within else Distinct.of(y)
            other = left if right is None else right
            a, b = np.divmod(_small_join(left.words, other.words, max_distance, within), np.uint64(len(other)))
            raise too_many_pairs(left, right, a, b, max_distance=max_distance, limit=max_pairs)
    else:
        cores = threads or os.cpu_count() or 1
        keys = _large_join(
            first, x, None if within else y, max_distance=max_distance, max_pairs=max_pairs, threads=cores
        )
    if not len(keys):
        return Pairs.empty()
    rows1, rows2 = np.divmod(keys, np.uint64(len(y)))
    del keys
    a, b = rows1.view(np.int64), rows2.view(np.int64)
    distance = np.empty(len(a), np.float32)
    for start in range(0, len(a), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        distance[part] = np.bitwise_count(x[a[part]] ^ y[b[part]]).sum(axis=1, dtype=np.float32)
    return Pairs(a, b, distance)


def _words(hashes: PackedBits) -> NDArray[np.uint64]:
    """The hashes as 64-bit words, shape (n, ceil(n_bits / 64)), padded with zeros."""
    packed = hashes.packed
    short = -packed.shape[1] % 8
    if short:
        packed = np.pad(packed, ((0, 0), (0, short)))
    return np.require(packed.view("<u8"), requirements=["C", "ALIGNED"])


def _bit_positions(n_bits: int) -> NDArray[np.int64]:
    """Where each bit of a hash lies in its words: 64 * word + shift."""
    bit = np.arange(n_bits)
    return bit // 8 * 8 + 7 - bit % 8


def _small_join(x: NDArray[np.uint64], y: NDArray[np.uint64], max_distance: int, within: bool) -> NDArray[np.uint64]:
    """Keys a * m + b of all pairs, ascending."""
    distance = np.zeros((len(x), len(y)), np.int32)
    for word in range(x.shape[1]):
        distance += np.bitwise_count(x[:, word, None] ^ y[:, word])
    near = distance <= max_distance
    return np.flatnonzero(np.triu(near, 1) if within else near).astype(np.uint64)


def _large_join(
    hashes: PackedBits,
    x: NDArray[np.uint64],
    y: NDArray[np.uint64] | None,
    *,
    max_distance: int,
    max_pairs: int,
    threads: int,
) -> NDArray[np.uint64]:
    """Keys a * m + b of all pairs, ascending."""
    # numba takes a second to import: pages that join a few hundred hashes need not wait for it.
    from analysis.core.search._execute import Found, execute
    from analysis.core.search._pair_kernels import write_pairs

    left = Distinct.of(x)
    right = None if y is None else Distinct.of(y)
    # An index looks up the rows of one set in the other: that costs least from the smaller one.
    swapped = right is not None and len(right) < len(left)
    one, two = (right, left) if right is not None and swapped else (left, right)
    equals = left.pairs_of_equals() if right is None else 0
    found = Found(one.sizes(), (one if two is None else two).sizes(), equals, max_pairs)
    if not found.full:
        bits = _bit_positions(hashes.n_bits)
        plan = choose_plan(one.words, None if two is None else two.words, bits, max_distance)
        execute(plan, one, two, max_distance=max_distance, found=found, threads=threads)
    hits1, hits2 = found.take()
    if swapped:
        hits1, hits2 = hits2, hits1
    if found.full:
        raise too_many_pairs(left, right, hits1, hits2, max_distance=max_distance, limit=max_pairs)
    other = left if right is None else right
    keys = np.empty(found.pairs, np.uint64)
    m = len(x) if y is None else len(y)
    write_pairs(hits1, hits2, left.starts, left.order, other.starts, other.order, right is None, m, keys)
    keys.sort()
    return keys
