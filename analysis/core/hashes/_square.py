"""What every hash of n x n bits states about itself in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class SquareHash:
    """A hash of `size` x `size` bits in several sizes; subclasses add `compute`.

    Args:
        size: bits along each side.
        default_distance: largest Hamming distance, in bits, at which two images are worth a look.

    Attributes:
        key: first part of the name.
        label: first part of the title.
        summary: one sentence on what it finds and what it misses.
    """

    size: int
    default_distance: int

    key: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]

    @property
    def name(self) -> str:
        """Name of the signal, e.g. ``phash-8``."""
        return f"{self.key}-{self.size}"

    @property
    def title(self) -> str:
        """Name for people, e.g. ``pHash, 64 bits``."""
        return f"{self.label}, {self.n_bits} bits"

    @property
    def n_bits(self) -> int:
        """Number of bits."""
        return self.size * self.size
