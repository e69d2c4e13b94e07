"""Compiled loops of the bucket index: keys, buckets, and pairs of buckets that lie within a chunk's radius."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.core.search._bits import LANES, lowest_bit, near_lanes, popcount

TILE = 1024
"""Rows compared with one another in turn: few enough to stay in the first-level cache."""


@njit(cache=True, nogil=True)
def bucket_sort(  # noqa: PLR0917  compiled functions take their arguments in order
    words: NDArray[np.uint64],
    heads: NDArray[np.uint64],
    bits: NDArray[np.int64],
    starts: NDArray[np.uint32],
    out_heads: NDArray[np.uint64],
    out_rows: NDArray[np.uint32],
) -> None:
    """Order rows by the key that the given bits form: a counting sort.

    Args:
        words: uint64, shape (n, width).
        heads: uint64, shape (n,), the fold of each row.
        bits: int64, the positions of the key's bits, 64 * word + shift.
        starts: uint32, shape (2 ** len(bits) + 1,), zero; becomes where each bucket starts.
        out_heads: uint64, shape (n + LANES,), the folds in bucket order.
        out_rows: uint32, shape (n,), the rows in bucket order.
    """
    n = len(words)
    width = len(bits)
    keys = np.empty(n, np.uint32)
    for i in range(n):
        key = np.uint64(0)
        for t in range(width):
            key |= ((words[i, bits[t] >> 6] >> np.uint64(bits[t] & 63)) & np.uint64(1)) << np.uint64(t)
        keys[i] = key
        starts[key + np.uint64(1)] += np.uint32(1)
    for k in range(1, len(starts)):
        starts[k] += starts[k - 1]
    for i in range(n):
        place = starts[keys[i]]
        starts[keys[i]] = place + np.uint32(1)
        out_heads[place] = heads[i]
        out_rows[place] = np.uint32(i)
    for k in range(len(starts) - 1, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0


@njit(cache=True, nogil=True)
def next_near(  # noqa: PLR0917  compiled functions take their arguments in order
    rows: NDArray[np.uint64], first: int, last: int | np.int64, values: NDArray[np.uint64], lane: int, limit: np.uint64
) -> int:
    """The first row of a range that is within `limit` bits of any of LANES values; `last` if none is.

    A loop of its own, so that nothing that a hit needs takes registers from it.
    """
    i = first
    while i + 4 <= last and (
        near_lanes(values, lane, rows, i, limit)
        | near_lanes(values, lane, rows, i + 1, limit)
        | near_lanes(values, lane, rows, i + 2, limit)
        | near_lanes(values, lane, rows, i + 3, limit)
    ) == np.uint64(0):
        i += 4
    while i < last and near_lanes(values, lane, rows, i, limit) == np.uint64(0):
        i += 1
    return i


@njit(cache=True, nogil=True)
def _accept(
    x: NDArray[np.uint64], y: NDArray[np.uint64], limit: np.uint64, masks: NDArray[np.uint64], radii: NDArray[np.uint64]
) -> bool:
    """Whether two rows are within `limit` bits and no chunk before this one has found them already."""
    distance = np.uint64(0)
    for w in range(len(x)):
        distance += popcount(x[w] ^ y[w])
    if distance > limit:
        return False
    for c in range(len(radii)):
        apart = np.uint64(0)
        for w in range(len(x)):
            apart += popcount((x[w] ^ y[w]) & masks[c, w])
        if apart <= radii[c]:
            return False
    return True


@njit(cache=True, nogil=True)
def join_buckets(  # noqa: PLR0917  compiled functions take their arguments in order
    words1: NDArray[np.uint64],
    heads1: NDArray[np.uint64],
    rows1: NDArray[np.uint32],
    starts1: NDArray[np.uint32],
    words2: NDArray[np.uint64],
    heads2: NDArray[np.uint64],
    rows2: NDArray[np.uint32],
    starts2: NDArray[np.uint32],
    within: bool,
    first_key: int,
    last_key: int,
    flips: NDArray[np.int64],
    limit: np.uint64,
    masks: NDArray[np.uint64],
    radii: NDArray[np.uint64],
    state: NDArray[np.int64],
    out1: NDArray[np.uint32],
    out2: NDArray[np.uint32],
) -> int:
    """Find the pairs whose keys differ by one of `flips`, for the keys of one range.

    Args:
        words1: uint64, shape (n, width), the distinct rows of the first set.
        heads1: uint64, shape (n + LANES,), their folds in bucket order.
        rows1: uint32, shape (n,), their numbers in bucket order.
        starts1: uint32, shape (keys + 1,), where each bucket starts.
        words2: as `words1`, for the second set (the same arrays within one set); so are heads2, rows2, starts2.
        within: whether both sets are one: then each pair comes once.
        first_key: first key of the range.
        last_key: key after the range.
        flips: int64, ascending, the xor from a key to each of its neighbours.
        limit: largest distance in bits.
        masks: uint64, shape (c, width), bits of the chunks joined before this one.
        radii: uint64, shape (c,), their radii.
        state: int64, shape (4,), where to go on: [0, first_key, -1, 0] to begin with; state[0] is -1 at the end.
        out1: uint32, shape (capacity,), receives rows of the first set; capacity at least TILE * LANES.
        out2: uint32, shape (capacity,), receives rows of the second set.

    Returns:
        Number of pairs written. Call again with the same state until state[0] is -1.
    """
    count = 0
    capacity = len(out1)
    begin_flip, begin_key, begin_lane, begin_tile = int(state[0]), int(state[1]), int(state[2]), int(state[3])
    for f in range(begin_flip, len(flips)):
        flip = flips[f]
        for key in range(begin_key if f == begin_flip else first_key, last_key):
            other = key ^ flip
            if within and other < key:
                continue
            s1, e1 = np.int64(starts1[key]), np.int64(starts1[key + 1])
            s2, e2 = np.int64(starts2[other]), np.int64(starts2[other + 1])
            if s1 == e1 or s2 == e2:
                continue
            triangle = within and flip == 0
            resumed = begin_lane >= 0 and f == begin_flip and key == begin_key
            for lane in range(begin_lane if resumed else s2, e2, LANES):
                # Rows outside and lanes inside would read as much, but leave loops of one or two turns.
                for tile in range(begin_tile if resumed and lane == begin_lane else s1, e1, TILE):
                    if count + TILE * LANES > capacity:
                        state[0], state[1], state[2], state[3] = f, key, lane, tile
                        return count
                    tile_end = tile + TILE if tile + TILE < e1 else e1
                    i = next_near(heads1, tile, tile_end, heads2, lane, limit)
                    while i < tile_end:
                        hits = near_lanes(heads2, lane, heads1, i, limit)
                        while hits != 0:
                            j = lane + np.int64(lowest_bit(hits))
                            hits &= hits - np.uint64(1)
                            if j < e2 and (i < j or not triangle):
                                u, v = rows1[i], rows2[j]
                                if _accept(words1[u], words2[v], limit, masks, radii):
                                    out1[count] = u
                                    out2[count] = v
                                    count += 1
                        i = next_near(heads1, i + 1, tile_end, heads2, lane, limit)
    state[0] = -1
    return count
