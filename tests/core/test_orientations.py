"""The eight orientations are Pillow's, undo each other, and find the turned bridges; the best of each pair is kept."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from analysis.core.arrays import Pairs
from analysis.core.errors import InvalidArray
from analysis.core.hashes import HASHES, compute
from analysis.core.orientations import ORIENTATIONS, best, css, exchanges_sides, inverse, turned, words
from catalog.core.images import read_image
from tests.shared import shared_data

ORIENTATION = st.sampled_from(ORIENTATIONS)


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 9), width=st.integers(1, 9), orientation=ORIENTATION, seed=st.integers(0, 99))
def test_pictures_turn_as_pillow_turns_them_and_back(height: int, width: int, orientation: int, seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    image = Image.fromarray(rgb)
    image.getexif()[0x0112] = orientation
    there = turned(rgb, orientation)
    assert there.flags.c_contiguous
    np.testing.assert_array_equal(there, np.asarray(ImageOps.exif_transpose(image)))
    np.testing.assert_array_equal(turned(there, inverse(orientation)), rgb)
    assert exchanges_sides(orientation) == (turned(np.zeros((1, 2, 3), np.uint8), orientation).shape[0] == 2)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_page_shows_what_was_computed(orientation: int) -> None:
    """Each pixel, taken from the middle by CSS's matrix, lands where the turned array has it."""
    a, b, c, d = (int(value) for value in css(orientation)[len("matrix(") :].split(", ")[:4])
    rgb = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
    there = turned(rgb, orientation)
    for y, x in itertools.product((-1, 0, 1), (-2, -1, 0, 1, 2)):
        at_x, at_y = a * x + c * y, b * x + d * y
        np.testing.assert_array_equal(
            there[at_y + there.shape[0] // 2, at_x + there.shape[1] // 2], rgb[y + 1, x + 2], f"{x}, {y}"
        )


def test_words_differ_and_other_numbers_are_refused() -> None:
    assert len({words(orientation) for orientation in ORIENTATIONS}) == 8
    for use in (words, css, inverse, exchanges_sides):
        with pytest.raises(InvalidArray, match="9 is no orientation"):
            use(9)
    with pytest.raises(InvalidArray, match="0 is no orientation"):
        turned(np.zeros((1, 1, 3), np.uint8), 0)
    with pytest.raises(InvalidArray, match="0 is no orientation"):
        best({0: Pairs.empty()}, within=False)


@st.composite
def found(draw: st.DrawFn) -> dict[int, Pairs]:
    parts = {}
    for orientation in draw(st.lists(ORIENTATION, unique=True)):
        rows = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), unique=True, max_size=20))
        distance = draw(st.lists(st.integers(0, 4), min_size=len(rows), max_size=len(rows)))
        pairs = np.array(rows, np.int64).reshape(-1, 2)
        parts[orientation] = Pairs(pairs[:, 0].copy(), pairs[:, 1].copy(), np.array(distance, np.float32))
    return parts


@settings(max_examples=200, deadline=None)
@given(parts=found(), within=st.booleans())
def test_the_best_of_each_pair_equals_brute_force(parts: dict[int, Pairs], within: bool) -> None:
    expected: dict[tuple[int, int], tuple[float, int]] = {}
    for orientation, pairs in parts.items():
        for a, b, distance in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.distance.tolist(), strict=True):
            if a < b or not within:
                expected[a, b] = min(expected.get((a, b), (9.0, 9)), (distance, orientation))
    merged = best(parts, within=within)
    assert merged.orientation is not None
    rows = zip(*(column.tolist() for column in (merged.a, merged.b, merged.distance, merged.orientation)), strict=True)
    assert list(rows) == [(*pair, *expected[pair]) for pair in sorted(expected)]


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    if one.shape != other.shape:
        return np.inf
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.shared_data
def test_all_seven_turned_bridges_are_found_in_their_orientation_and_none_without() -> None:
    """The right orientation is the one in which the pixels themselves differ least from the original's."""
    folder = shared_data() / "copies" / "bridge_rotations"
    pictures = [read_image(path.read_bytes()).rgb for path in sorted(folder.glob("*.jpg"))]
    assert len(pictures) == 8
    known = HASHES["phash-8"]
    parts = {}
    for orientation in ORIENTATIONS:
        hashes = [compute(turned(rgb, orientation), ["phash-8"])["phash-8"] for rgb in pictures]
        original = known.metric.stack(compute(pictures[0], ["phash-8"])["phash-8"][None])
        parts[orientation] = known.metric.join(
            original, known.metric.stack(np.stack(hashes[1:])), known.default_distance, max_pairs=100
        )
    assert len(parts[1]) == 0
    merged = best(parts, within=False)
    assert merged.b.tolist() == list(range(7))
    assert merged.orientation is not None
    assert merged.orientation.tolist() == [
        min(ORIENTATIONS, key=lambda orientation: difference(turned(rgb, orientation), pictures[0]))
        for rgb in pictures[1:]
    ]
    assert sorted(merged.orientation.tolist()) == list(ORIENTATIONS[1:])
