"""Intervals against published tables, scipy, and their own definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from analysis.core.errors import InvalidArray
from analysis.core.intervals import clopper_pearson, wilson

# Newcombe 1998: "Two-sided confidence intervals for the single proportion: comparison of seven methods",
# Statistics in Medicine 17:857-872, table I, methods 3 (Wilson) and 5 (Clopper-Pearson), 95 %.
NEWCOMBE = [
    (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
    (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
    (0, 20, (0.0000, 0.1611), (0.0000, 0.1684)),
    (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
]


@pytest.mark.parametrize(("successes", "n", "score", "exact"), NEWCOMBE)
def test_published_values(successes: int, n: int, score: tuple[float, float], exact: tuple[float, float]) -> None:
    assert tuple(np.round(wilson(successes, n), 4)) == score
    assert tuple(np.round(clopper_pearson(successes, n), 4)) == exact


counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])


@given(counts, confidences)
def test_equal_scipy(count: tuple[int, int], confidence: float) -> None:
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        theirs = binomtest(*count).proportion_ci(confidence, method)
        np.testing.assert_allclose(ours(*count, confidence), (theirs.low, theirs.high), atol=1e-9)


@given(counts, confidences)
def test_the_exact_bounds_leave_half_the_rest_in_each_tail(count: tuple[int, int], confidence: float) -> None:
    successes, n = count
    low, high = clopper_pearson(successes, n, confidence)
    if successes > 0:
        assert binom.sf(successes - 1, n, low) == pytest.approx((1 - confidence) / 2, rel=1e-6)
    if successes < n:
        assert binom.cdf(successes, n, high) == pytest.approx((1 - confidence) / 2, rel=1e-6)


@given(counts)
def test_the_share_lies_inside(count: tuple[int, int]) -> None:
    for interval in (wilson, clopper_pearson):
        low, high = interval(*count)
        assert 0 <= low <= count[0] / count[1] <= high <= 1


def test_many_at_once_and_no_trials() -> None:
    for interval in (wilson, clopper_pearson):
        low, high = interval([[0, 3], [5, 0]], [5, 0 + 5])
        assert low.shape == high.shape == (2, 2)
        assert high[1, 0] == 1.0
        assert [float(bound) for bound in interval(0, 0)] == [0.0, 1.0]


@pytest.mark.parametrize(("successes", "n", "confidence"), [(2, 1, 0.95), (-1, 1, 0.95), (0, 1, 1.0), (0, 1, 95)])
def test_what_is_no_share_is_refused(successes: int, n: int, confidence: float) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(InvalidArray):
            interval(successes, n, confidence)
