"""Cyclic sequences of bytes, compared by the highest correlation that one reaches with the other shifted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Pairs
from analysis.core.errors import InvalidArray
from analysis.core.metrics._rows import rectangle
from analysis.core.search import circular_distances, circular_join


@dataclass(frozen=True, slots=True)
class CorrelationDistance:
    """1 minus a correlation that is 0 at least: 0 to 1. A `Scale`."""

    @property
    def unit(self) -> str:
        """See `Scale`."""
        return "correlation distance"

    @property
    def largest(self) -> float:
        """See `Scale`."""
        return 1.0

    @property
    def unrelated(self) -> float:
        """Where pictures that have nothing in common lie: some shift of one always correlates with the other."""
        return 0.5

    @property
    def step(self) -> float:
        """See `Scale`."""
        return 0.001

    @property
    def places(self) -> int:
        """See `Scale`."""
        return 3

    def threshold(self, distance: float) -> float:
        """Rounded to float32, as measured distances are, so that a pair exactly at the threshold is within it."""
        if not 0 <= distance <= self.largest:
            raise InvalidArray(
                f"{distance:g} is no distance of correlations.",
                remedy="Give a number from 0 to 1; most copies lie below 0.05, a correlation of 0.95.",
            )
        return float(np.float32(distance))

    def number(self, distance: float) -> str:
        """See `Scale`."""
        return f"{distance:g}"

    def after(self, distance: float) -> str:
        """See `Scale`."""
        return f"(correlation {round(1 - distance, self.places):g})"

    def words(self, distance: float) -> str:
        """See `Scale`."""
        return f"{round(distance, self.places):g} {self.after(distance)}"


@dataclass(frozen=True, slots=True)
class CircularCorrelation:
    """Sequences of `n_values` bytes; see `analysis.core.search.circular`."""

    n_values: int

    @property
    def scale(self) -> CorrelationDistance:
        """See `Metric`."""
        return CorrelationDistance()

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
