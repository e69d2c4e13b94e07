"""Compiled loop that turns pairs of distinct rows into pairs of rows."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def write_pairs(  # noqa: PLR0917  compiled functions take their arguments in order
    hits1: NDArray[np.uint32],
    hits2: NDArray[np.uint32],
    starts1: NDArray[np.int64],
    order1: NDArray[np.uint32],
    starts2: NDArray[np.int64],
    order2: NDArray[np.uint32],
    within: bool,
    m: int,
    keys: NDArray[np.uint64],
) -> None:
    """Write `a * m + b` for all pairs of rows that pairs of distinct rows stand for; within one set with a < b.

    Args:
        hits1: uint32, shape (h,), distinct rows of the first set.
        hits2: uint32, shape (h,), distinct rows of the second set.
        starts1: int64, shape (k + 1,), as in `Distinct`; order1, starts2 and order2 likewise.
        order1: uint32, shape (n,).
        starts2: int64, shape (l + 1,).
        order2: uint32, shape (m,).
        within: whether both sets are one; then pairs of equal rows are written too.
        m: number of rows of the second set.
        keys: uint64, receives the keys, in no order.
    """
    count = 0
    for h in range(len(hits1)):
        for s in range(starts1[hits1[h]], starts1[hits1[h] + 1]):
            for t in range(starts2[hits2[h]], starts2[hits2[h] + 1]):
                a, b = np.uint64(order1[s]), np.uint64(order2[t])
                if within and a > b:
                    a, b = b, a
                keys[count] = a * np.uint64(m) + b
                count += 1
    if within:
        for k in range(len(starts1) - 1):
            for s in range(starts1[k], starts1[k + 1]):
                for t in range(s + 1, starts1[k + 1]):
                    a, b = np.uint64(order1[s]), np.uint64(order1[t])
                    if a > b:
                        a, b = b, a
                    keys[count] = a * np.uint64(m) + b
                    count += 1
