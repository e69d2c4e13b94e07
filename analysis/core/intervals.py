"""Confidence intervals for a share that was estimated from a sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri

from analysis.core.errors import InvalidArray

Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]


def wilson(successes: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> Bounds:
    """Wilson's score interval without continuity correction: on average it covers what it says, also for small n.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22:209-212;
    recommended by Brown, Cai and DasGupta (2001), Statistical Science 16:101-133.

    Args:
        successes: number of successes, any shape that broadcasts with `n`.
        n: number of trials; for 0 trials the interval is (0, 1).
        confidence: nominal coverage, between 0 and 1.

    Returns:
        Lower and upper bounds of the share, float64 of the broadcast shape, within [0, 1].

    Raises:
        InvalidArray: fewer than 0 or more than `n` successes, or a confidence that is not between 0 and 1.
    """
    k, trials = _checked(successes, n, confidence)
    z = float(ndtri((1 + confidence) / 2))
    held = np.maximum(trials, 1)
    share = k / held
    centre = (share + z**2 / (2 * held)) / (1 + z**2 / held)
    half = z / (1 + z**2 / held) * np.sqrt(share * (1 - share) / held + z**2 / (4 * held**2))
    # Where every trial failed or succeeded the bound is exactly 0 or 1, which rounding would miss by a hair.
    low = np.where(k == 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(k == trials, 1.0, np.minimum(centre + half, 1.0))
    return low, high


def clopper_pearson(successes: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> Bounds:
    """Clopper and Pearson's exact interval: it never covers less than it says, and is wider than Wilson's.

    Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26:404-413.

    Args:
        successes: number of successes, any shape that broadcasts with `n`.
        n: number of trials; for 0 trials the interval is (0, 1).
        confidence: nominal coverage, between 0 and 1.

    Returns:
        Lower and upper bounds of the share, float64 of the broadcast shape, within [0, 1].

    Raises:
        InvalidArray: fewer than 0 or more than `n` successes, or a confidence that is not between 0 and 1.
    """
    k, trials = _checked(successes, n, confidence)
    tail = (1 - confidence) / 2
    low = np.where(k == 0, 0.0, betaincinv(np.maximum(k, 1), trials - k + 1, tail))
    high = np.where(k == trials, 1.0, betaincinv(k + 1, np.maximum(trials - k, 1), 1 - tail))
    return low, high


def _checked(successes: ArrayLike, n: ArrayLike, confidence: float) -> Bounds:
    if not 0 < confidence < 1:
        raise InvalidArray(f"A confidence lies between 0 and 1, not {confidence}.", remedy="Give 0.95 for 95 %.")
    k, trials = np.broadcast_arrays(np.asarray(successes, np.float64), np.asarray(n, np.float64))
    if not ((k >= 0) & (k <= trials)).all():
        raise InvalidArray("Successes are at least 0 and at most the number of trials.")
    return k, trials
