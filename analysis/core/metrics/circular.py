"""Cyclic sequences of bytes, compared by the highest correlation that one reaches with the other shifted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Pairs
from analysis.core.metrics._rows import rectangle
from analysis.core.scales import Correlation
from analysis.core.search import circular_distances, circular_join


@dataclass(frozen=True, slots=True)
class CircularCorrelation:
    """Sequences of `n_values` bytes; see `analysis.core.search.circular`."""

    n_values: int

    @property
    def scale(self) -> Correlation:
        """See `Metric`."""
        return Correlation()

    @property
    def width(self) -> int:
        """See `Metric`."""
        return self.n_values

    @property
    def typical_width(self) -> int:
        """Each value stands there as a number three times, once of them in half of its frequencies."""
        return 14 * self.n_values

    def stack(self, rows: list[bytes] | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """See `Metric`."""
        return rectangle(rows, self.n_values)

    def join(
        self, first: NDArray[np.uint8], second: NDArray[np.uint8] | None, max_distance: float, *, max_pairs: int
    ) -> Pairs:
        """See `Metric`."""
        return circular_join(first, second, max_distance, max_pairs=max_pairs)

    def distance(self, one: bytes, other: bytes) -> float:
        """See `Metric`."""
        return float(circular_distances(self.stack([one]), self.stack([other]))[0])
