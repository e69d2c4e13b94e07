"""Values with intervals: what images drawn again with replacement give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 1_000
"""How often the images are drawn again for an interval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def drawn_again(n: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """How often each of n images counts, `DRAWS` times: int64, shape (n,), drawn with replacement."""
    rng = np.random.default_rng(seed)
    for _ in range(DRAWS):
        yield np.bincount(rng.integers(0, n, n), minlength=n)


def estimate(value: float, drawn: NDArray[np.float64]) -> Estimate:
    """The value with the middle 95 % of what was drawn; draws that say nothing are left out."""
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(value, float(low), float(high))
