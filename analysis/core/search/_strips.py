"""Run a compiled join over strips of rows on all cores, and stop when the pairs outgrow what the caller accepts."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np
from numpy.typing import NDArray

_CAPACITY = 1 << 15
_ROWS_AT_ONCE = 256

Part = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
"""Rows of the first set, rows of the second, distances."""

Step = Callable[[NDArray[np.int64], int, NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]], int]
"""(state, last_row, out1, out2, out_distance) -> pairs written; see `_float_kernels`."""


def join_strips(rows: int, step: Step, *, max_pairs: int, threads: int | None) -> tuple[Part, bool]:
    """Call a kernel on strips of the first set's rows until all are done, or until there are too many pairs.

    Args:
        rows: number of rows of the first set.
        step: the kernel with its data.
        max_pairs: largest number of pairs that the caller accepts.
        threads: number of threads; all cores when None.

    Returns:
        The pairs found, in no order, and whether they are more than `max_pairs`; then they are not all.
    """
    parts: list[Part] = []
    found = 0
    lock = Lock()

    def strip(first_row: int) -> None:
        nonlocal found
        state = np.array([first_row, 0], np.int64)
        out1, out2, distance = (
            np.empty(_CAPACITY, np.int64),
            np.empty(_CAPACITY, np.int64),
            np.empty(_CAPACITY, np.float32),
        )
        while state[0] >= 0 and found <= max_pairs:
            count = step(state, min(first_row + _ROWS_AT_ONCE, rows), out1, out2, distance)
            with lock:
                parts.append((out1[:count].copy(), out2[:count].copy(), distance[:count].copy()))
                found += count

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for _ in pool.map(strip, range(0, rows, _ROWS_AT_ONCE)):
            pass
    none: Part = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    a, b, distances = (np.concatenate(column) for column in zip(none, *parts, strict=True))
    return (a, b, distances), found > max_pairs
