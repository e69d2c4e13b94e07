"""What every hash of n x n bits states about itself in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._base import HashBase
from analysis.core.hashes._rendition import Rendition
from analysis.core.metrics import Hamming


@dataclass(frozen=True)
class SquareHash(HashBase, ABC):
    """A hash of `size` x `size` bits in several sizes; subclasses add `compute`.

    Args:
        size: bits along each side.
        default_distance: largest Hamming distance, in bits, at which two images are worth a look.

    Attributes:
        key: first part of the name.
        label: first part of the title.
        summary: one sentence on what it finds and what it misses.
        at_import: see `Hash`; they share the exact reductions, which cost less than the decoding.
    """

    size: int
    default_distance: int

    key: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    at_import: ClassVar[bool] = True

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

    @property
    def metric(self) -> Hamming:
        """Hamming distance over all bits."""
        return Hamming(self.n_bits)

    @abstractmethod
    def compute(self, rendition: Rendition) -> NDArray[np.bool_]:
        """The bits of one image: bool, shape (n_bits,)."""

    def describe(self, rendition: Rendition) -> NDArray[np.uint8]:
        """The bits packed as `numpy.packbits` does: uint8, shape (ceil(n_bits / 8),)."""
        return np.packbits(self.compute(rendition))
