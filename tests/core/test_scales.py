"""Thresholds: what is asked for in any spelling of a stored one is that one, and nothing asked for is exceeded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.core.scales import Bits, Correlation, Cosine, Euclidean, Scale, explored, snapped, thresholds

SCALES: list[Scale] = [Bits(64), Cosine(), Correlation(), Euclidean(reach=100.0, step=0.05, places=3)]
scales = pytest.mark.parametrize("scale", SCALES, ids=lambda scale: type(scale).__name__)


@scales
def test_each_stored_threshold_asked_for_as_it_is_stored_and_as_it_is_written_is_itself(scale: Scale) -> None:
    """The API tells thresholds in float32, addresses in decimals: neither may fall to the threshold below."""
    largest = scale.threshold(scale.largest)
    for stored in thresholds(scale, largest):
        assert np.float32(snapped(scale, float(stored), largest)) == stored
        assert np.float32(snapped(scale, round(float(stored), scale.places), largest)) == stored


@given(parts=st.integers(1, 2000))
def test_the_largest_explored_is_reached_by_its_decimals(parts: int) -> None:
    """Explored distances are kept in float32, which may lie above the number that was written."""
    written = parts / 1000
    largest = Cosine().threshold(written)
    assert snapped(Cosine(), written, largest) == largest
    assert explored(written, largest)
    assert not explored(written + 1e-4, largest)
    assert not explored(float("nan"), largest)


@given(asked=st.floats(0, 2), steps=st.integers(1, 400))
def test_nothing_above_what_was_asked_for_is_told(asked: float, steps: int) -> None:
    """A threshold between two stored ones is the lower one."""
    largest = Cosine().threshold(steps * 0.005)
    assert snapped(Cosine(), asked, largest) <= asked + 1e-5
