"""Vectors of real numbers, compared by the length of their difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Pairs
from analysis.core.errors import InvalidArray
from analysis.core.metrics._rows import rectangle
from analysis.core.scales import Euclidean
from analysis.core.search import euclidean_distances, euclidean_join


@dataclass(frozen=True, slots=True)
class EuclideanDistance:
    """Vectors of `dim` numbers, stored as little-endian float64.

    Attributes:
        dim: number of dimensions.
        factor: what the length of a difference is multiplied by.
        scale: see `Metric`.
    """

    dim: int
    factor: float
    scale: Euclidean

    @property
    def width(self) -> int:
        """See `Metric`."""
        return 8 * self.dim

    @property
    def typical_width(self) -> int:
        """See `Metric`."""
        return 2 * self.width

    def stack(self, rows: list[bytes] | NDArray[np.uint8]) -> NDArray[np.float64]:
        """See `Metric`."""
        values = np.ascontiguousarray(rectangle(rows, self.width)).view("<f8").astype(np.float64)
        wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if wrong.size:
            raise InvalidArray(f"Vector {int(wrong[0]) + 1} has values that are not finite.")
        return values

    def join(
        self, first: NDArray[np.float64], second: NDArray[np.float64] | None, max_distance: float, *, max_pairs: int
    ) -> Pairs:
        """See `Metric`."""
        return euclidean_join(first, second, max_distance, factor=self.factor, max_pairs=max_pairs)

    def distance(self, one: bytes, other: bytes) -> float:
        """See `Metric`."""
        return float(euclidean_distances(self.stack([one]), self.stack([other]), factor=self.factor)[0])
