"""All pairs of hashes within a Hamming distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import InvalidArray, TooManyPairs

_HUBS_NAMED = 10
_BLOCK_CELLS = 1 << 22


def hamming_join(
    first: PackedBits,
    second: PackedBits | None,
    max_distance: int,
    *,
    max_pairs: int = 50_000_000,
    threads: int | None = None,
) -> Pairs:
    """Find every pair of hashes at most `max_distance` bits apart.

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
        TooManyPairs: more than `max_pairs` pairs; names the rows of `first` that are in the most pairs.
    """
    if max_distance < 0:
        raise InvalidArray(f"A Hamming distance is 0 or more bits, not {max_distance}.")
    if second is not None and first.n_bits != second.n_bits:
        raise InvalidArray(
            f"Hashes of {first.n_bits} bits cannot be compared with hashes of {second.n_bits} bits.",
            remedy="Join hashes of one signal.",
        )
    del threads
    x = _words(first)
    y = x if second is None else _words(second)
    keys: list[NDArray[np.int64]] = []
    found = 0
    step = max(1, _BLOCK_CELLS // max(1, len(y)))
    for start in range(0, len(x), step):
        near = _distances(x[start : start + step], y) <= max_distance
        if second is None:
            near &= np.arange(start, start + len(near))[:, None] < np.arange(len(y))
        keys.append(np.flatnonzero(near) + start * len(y))
        found += len(keys[-1])
        if found > max_pairs:
            raise _too_many(x, y, np.concatenate(keys), max_distance, max_pairs, within=second is None)
    if not found:
        return Pairs.empty()
    a, b = np.divmod(np.concatenate(keys), len(y))
    distance = np.bitwise_count(x[a] ^ y[b]).sum(axis=1, dtype=np.float32)
    return Pairs(a, b, distance)


def _words(hashes: PackedBits) -> NDArray[np.uint64]:
    """The hashes as 64-bit words, shape (n, ceil(n_bits / 64)), padded with zeros."""
    packed = hashes.packed
    short = -packed.shape[1] % 8
    if short:
        packed = np.pad(packed, ((0, 0), (0, short)))
    return np.require(packed.view("<u8"), requirements="CA")


def _distances(x: NDArray[np.uint64], y: NDArray[np.uint64]) -> NDArray[np.int16]:
    total = np.zeros((len(x), len(y)), np.int16)
    for word in range(x.shape[1]):
        total += np.bitwise_count(x[:, None, word] ^ y[:, word])
    return total


def _too_many(
    x: NDArray[np.uint64],
    y: NDArray[np.uint64],
    keys: NDArray[np.int64],
    max_distance: int,
    limit: int,
    *,
    within: bool,
) -> TooManyPairs:
    a, b = np.divmod(keys, len(y))
    degree = np.bincount(a, minlength=len(x))
    if within:
        degree += np.bincount(b, minlength=len(x))
    rows = np.argsort(-degree, kind="stable")[:_HUBS_NAMED]
    hubs = [(int(r), int((_distances(x[r : r + 1], y) <= max_distance).sum()) - within) for r in rows]
    hubs.sort(key=lambda hub: (-hub[1], hub[0]))
    return TooManyPairs(
        f"More than {limit:,} pairs are at most {max_distance} bits apart; "
        f"row {hubs[0][0] + 1} alone is in {hubs[0][1]:,}.",
        limit=limit,
        hubs=hubs,
        remedy="Lower the distance, or leave out the images that are like all others (blank pages, flat colours).",
    )
