"""Packed bits, compared by how many of them differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.metrics._rows import rectangle
from analysis.core.scales import Bits
from analysis.core.search import hamming_join


@dataclass(frozen=True, slots=True)
class Hamming:
    """Hashes of `n_bits` bits, packed as `numpy.packbits` does."""

    n_bits: int

    @property
    def scale(self) -> Bits:
        """See `Metric`."""
        return Bits(self.n_bits)

    @property
    def width(self) -> int:
        """See `Metric`."""
        return -(-self.n_bits // 8)

    @property
    def typical_width(self) -> int:
        """See `Metric`."""
        return self.width

    def stack(self, rows: list[bytes] | NDArray[np.uint8]) -> PackedBits:
        """See `Metric`."""
        return PackedBits(rectangle(rows, self.width), self.n_bits)

    def stored(self, bits: PackedBits) -> NDArray[np.uint8]:
        """Hashes that a file lists, as they are stored."""
        return bits.packed

    def join(self, first: PackedBits, second: PackedBits | None, max_distance: float, *, max_pairs: int) -> Pairs:
        """See `Metric`."""
        return hamming_join(first, second, int(max_distance), max_pairs=max_pairs)

    def distance(self, one: bytes, other: bytes) -> float:
        """See `Metric`."""
        return float((int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count())
