"""Pictures laid over each other: turned as told, cut where nothing is known, different only where they differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.core import alignment
from analysis.core.errors import InvalidArray
from analysis.core.orientations import ORIENTATIONS, inverse, turned


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_a_size_is_bounded_and_never_enlarged() -> None:
    assert alignment.bounded((4000, 1000), 1000) == (1000, 250)
    assert alignment.bounded((10, 3000), 100) == (1, 100)
    assert alignment.bounded((30, 20), 100) == (30, 20)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_whole_picture_is_laid_over_as_it_is_turned(orientation: int) -> None:
    a = noise(6, 9)
    b = turned(a, inverse(orientation))
    size_a, size_b = (9, 6), (b.shape[1], b.shape[0])
    homography = alignment.whole(size_a, size_b, orientation)
    laid, covered = alignment.laid_over(b, homography, size_a=size_a, shown=size_a)
    assert covered.all()
    np.testing.assert_array_equal(laid, a)
    assert not alignment.difference(a, laid, covered).any()


def test_no_orientation_is_refused() -> None:
    with pytest.raises(InvalidArray):
        alignment.whole((3, 3), (3, 3), 9)


@given(left=st.integers(0, 30), top=st.integers(0, 20), width=st.integers(4, 30), height=st.integers(4, 20))
@settings(max_examples=30, deadline=None)
def test_a_detail_covers_its_place_and_nothing_else(left: int, top: int, width: int, height: int) -> None:
    a = noise(40, 60)
    b = np.ascontiguousarray(a[top : top + height, left : left + width])
    homography = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], np.float64)
    laid, covered = alignment.laid_over(b, homography, size_a=(60, 40), shown=(60, 40))
    expected = np.zeros((40, 60), np.bool_)
    expected[top : top + height, left : left + width] = True
    np.testing.assert_array_equal(covered, expected)
    np.testing.assert_array_equal(laid[expected], a[expected])
    assert not laid[~expected].any()


def test_what_lies_beyond_the_horizon_is_not_shown() -> None:
    homography = np.array([[1, 0, 0], [0, 1, 0], [-0.02, 0, 1]], np.float64)
    _, covered = alignment.laid_over(noise(500, 5000), homography, size_a=(100, 20), shown=(100, 20))
    assert covered[:, :40].all()
    assert not covered[:, 51:].any()


def test_a_large_picture_is_reduced_as_a_whole_not_picked_from() -> None:
    """Stripes of one pixel become grey; taking single pixels would keep them black and white."""
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    homography = alignment.whole((400, 400), (400, 400))
    laid, _ = alignment.laid_over(stripes, homography, size_a=(400, 400), shown=(50, 50))
    assert np.abs(laid.astype(int) - 127).max() <= 2


def test_exposure_and_tint_are_no_difference_but_a_change_is() -> None:
    rng = np.random.default_rng(2)
    a = rng.integers(60, 180, (50, 70, 3)).astype(np.uint8)
    b = (a * np.array([0.7, 0.9, 1.1]) + np.array([20, 5, -10])).astype(np.uint8)
    everywhere = np.ones((50, 70), np.bool_)
    assert alignment.difference(a, b, everywhere).max() <= 8
    b[10:20, 10:20] = 255 - b[10:20, 10:20]
    found = alignment.difference(a, b, everywhere)
    assert found[10:20, 10:20].mean() > 4 * found[30:, 30:].mean()
    assert not alignment.difference(a, b, ~everywhere).any()


def test_a_flat_picture_is_not_blown_up() -> None:
    a, flat = noise(20, 20), np.full((20, 20, 3), 7, np.uint8)
    assert alignment.difference(flat, flat, np.ones((20, 20), np.bool_)).max() == 0
    assert alignment.difference(a, flat, np.ones((20, 20), np.bool_)).max() > 0


def test_matches_are_drawn_between_both_pictures_inliers_over_the_rest() -> None:
    a, b = np.zeros((100, 80, 3), np.uint8), np.zeros((50, 30, 3), np.uint8)
    lines = np.array([[40, 50, 15, 25], [40, 50, 15, 25]], np.float32)
    drawn = alignment.side_by_side(a, b, lines, np.array([True, False]), height=200)
    assert drawn.shape == (200, 160 + alignment.GAP + 120, 3)
    assert tuple(drawn[100, 80]) == alignment.INLIER
    assert tuple(drawn[100, 160 + alignment.GAP + 60]) == alignment.INLIER
    assert drawn[100, 160 + alignment.GAP // 2].astype(int) == pytest.approx(alignment.INLIER, abs=12)  # smoothed
    assert not drawn[:90, :160].any()
    assert (drawn[:90, 160 : 160 + alignment.GAP] == 255).all()
    alone = alignment.side_by_side(a, b, np.empty((0, 4), np.float32), np.empty(0, np.bool_), height=10)
    assert alone.shape[0] == 10
