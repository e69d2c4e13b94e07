"""Resizing is Pillow's, bit for bit, whatever part of the result is wanted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from analysis.core.errors import InvalidArray
from analysis.core.resampling import FILTERS, resize
from analysis.core.resampling._weights import LANCZOS, exact_row, weights
from tests.core.golden import pictures

SIDE = st.integers(1, 90)
LANES = st.tuples(SIDE, SIDE).map(sorted)


@settings(max_examples=600, deadline=None)
@given(
    height=SIDE,
    width=SIDE,
    across=LANES,
    down=LANES,
    resampling=st.sampled_from(list(FILTERS)),
    more=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_part_of_any_size_equals_pillow(
    height: int,
    width: int,
    across: list[int],
    down: list[int],
    resampling: Image.Resampling,
    more: tuple[int, int],
    seed: int,
) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    size = (across[1] + more[0], down[1] + more[1])
    part = (across[0] - 1, down[0] - 1, across[1], down[1])
    whole = Image.fromarray(rgb).resize(size, resampling)
    np.testing.assert_array_equal(resize(rgb, size, resampling), np.asarray(whole))
    np.testing.assert_array_equal(resize(rgb, size, resampling, part), np.asarray(whole.crop(part)))


@pytest.mark.parametrize(("width", "height"), [(1, 5000), (5000, 1), (4000, 3), (2500, 1700), (1700, 2500), (1, 1)])
@pytest.mark.parametrize("resampling", FILTERS)
def test_large_and_long_pictures(width: int, height: int, resampling: Image.Resampling) -> None:
    """Larger than what is worked on at a time, and so long that the order of the passes matters."""
    rgb = pictures.random("photograph", height, width, np.random.default_rng(7))
    for size in ((224, 224), (256, 170), (32, 900)):
        expected = np.asarray(Image.fromarray(rgb).resize(size, resampling))
        np.testing.assert_array_equal(resize(rgb, size, resampling), expected)


def test_one_side_may_keep_its_size_and_views_are_pictures_too() -> None:
    rgb = pictures.draw()["painting"][::-1, ::2]
    height, width, _ = rgb.shape
    image = Image.fromarray(np.ascontiguousarray(rgb))
    for size in ((width, height), (width, 50), (50, height)):
        part = (3, 5, 40, 45)
        expected = np.asarray(image.resize(size, Image.Resampling.BICUBIC).crop(part))
        np.testing.assert_array_equal(resize(rgb, size, Image.Resampling.BICUBIC, part), expected)


@pytest.mark.parametrize("n_in", [*range(1, 130), 480, 600, 640, 1269, 4000, 8191])
def test_weights_equal_the_sums_of_sines(n_in: int) -> None:
    """The series in place of the sine gives each fixed-point weight that Pillow's own operations give."""
    for n_out in (8, 9, 16, 17, 32, 64, 256):
        first, count, table = weights(n_in, n_out, LANCZOS, 0, n_out)
        scale = n_in / n_out
        step = 1.0 / max(scale, 1.0)
        for i in range(0, n_out, 3):
            row = []
            for k in range(count[i]):
                x = (k + int(first[i]) - (i + 0.5) * scale + 0.5) * step
                value = 0.0
                if -3.0 <= x < 3.0:
                    value = 1.0
                    for y in (x, x / 3.0):
                        value *= math.sin(y * math.pi) / (y * math.pi) if y else 1.0
                row.append(value)
            total = sum(row)
            expected = [int(v / total * 2**22 + math.copysign(0.5, v)) for v in row]
            assert table[i, : count[i]].tolist() == expected
            again = np.empty(count[i], np.int32)
            exact_row(np.empty(count[i]), first[i], (i + 0.5) * scale, step, LANCZOS, again)
            assert again.tolist() == expected, "the way back for weights in doubt"


def test_what_is_no_picture_or_no_part_is_refused() -> None:
    rgb = np.zeros((4, 5, 3), np.uint8)
    with pytest.raises(InvalidArray, match="height, width, 3"):
        resize(rgb[..., 0], (2, 2), Image.Resampling.BOX)
    with pytest.raises(InvalidArray, match="height, width, 3"):
        resize(rgb[:0], (2, 2), Image.Resampling.BOX)
    with pytest.raises(InvalidArray, match="not inside 2 × 2"):
        resize(rgb, (2, 2), Image.Resampling.BOX, (0, 0, 3, 2))
    with pytest.raises(InvalidArray, match="no filter"):
        resize(rgb, (2, 2), Image.Resampling.NEAREST)
