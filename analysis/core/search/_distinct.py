"""Equal hashes joined once: a blank page that occurs 5,000 times is one row, not 12 million comparisons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """Rows that stand for all rows equal to them.

    Attributes:
        words: uint64, shape (k, width), distinct rows (but for a collision of fingerprints, which costs only time).
        starts: int64, shape (k + 1,); rows `order[starts[i] : starts[i + 1]]` of the set equal distinct row i.
        order: uint32, shape (n,).
    """

    words: NDArray[np.uint64]
    starts: NDArray[np.int64]
    order: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def of(cls, words: NDArray[np.uint64]) -> Distinct:
        """Find the distinct rows of uint64 (n, width)."""
        order = np.argsort(_fingerprint(words)).astype(np.uint32)
        ordered = words[order]
        new = np.ones(len(words), np.bool_)
        new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        starts = np.append(np.flatnonzero(new), len(words))
        return cls(ordered if len(starts) > len(words) else ordered[new], starts, order)

    def sizes(self) -> NDArray[np.int64]:
        """Number of rows that each distinct row stands for, int64, shape (k,)."""
        return np.diff(self.starts)

    def pairs_of_equals(self) -> int:
        """Number of pairs of equal rows."""
        sizes = self.sizes()
        return int((sizes * (sizes - 1) // 2).sum())

    def first_row(self, distinct: int) -> int:
        """The first row of the set that equals a distinct row."""
        return int(self.order[self.starts[distinct] : self.starts[distinct + 1]].min())


def _fingerprint(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One value for each row, equal for equal rows and scattered for others; the row itself if it is one word."""
    value = words[:, 0]
    for w in range(1, words.shape[1]):
        value = (value ^ (value >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + words[:, w]
    return value
