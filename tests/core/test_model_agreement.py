"""Agreement of two models against brute force: neighbours, common ones, ranks, correlation, and what intervals hold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr

from analysis.core.arrays import Vectors
from analysis.core.errors import InvalidArray
from analysis.core.model_agreement import (
    Estimate,
    Neighbours,
    _correlation,
    _estimates,
    _neighbours,
    agreement,
    correlation,
    most_different,
    nearest_others,
)
from analysis.core.search import cosine_rank_bounds, cosine_ranks, pair_distances, ranks


def unit(values: NDArray[np.float64]) -> Vectors:
    return Vectors((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32))


def drawn(seed: int, n: int, dim: int, copies: float = 0.3) -> Vectors:
    """Random directions, of which some are copies of others; lengths are 1 as nearly as they must be.

    Copies of unequal length are at distances that would be below 0, and tie there.
    """
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, dim))
    again = np.flatnonzero(rng.random(n) < copies)
    values[again] = values[rng.integers(0, n, len(again))]
    return Vectors(unit(values).values * rng.choice(np.array([0.9995, 1, 1.0005], np.float32), (n, 1)))


def distances(vectors: Vectors) -> NDArray[np.float32]:
    n = len(vectors)
    a, b = np.indices((n, n)).reshape(2, -1)
    return pair_distances(vectors.values, vectors.values, a, b).reshape(n, n)


def all_ranks(vectors: Vectors) -> list[list[int]]:
    """Rank of each row seen from each other; of a row seen from itself 0."""
    apart = distances(vectors).tolist()
    n = len(apart)
    found = [[0] * n for _ in range(n)]
    for i in range(n):
        order = sorted((apart[i][j], j) for j in range(n) if j != i)
        for rank, (_, j) in enumerate(order, 1):
            found[i][j] = rank
    return found


@st.composite
def two_models(draw: st.DrawFn) -> tuple[Vectors, Vectors, int]:
    n = draw(st.integers(3, 24))
    seed = draw(st.integers(0, 2**32 - 1))
    dims = draw(st.tuples(st.sampled_from([2, 3, 8]), st.sampled_from([2, 5, 16])))
    first = drawn(seed, n, dims[0])
    # At times the models are one and the same.
    second = first if draw(st.booleans()) and draw(st.booleans()) else drawn(seed + 1, n, dims[1])
    return first, second, draw(st.integers(1, n - 2))


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_estimates, "DRAWS", 40)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_neighbours, "_QUERIES", 5)
    monkeypatch.setattr(_neighbours, "_MATCHES_AT_ONCE", 40)
    monkeypatch.setattr(ranks, "_TILE", 7)
    monkeypatch.setattr(ranks, "_ROWS", 3)
    monkeypatch.setattr(ranks, "_PAIRS", 4)


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=60, deadline=None)
@given(two_models())
def test_neighbours_and_their_agreement_are_those_of_brute_force(models: tuple[Vectors, Vectors, int]) -> None:
    first, second, k = models
    n = len(first)
    lists: list[list[list[int]]] = []
    for vectors in (first, second):
        found = nearest_others(vectors, k)
        seen = all_ranks(vectors)
        wanted = [sorted(set(range(n)) - {i}, key=lambda j, i=i: seen[i][j])[:k] for i in range(n)]  # type: ignore[misc]
        assert found.rows.tolist() == wanted
        assert (found.distances == np.take_along_axis(distances(vectors), found.rows, 1)).all()
        lists.append(wanted)
    common = [set(a) & set(b) for a, b in zip(*lists, strict=True)]
    alike = twos = 0
    x, y = distances(first).tolist(), distances(second).tolist()
    for i, both in enumerate(common):
        for p, q in itertools.combinations(sorted(both), 2):
            order = (x[i][p] - x[i][q]) * (y[i][p] - y[i][q])
            twos += order != 0
            alike += order > 0
    agreed = agreement(nearest_others(first, k), nearest_others(second, k))
    assert agreed.counts.tolist() == [sum(len(each) == j for each in common) for j in range(k + 1)]
    assert agreed.overlap.value == pytest.approx(sum(map(len, common)) / (n * k))
    assert agreed.jaccard.value == pytest.approx(np.mean([len(c) / (2 * k - len(c)) for c in common]))
    assert agreed.nearest.value == pytest.approx(np.mean([a[0] == b[0] for a, b in zip(*lists, strict=True)]))
    assert agreed.twos == twos
    assert (agreed.order is None) == (twos == 0)
    if agreed.order is not None:
        assert agreed.order.value == pytest.approx(alike / twos)
    assert agreed.chance == k / (n - 1)


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=60, deadline=None)
@given(two_models(), st.integers(1, 6))
def test_the_most_different_pairs_are_those_of_brute_force(models: tuple[Vectors, Vectors, int], most: int) -> None:
    first, second, k = models
    n = len(first)
    x, y = all_ranks(first), all_ranks(second)
    wanted = []
    mutual = 0
    for a, b in itertools.combinations(range(n), 2):
        near, far = (x[a][b], x[b][a]), (y[a][b], y[b][a])
        mutual += max(near) <= k
        if max(near) <= k < min(far):
            wanted.append((max(near) - min(far), max(near), a, b, near, far))
    wanted.sort()
    done: list[int] = []
    found = most_different(nearest_others(first, k), nearest_others(second, k), second, most=most, advance=done.append)
    assert (found.mutual, found.found) == (mutual, len(wanted))
    rows = zip(found.a, found.b, found.near.tolist(), found.far.tolist(), strict=True)
    assert [(a, b, tuple(near), tuple(far)) for a, b, near, far in rows] == [each[2:] for each in wanted[:most]]
    assert (found.near_distance == distances(first)[found.a, found.b]).all()
    assert (found.far_distance == distances(second)[found.a, found.b]).all()
    assert sum(done) == n


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 64, 1500]), st.floats(0, 0.9))
def test_ranks_are_exact_and_lie_between_their_bounds(seed: int, dim: int, copies: float) -> None:
    vectors = drawn(seed, 20, dim, copies)
    rows, others = np.array(list(itertools.permutations(range(20), 2))).T
    wanted = np.array(all_ranks(vectors))[rows, others]
    assert (cosine_ranks(vectors, rows, others) == wanted).all()
    least, largest = cosine_rank_bounds(vectors, rows, others)
    assert (least <= wanted).all()
    assert (wanted <= largest).all()


def test_bounds_are_close_where_distances_are() -> None:
    vectors = drawn(3, 400, 64, 0)
    rows = np.repeat(np.arange(400), 2)
    others = (rows + np.tile([1, 200], 400)) % 400
    least, largest = cosine_rank_bounds(vectors, rows, others)
    assert (largest - least).mean() < 1


@settings(max_examples=30, deadline=None)
@given(two_models())
def test_the_correlation_of_all_pairs_is_scipys(models: tuple[Vectors, Vectors, int]) -> None:
    first, second, _ = models
    found = correlation(first, second)
    above = np.triu_indices(len(first), 1)
    x, y = distances(first)[above], distances(second)[above]
    assert (found.pairs, found.every) == (len(x), True)
    if len(set(x.tolist())) == 1 or len(set(y.tolist())) == 1:
        assert found.spearman is None
    else:
        assert found.spearman is not None
        assert found.spearman.value == pytest.approx(spearmanr(x, y).statistic)


def test_a_drawn_correlation_is_of_different_pairs_near_that_of_all_and_the_same_again() -> None:
    first = drawn(1, 300, 6)
    second = unit(first.values + 0.3 * np.random.default_rng(5).normal(size=first.values.shape))
    whole = correlation(first, second).spearman
    parts = [correlation(first, second, pairs=4000, seed=seed) for seed in range(20)]
    assert {(part.pairs, part.every) for part in parts} == {(4000, False)}
    values = [part.spearman.value for part in parts if part.spearman]
    assert whole is not None
    assert np.mean(values) == pytest.approx(whole.value, abs=0.01)
    assert len(set(values)) == 20
    assert correlation(first, second, pairs=4000, seed=7) == parts[7]


def test_every_pair_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def record(x: NDArray[np.float32], y: NDArray[np.float32], a: NDArray[np.int64], b: NDArray[np.int64]) -> object:
        seen.append((a, b))
        return pair_distances(x, y, a, b)

    monkeypatch.setattr(_correlation, "pair_distances", record)
    vectors = drawn(2, 9, 4)
    correlation(vectors, vectors, pairs=35)
    (a, b), _ = seen
    assert (a < b).all()
    assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == 35
    assert set(a.tolist()) | set(b.tolist()) == set(range(9))


def test_ranks_are_weighted_as_if_numbers_stood_there_several_times() -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.integers(0, 9, 50).astype(np.float32) for _ in range(2))
    often = rng.integers(0, 4, 50)
    found = _correlation._spearman(_correlation._Ranked(x), _correlation._Ranked(y), often)
    assert found == pytest.approx(spearmanr(np.repeat(x, often), np.repeat(y, often)).statistic)


def test_intervals_hold_what_other_images_of_the_kind_give(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60 collections drawn from one population, about 95 % of the intervals hold its own value."""
    monkeypatch.setattr(_estimates, "DRAWS", 200)

    def collection(seed: int, n: int) -> tuple[Vectors, Vectors]:
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(n, 8))
        return unit(values), unit(values + 0.8 * rng.normal(size=values.shape))

    first, second = collection(999, 1500)
    population = correlation(first, second, pairs=400_000).spearman
    assert population is not None
    held = 0
    for seed in range(60):
        found = correlation(*collection(seed, 60)).spearman
        assert found is not None
        held += found.low <= population.value <= found.high
    assert 51 <= held <= 60


def test_one_model_agrees_with_itself_and_is_certain_of_it() -> None:
    vectors = drawn(4, 40, 12, 0)
    found = agreement(nearest_others(vectors, 5), nearest_others(vectors, 5))
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 40]
    assert found.overlap == found.jaccard == found.nearest == found.order == Estimate(1, 1, 1)
    apart = most_different(nearest_others(vectors, 5), nearest_others(vectors, 5), vectors)
    assert (len(apart), apart.found) == (0, 0)
    same = correlation(vectors, vectors).spearman
    assert same is not None
    assert (same.value, same.low, same.high) == pytest.approx((1, 1, 1))


def test_models_without_anything_in_common_agree_as_often_as_chance() -> None:
    found = agreement(nearest_others(drawn(7, 800, 32, 0), 20), nearest_others(drawn(8, 800, 32, 0), 20))
    assert found.overlap.value == pytest.approx(found.chance, rel=0.1)
    assert found.order is not None
    assert found.order.low < 0.5 < found.order.high


def test_images_that_all_look_the_same_have_no_correlation_and_no_order() -> None:
    flat = unit(np.ones((6, 3)))
    other = drawn(1, 6, 3, 0)
    assert correlation(flat, other).spearman is None
    found = agreement(nearest_others(flat, 3), nearest_others(other, 3))
    assert (found.order, found.twos) == (None, 0)


@pytest.mark.parametrize(
    ("n", "k", "says"),
    [
        (1, 1, "1 image is described by both models"),
        (2, 1, "2 images are described by both models; to compare neighbours takes at least 3"),
        (5, 0, "there is nothing to compare"),
        (5, 4, "each image has 4 others, and not all can be near. Give a number from 1 to 3"),
        (5, 9, "each image has 4 others"),
    ],
)
def test_numbers_of_which_nothing_could_be_learned_are_refused(n: int, k: int, says: str) -> None:
    with pytest.raises(InvalidArray) as raised:
        nearest_others(drawn(0, n, 4), k)
    assert says in str(raised.value)


def test_what_is_not_of_the_same_images_is_refused() -> None:
    few, many = drawn(0, 6, 4), drawn(0, 7, 4)
    near: Neighbours = nearest_others(few, 2)
    with pytest.raises(InvalidArray, match="cannot be compared"):
        agreement(near, nearest_others(many, 2))
    with pytest.raises(InvalidArray, match="not of the same images"):
        most_different(near, near, many)
    with pytest.raises(InvalidArray, match="no pairs in common"):
        correlation(few, many)
