"""Carry out a plan on all cores, and stop when the pairs outgrow what the caller accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from analysis.core.search._bits import LANES
from analysis.core.search._block_kernels import join_blocks
from analysis.core.search._distinct import Distinct
from analysis.core.search._index_kernels import bucket_sort, join_buckets
from analysis.core.search.plan import FOLD_LIMIT, Chunk, Plan

_CAPACITY = 1 << 16
_ROWS_PER_TASK = 4096

Rows = NDArray[np.uint32]
Step = Callable[[NDArray[np.int64], Rows, Rows], int]


class Found:
    """Pairs of distinct rows found so far, from all threads.

    Attributes:
        full: whether they stand for more pairs of rows than the limit; then the search stops.
    """

    def __init__(self, sizes1: NDArray[np.int64], sizes2: NDArray[np.int64], pairs: int, limit: int) -> None:
        self._sizes1, self._sizes2 = sizes1, sizes2
        self._plain = bool((sizes1 == 1).all() and (sizes2 == 1).all())
        self._pairs, self._limit = pairs, limit
        self._parts: list[tuple[Rows, Rows]] = []
        self._lock = Lock()
        self.full = pairs > limit

    @property
    def pairs(self) -> int:
        """Number of pairs of rows that the pairs of distinct rows stand for, pairs of equal rows included."""
        return self._pairs

    def run(self, step: Step, state: list[int]) -> None:
        """Call a kernel until it is done, or until there are too many pairs."""
        position = np.array(state, np.int64)
        out1, out2 = np.empty(_CAPACITY, np.uint32), np.empty(_CAPACITY, np.uint32)
        while position[0] >= 0 and not self.full:
            count = step(position, out1, out2)
            if count:
                self._add(out1[:count].copy(), out2[:count].copy())

    def _add(self, hits1: Rows, hits2: Rows) -> None:
        pairs = len(hits1) if self._plain else int((self._sizes1[hits1] * self._sizes2[hits2]).sum())
        with self._lock:
            self._parts.append((hits1, hits2))
            self._pairs += pairs
            self.full = self._pairs > self._limit

    def take(self) -> tuple[Rows, Rows]:
        """All pairs of distinct rows, uint32, shape (h,) each; they are held no longer."""
        parts, self._parts = self._parts, []
        none = [np.empty(0, np.uint32)]
        return np.concatenate([p[0] for p in parts] or none), np.concatenate([p[1] for p in parts] or none)


@dataclass(frozen=True, slots=True, eq=False)
class _Buckets:
    """Rows in the order of one chunk's keys; the arguments of `join_buckets`."""

    words: NDArray[np.uint64]
    heads: NDArray[np.uint64]
    rows: Rows
    starts: Rows

    @classmethod
    def of(cls, words: NDArray[np.uint64], folds: NDArray[np.uint64], bits: NDArray[np.int64]) -> _Buckets:
        starts = np.zeros((1 << len(bits)) + 1, np.uint32)
        heads = np.zeros(len(words) + LANES, np.uint64)
        rows = np.empty(len(words), np.uint32)
        bucket_sort(words, folds, bits, starts, heads, rows)
        return cls(words, heads, rows, starts)


def execute(plan: Plan, x: Distinct, y: Distinct | None, *, max_distance: int, found: Found, threads: int) -> None:
    """Add to `found` each pair of distinct rows within the distance, once."""
    with ThreadPoolExecutor(threads) as pool:
        join = _Join(x.words, None if y is None else y.words, np.uint64(max_distance), found, pool)
        if plan.chunks:
            join.by_index(plan.chunks)
        else:
            join.by_blocks()


@dataclass(frozen=True, slots=True, eq=False)
class _Join:
    x: NDArray[np.uint64]
    y: NDArray[np.uint64] | None
    limit: np.uint64
    found: Found
    pool: ThreadPoolExecutor

    def by_index(self, chunks: tuple[Chunk, ...]) -> None:
        sides = [(words, fold(words)) for words in ((self.x,) if self.y is None else (self.x, self.y))]

        def build(chunk: Chunk) -> list[Future[_Buckets]]:
            return [self.pool.submit(_Buckets.of, words, folds, chunk.bits) for words, folds in sides]

        masks = np.stack([chunk.mask(self.x.shape[1]) for chunk in chunks])
        radii = np.array([chunk.radius for chunk in chunks], np.uint64)
        coming = build(chunks[0])
        for c, chunk in enumerate(chunks):
            buckets = [future.result() for future in coming]
            # The next index is built while this one is read: two of them at most are held at a time.
            coming = build(chunks[c + 1]) if c + 1 < len(chunks) else []
            step = self._key_range_step(buckets[0], buckets[-1], chunk, masks[:c], radii[:c])
            keys = 1 << len(chunk.bits)
            stride = max(1, min(keys, _ROWS_PER_TASK * keys // len(buckets[-1].rows)))
            self._run((step(first, min(first + stride, keys)), [0, first, -1, 0]) for first in range(0, keys, stride))
            if self.found.full:
                return

    def _key_range_step(
        self, left: _Buckets, right: _Buckets, chunk: Chunk, masks: NDArray[np.uint64], radii: NDArray[np.uint64]
    ) -> Callable[[int, int], Step]:
        flips = chunk.flips()

        def step(first: int, last: int) -> Step:
            return lambda state, out1, out2: join_buckets(
                left.words, left.heads, left.rows, left.starts,
                right.words, right.heads, right.rows, right.starts,
                self.y is None, first, last, flips, self.limit, masks, radii,
                state, out1, out2,
            )  # fmt: skip

        return step

    def by_blocks(self) -> None:
        x, y = self.x, self.x if self.y is None else self.y
        left, right = (x, y) if self.limit > FOLD_LIMIT else (fold(x)[:, None], fold(y)[:, None])
        columns = np.zeros((right.shape[1], len(right) + LANES), np.uint64)
        columns[:, : len(right)] = right.T

        def step(first: int) -> Step:
            last = min(first + _ROWS_PER_TASK, len(x))
            return lambda state, out1, out2: join_blocks(
                left, x, columns, y, self.y is None, first, last, self.limit, state, out1, out2
            )

        self._run(
            (step(first), [first // LANES * LANES if self.y is None else 0, first])
            for first in range(0, len(x), _ROWS_PER_TASK)
        )

    def _run(self, work: Iterator[tuple[Step, list[int]]]) -> None:
        for future in [self.pool.submit(self.found.run, step, state) for step, state in work]:
            future.result()


def fold(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Xor of a row's words, each turned by another amount: rows are at least as far apart as their folds.

    Turned, because the words of the hash of a picture resemble each other and would cancel out.

    Args:
        words: uint64, shape (n, width).

    Returns:
        uint64, shape (n,); the rows themselves if they are one word wide.
    """
    value = words[:, 0]
    for w in range(1, words.shape[1]):
        turn = np.uint64(w * 23 % 63 + 1)
        value = value ^ (words[:, w] << turn | words[:, w] >> (np.uint64(64) - turn))
    return value
