"""How the descriptors of a signal lie in storage and are compared: bytes in, exact joins out."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Pairs
from analysis.core.metrics.circular import CircularCorrelation
from analysis.core.metrics.euclidean import EuclideanDistance
from analysis.core.metrics.hamming import Hamming
from analysis.core.metrics.segments import Segments
from analysis.core.metrics.tagged import NOT_KNOWN, TaggedHamming
from analysis.core.scales import Scale

__all__ = ["NOT_KNOWN", "CircularCorrelation", "EuclideanDistance", "Hamming", "Metric", "Segments", "TaggedHamming"]

Stack = TypeVar("Stack")


class Metric(Protocol[Stack]):
    """Compares descriptors that are stored as bytes; a `Stack` holds those of n images, as the join takes them."""

    @property
    def scale(self) -> Scale:
        """What its distances are counted in."""
        ...

    @property
    def width(self) -> int | None:
        """Bytes of one descriptor; None where they vary."""
        ...

    @property
    def typical_width(self) -> int:
        """Bytes that one descriptor takes in a join, about: decides how many images make a block."""
        ...

    def stack(self, rows: list[bytes] | NDArray[np.uint8]) -> Stack:
        """The descriptors of n images.

        Args:
            rows: uint8, shape (n, width); a list of n bytes where the width varies.

        Raises:
            InvalidArray: bytes that are no such descriptor.
        """
        ...

    def join(self, first: Stack, second: Stack | None, max_distance: float, *, max_pairs: int) -> Pairs:
        """Every pair of images at most `max_distance` apart, as rows; of one stack each pair once, a < b.

        Raises:
            TooManyPairs: more than `max_pairs`.
        """
        ...

    def distance(self, one: bytes, other: bytes) -> float:
        """The distance of two descriptors: what the join says of them, to the last bit."""
        ...
