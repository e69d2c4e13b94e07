"""Compiled brute force in blocks, for where an index would compare nearly everything anyway."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.core.search._bits import LANES, lowest_bit, near_lanes, near_lanes_of_words, popcount
from analysis.core.search._index_kernels import TILE, next_near


@njit(cache=True, nogil=True)
def join_blocks(  # noqa: PLR0917  compiled functions take their arguments in order
    filter1: NDArray[np.uint64],
    words1: NDArray[np.uint64],
    columns2: NDArray[np.uint64],
    words2: NDArray[np.uint64],
    within: bool,
    first_row: int,
    last_row: int,
    limit: np.uint64,
    state: NDArray[np.int64],
    out1: NDArray[np.uint32],
    out2: NDArray[np.uint32],
) -> int:
    """Compare rows of one range of the first set with all rows of the second.

    Args:
        filter1: uint64, shape (n, k): the words that are compared first, all of them or one fold.
        words1: uint64, shape (n, width).
        columns2: uint64, shape (k, m + LANES), the same words of the second set, word by word.
        words2: uint64, shape (m, width).
        within: whether both sets are one: then only pairs with the first row below the second.
        first_row: first row of the range.
        last_row: row after the range.
        limit: largest distance in bits.
        state: int64, shape (2,), where to go on: [first lane, first_row] to begin with; state[0] is -1 at the end.
        out1: uint32, shape (capacity,), receives rows of the first set; capacity at least TILE * LANES.
        out2: uint32, shape (capacity,), receives rows of the second set.

    Returns:
        Number of pairs written. Call again with the same state until state[0] is -1.
    """
    count = 0
    capacity = len(out1)
    m, width = words2.shape
    stride = columns2.shape[1]
    single = len(columns2) == 1
    columns, rows = columns2.reshape(-1), filter1.reshape(-1)
    begin_lane, begin_tile = int(state[0]), int(state[1])
    for lane in range(begin_lane, m, LANES):
        end = min(last_row, lane + LANES) if within else last_row
        for tile in range(begin_tile if lane == begin_lane else first_row, end, TILE):
            if count + TILE * LANES > capacity:
                state[0], state[1] = lane, tile
                return count
            tile_end = tile + TILE if tile + TILE < end else end
            i = tile
            while i < tile_end:
                if single:
                    i = next_near(rows, i, tile_end, columns, lane, limit)
                    if i == tile_end:
                        break
                    hits = near_lanes(columns, lane, rows, i, limit)
                else:
                    hits = near_lanes_of_words(columns, stride, lane, filter1, i, limit)
                while hits != 0:
                    j = lane + np.int64(lowest_bit(hits))
                    hits &= hits - np.uint64(1)
                    if j < m and (i < j or not within):
                        distance = np.uint64(0)
                        for w in range(width):
                            distance += popcount(words1[i, w] ^ words2[j, w])
                        if distance <= limit:
                            out1[count] = i
                            out2[count] = j
                            count += 1
                i += 1
    state[0] = -1
    return count
