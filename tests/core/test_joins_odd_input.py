"""What every join makes of odd input: nothing, one row, one picture many times, distances beyond all, misfits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Pairs, Vectors
from analysis.core.errors import InvalidArray
from analysis.core.metrics import Hamming
from analysis.core.search import cosine_join, cosine_top_k, hamming_join
from analysis.core.search.circular import circular_join
from analysis.core.search.euclidean import euclidean_join


def bits(rng: np.random.Generator, n: int, width: int) -> PackedBits:
    return PackedBits(rng.integers(0, 256, (n, width), np.uint8), 8 * width)


def directions(rng: np.random.Generator, n: int, width: int) -> Vectors:
    rows = rng.standard_normal((n, width))
    return Vectors((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


def sequences(rng: np.random.Generator, n: int, width: int) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (n, width), np.uint8)


def points(rng: np.random.Generator, n: int, width: int) -> NDArray[np.float64]:
    return rng.standard_normal((n, width))


Make = Callable[[np.random.Generator, int, int], Any]
Join = Callable[..., Pairs]

JOINS: dict[str, tuple[Join, Make, float]] = {
    "hamming": (hamming_join, bits, 8 * 6 + 1),
    "cosine": (cosine_join, directions, 2.5),
    "circular": (circular_join, sequences, float("inf")),
    "euclidean": (euclidean_join, points, 1e30),
}
"""By name: the join, how its rows are drawn, and a distance beyond any that two rows can have."""

ROUNDING = {"cosine": 1e-6}
"""How far a row may be from itself: unit vectors in float32 are of length 1 but for their rounding."""


def same(rows: Any, times: int) -> Any:
    """The first row, so many times."""
    if isinstance(rows, PackedBits):
        return PackedBits(np.repeat(rows.packed[:1], times, axis=0), rows.n_bits)
    if isinstance(rows, Vectors):
        return Vectors(np.repeat(rows.values[:1], times, axis=0))
    return np.repeat(rows[:1], times, axis=0)


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))


@pytest.fixture(params=sorted(JOINS))
def join(request: pytest.FixtureRequest) -> tuple[Join, Make, float]:
    return JOINS[request.param]


@pytest.mark.parametrize(("n", "m"), [(0, None), (1, None), (0, 0), (0, 3), (3, 0), (1, 1)])
def test_nothing_and_one_row_have_the_pairs_that_they_have(
    join: tuple[Join, Make, float], n: int, m: int | None
) -> None:
    work, make, beyond = join
    rng = np.random.default_rng(n)
    second = None if m is None else make(rng, m, 6)
    assert len(work(make(rng, n, 6), second, beyond)) == n * (m or 0)


@pytest.mark.parametrize("name", sorted(JOINS))
def test_one_picture_many_times_is_in_all_pairs_at_distance_0(name: str) -> None:
    work, make, _ = JOINS[name]
    nothing = ROUNDING.get(name, 0)
    for seed in range(5):
        rows = same(make(np.random.default_rng(seed), 1, 6), 40)
        within = work(rows, None, nothing)
        assert listed(within) == [(a, b) for a in range(40) for b in range(a + 1, 40)]
        across = work(rows, same(rows, 7), nothing)
        assert listed(across) == [(a, b) for a in range(40) for b in range(7)]
        assert np.concatenate([within.distance, across.distance]).max() <= nothing


def test_a_distance_beyond_all_finds_every_pair(join: tuple[Join, Make, float]) -> None:
    work, make, beyond = join
    rng = np.random.default_rng(4)
    first, second = make(rng, 9, 6), make(rng, 5, 6)
    assert listed(work(first, None, beyond)) == [(a, b) for a in range(9) for b in range(a + 1, 9)]
    assert listed(work(first, second, beyond)) == [(a, b) for a in range(9) for b in range(5)]


def test_rows_of_two_widths_are_never_compared(join: tuple[Join, Make, float]) -> None:
    work, make, beyond = join
    rng = np.random.default_rng(5)
    with pytest.raises(InvalidArray, match="cannot be compared with"):
        work(make(rng, 3, 6), make(rng, 3, 7), beyond)


@pytest.mark.parametrize(("name", "distance"), [(name, -0.5 if name != "hamming" else -1) for name in sorted(JOINS)])
def test_a_distance_below_0_is_refused_in_words(name: str, distance: float) -> None:
    work, make, _ = JOINS[name]
    with pytest.raises(InvalidArray, match=f"0 or more.*not {distance}"):
        work(make(np.random.default_rng(6), 3, 6), None, distance)


@pytest.mark.parametrize("name", ["circular", "cosine", "euclidean"])
def test_a_distance_that_is_no_number_is_refused_in_words(name: str) -> None:
    work, make, _ = JOINS[name]
    with pytest.raises(InvalidArray, match=r"0 or more.*not nan"):
        work(make(np.random.default_rng(7), 3, 6), None, float("nan"))


def test_hashes_of_mixed_lengths_are_not_stacked_even_where_their_bytes_add_up() -> None:
    for rows in ([b"12345678", b"1234567"], [b"1234567", b"123456789"]):
        wrong = next(row for row, value in enumerate(rows) if len(value) != 8)
        with pytest.raises(InvalidArray, match=f"Descriptor {wrong + 1} has {len(rows[wrong])} bytes, not 8"):
            Hamming(64).stack(rows)


def test_no_query_has_no_neighbours() -> None:
    rng = np.random.default_rng(8)
    rows, distances = cosine_top_k(directions(rng, 0, 6), directions(rng, 4, 6), 3)
    assert (rows.shape, distances.shape) == ((0, 3), (0, 3))
