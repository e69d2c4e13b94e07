"""Compiled work on ranges of rows, shared out among the cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

FEW_ROWS = 500
"""Up to here handing work to a thread takes longer than the work."""


class Threads:
    """Threads that outlive single calls; a context manager that ends them."""

    def __init__(self) -> None:
        self._count = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def over(self, rows: int, work: Callable[[int, int], object]) -> None:
        """Call `work(first, last)` for ranges that make up all rows; it must release the interpreter's lock.

        Each row's result is computed alone, so it does not depend on the number of threads.
        """
        if rows <= FEW_ROWS or self._count == 1:
            work(0, rows)
            return
        # More parts than threads: a core that someone else uses does not hold up the rest.
        part = -(-rows // (4 * self._count))
        for done in [self._pool.submit(work, at, min(at + part, rows)) for at in range(0, rows, part)]:
            done.result()
