"""Packed bits with bytes behind them that say something of the hash, such as its quality, and are not compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.metrics._rows import rectangle
from analysis.core.metrics.hamming import Hamming
from analysis.core.scales import Bits

NOT_KNOWN = 255
"""What stands in each byte behind a hash that was brought as bits alone."""


@dataclass(frozen=True, slots=True)
class TaggedHamming:
    """Hashes of `n_bits` bits, packed as `numpy.packbits` does, with `n_bytes` bytes behind each."""

    n_bits: int
    n_bytes: int

    @property
    def hamming(self) -> Hamming:
        """What compares the bits."""
        return Hamming(self.n_bits)

    @property
    def scale(self) -> Bits:
        """See `Metric`."""
        return self.hamming.scale

    @property
    def width(self) -> int:
        """See `Metric`."""
        return self.hamming.width + self.n_bytes

    @property
    def typical_width(self) -> int:
        """See `Metric`."""
        return self.hamming.width

    def stack(self, rows: list[bytes] | NDArray[np.uint8]) -> PackedBits:
        """See `Metric`."""
        return self.hamming.stack(rectangle(rows, self.width)[:, : self.hamming.width])

    def stored(self, bits: PackedBits) -> NDArray[np.uint8]:
        """Hashes that a file lists, as they are stored: what stood behind them is not known."""
        return np.pad(bits.packed, ((0, 0), (0, self.n_bytes)), constant_values=NOT_KNOWN)

    def join(self, first: PackedBits, second: PackedBits | None, max_distance: float, *, max_pairs: int) -> Pairs:
        """See `Metric`."""
        return self.hamming.join(first, second, max_distance, max_pairs=max_pairs)

    def distance(self, one: bytes, other: bytes) -> float:
        """See `Metric`."""
        bits = self.hamming.width
        return self.hamming.distance(one[:bits], other[:bits])
