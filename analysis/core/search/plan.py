"""How to join two sets of hashes: which bits form the keys of a bucket index, and when brute force is cheaper.

General pigeonhole principle: split the bits of a hash into chunks and give chunk c the radius r_c. If two hashes are
at most d bits apart and the sum of (r_c + 1) is d + 1, then some chunk c is at most r_c bits apart. So it is enough to
compare rows whose keys agree in one chunk within its radius (Norouzi, Punjani, Fleet 2014, "Fast exact search in
Hamming space with multi-index hashing"; Qin et al. 2018, "GPH: similarity search in Hamming space"). Bits that no
chunk uses do not weaken this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb, exp

import numpy as np
from numpy.typing import NDArray

# Nanoseconds on one core, measured on a machine of 2024 with 512-bit vectors. Only their ratios matter, and only for
# speed: every plan gives the same pairs.
_BUCKET_PAIR = 4.0
_VECTOR_OF_BUCKET_PAIR = 4.0
_VECTOR = 0.3
_WORD_OF_VECTOR = 0.8
_ROW_INDEXED = 30.0
_KEY_INDEXED = 2.0
_LANES = 8

_WIDTHS = range(8, 25)
_LARGEST_RADIUS = 5
_SAMPLE = 512
FOLD_LIMIT = 20
"""Largest distance at which 64 folded bits still turn away nearly all pairs of unrelated hashes."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """One key of the index.

    Attributes:
        bits: int64, positions of the key's bits, 64 * word + shift.
        radius: largest distance in these bits at which two rows are compared.
    """

    bits: NDArray[np.int64]
    radius: int

    def flips(self) -> NDArray[np.int64]:
        """All keys of at most `radius` bits, ascending: xor with them gives the neighbours of a key."""
        width = len(self.bits)
        return np.array(
            sorted(
                sum(1 << t for t in chosen) for r in range(self.radius + 1) for chosen in combinations(range(width), r)
            ),
            np.int64,
        )

    def mask(self, words: int) -> NDArray[np.uint64]:
        """The chunk's bits as a row of `words` 64-bit words."""
        mask = np.zeros(words, np.uint64)
        np.bitwise_or.at(mask, self.bits >> 6, np.uint64(1) << (self.bits & 63).astype(np.uint64))
        return mask


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Chunks of an index, or none for blocked brute force.

    Attributes:
        chunks: disjoint chunks whose radii satisfy the pigeonhole principle; empty for brute force.
        cost: estimated seconds on one core.
    """

    chunks: tuple[Chunk, ...]
    cost: float

    def __str__(self) -> str:
        if not self.chunks:
            return "blocks (brute force)"
        widths = ", ".join(str(len(chunk.bits)) for chunk in self.chunks)
        radii = ", ".join(str(chunk.radius) for chunk in self.chunks)
        return f"index over {len(self.chunks)} chunks of {widths} bits, radii {radii}"


def choose_plan(
    x: NDArray[np.uint64], y: NDArray[np.uint64] | None, bits: NDArray[np.int64], max_distance: int
) -> Plan:
    """Choose the cheapest way to join.

    The data counts: bits of real hashes are neither balanced nor independent, so a sample decides which bits form
    a key, and how many candidates each key brings.

    Args:
        x: uint64, shape (n, words), distinct rows; the smaller set where there are two.
        y: uint64, shape (m, words), distinct rows, or None to join x with itself.
        bits: int64, positions of the bits that a hash has, 64 * word + shift.
        max_distance: largest distance in bits.
    """
    m = len(x) if y is None else len(y)
    halves = 0.5 if y is None else 1.0
    words = x.shape[1]
    vector = _VECTOR if words == 1 or max_distance <= FOLD_LIMIT else _WORD_OF_VECTOR * words
    best = Plan((), 1e-9 * halves * len(x) * m / _LANES * vector)
    shapes = sorted(_shapes(len(x), m, len(bits), max_distance, halves))
    if not shapes or shapes[0][0] >= best.cost:
        return best
    sample = _Sample(x, y, bits)
    for least, shape in shapes:
        if least >= best.cost:
            break
        chunks = sample.chunks(shape)
        cost = sum(_chunk_cost(len(x), m, len(c.bits), c.radius, halves=halves, share=sample.share(c)) for c in chunks)
        if cost < best.cost:
            best = Plan(chunks, cost)
    return best


Shape = tuple[tuple[int, int], ...]
"""Width and radius of each chunk."""


def _shapes(n: int, m: int, n_bits: int, max_distance: int, halves: float) -> Iterator[tuple[float, Shape]]:
    """For each number of chunks, the widths that cost least on independent balanced bits, with that cost."""
    cost = {
        (width, radius): _chunk_cost(n, m, width, radius, halves=halves, share=0.0)
        for width in _WIDTHS
        for radius in range(_LARGEST_RADIUS + 1)
    }
    for count in range(1, min(max_distance + 1, n_bits // _WIDTHS[0]) + 1):
        radius, larger = divmod(max_distance + 1 - count, count)
        if radius + (larger > 0) > _LARGEST_RADIUS:
            continue
        dealt = [
            ((wide, radius + 1),) * larger + ((narrow, radius),) * (count - larger)
            for narrow in _WIDTHS
            for wide in (_WIDTHS[narrow - _WIDTHS[0] :] if larger else (0,))
            if larger * wide + (count - larger) * narrow <= n_bits
        ]
        if dealt:
            yield min((sum(cost[chunk] for chunk in shape), shape) for shape in dealt)


def _chunk_cost(n: int, m: int, width: int, radius: int, *, halves: float, share: float) -> float:
    """Seconds on one core to join over one chunk, where at least `share` of all pairs become candidates."""
    keys = 1 << width
    flips = sum(comb(width, r) for r in range(radius + 1))
    occupied1, occupied2 = 1.0 - exp(-n / keys), 1.0 - exp(-m / keys)
    index = _ROW_INDEXED * (m if halves < 1 else n + m) + _KEY_INDEXED * keys
    # A bucket fills its last vector by half; what stands in it decides how many others it needs.
    bucket_pairs = (
        keys * flips * (_BUCKET_PAIR + _VECTOR_OF_BUCKET_PAIR * (occupied1 * occupied2 / 2 + m / keys / _LANES))
    )
    vectors = n * flips * occupied2 / 2 + n * m * max(share, flips / keys) / _LANES
    return 1e-9 * (index + halves * (bucket_pairs + _VECTOR * vectors))


class _Sample:
    """A few hundred rows of each set, to learn how their bits behave."""

    def __init__(self, x: NDArray[np.uint64], y: NDArray[np.uint64] | None, bits: NDArray[np.int64]) -> None:
        rng = np.random.default_rng(0)
        self._bits = bits
        self._x = self._draw(x, rng)
        self._y = None if y is None else self._draw(y, rng)
        drawn = (self._x if self._y is None else np.concatenate([self._x, self._y])).astype(np.float64)
        ones = drawn.mean(axis=0)
        drawn = (drawn - ones) / np.sqrt(np.maximum(ones * (1 - ones), 1e-12))
        self._related = (drawn.T @ drawn / len(drawn)) ** 2
        self._unbalanced = np.log2(ones**2 + (1 - ones) ** 2)

    def _draw(self, rows: NDArray[np.uint64], rng: np.random.Generator) -> NDArray[np.int64]:
        chosen = rows[rng.choice(len(rows), min(_SAMPLE, len(rows)), replace=False, shuffle=False)]
        bits = chosen[:, self._bits >> 6] >> (self._bits & 63).astype(np.uint64)
        return (bits & np.uint64(1)).astype(np.int64)

    def chunks(self, shape: Shape) -> tuple[Chunk, ...]:
        """Deal out bits so that those of one key are balanced and say little about each other."""
        used = np.zeros(len(self._bits))
        burden = [self._unbalanced.copy() for _ in shape]
        dealt: list[list[int]] = [[] for _ in shape]
        for turn in range(max(width for width, _ in shape)):
            for chunk, (width, _) in enumerate(shape):
                if turn < width:
                    bit = int(np.argmin(burden[chunk] + used))
                    used[bit] = np.inf
                    dealt[chunk].append(bit)
                    burden[chunk] += self._related[bit]
        return tuple(Chunk(self._bits[bits], radius) for bits, (_, radius) in zip(dealt, shape, strict=True))

    def share(self, chunk: Chunk) -> float:
        """Share of sampled pairs whose keys lie within the chunk's radius."""
        columns = np.flatnonzero(np.isin(self._bits, chunk.bits))
        values = np.int64(1) << np.arange(len(columns))
        left = self._x[:, columns] @ values
        right = left if self._y is None else self._y[:, columns] @ values
        near = int((np.bitwise_count(left[:, None] ^ right) <= chunk.radius).sum())
        if self._y is None:  # each row is near itself
            return (near - len(left)) / (len(left) * max(1, len(left) - 1))
        return near / (len(left) * len(right))
