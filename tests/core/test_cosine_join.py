"""`cosine_join` and `cosine_top_k` against brute force in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from analysis.core.arrays import Vectors
from analysis.core.errors import InvalidArray, TooManyPairs
from analysis.core.search import cosine, cosine_join, cosine_top_k
from tests.shared import shared_data


def unit(values: ArrayLike) -> Vectors:
    rows = np.asarray(values, np.float64)
    return Vectors((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


def with_copies(rng: np.random.Generator, n: int, dim: int, spread: float = 0.3) -> Vectors:
    """Random directions, of which a third are copies of others at all kinds of distances."""
    values = rng.standard_normal((n, dim))
    copies = np.flatnonzero(rng.random(n) < 1 / 3)
    values[copies] = values[rng.integers(n, size=len(copies))]
    values[copies] += rng.random((len(copies), 1)) * spread * rng.standard_normal((len(copies), dim))
    return unit(values)


def brute(first: Vectors, second: Vectors | None) -> NDArray[np.float32]:
    """All distances, one pair of rows at a time."""
    x = first.values.astype(np.float64)
    y = x if second is None else second.values.astype(np.float64)
    similarity = np.array([[(row * other).sum() for other in y] for row in x])
    distance: NDArray[np.float32] = np.maximum(1 - similarity, 0).astype(np.float32)
    distance[[[bool((row == other).all()) for other in y] for row in x]] = 0
    return distance


def check(first: Vectors, second: Vectors | None, distance: float, matrix: NDArray[np.float32] | None = None) -> int:
    matrix = brute(first, second) if matrix is None else matrix
    near = matrix <= np.float32(distance)
    wanted = np.argwhere(np.triu(near, 1) if second is None else near)
    pairs = cosine_join(first, second, distance)
    np.testing.assert_array_equal(np.stack([pairs.a, pairs.b], axis=1), wanted)
    np.testing.assert_array_equal(pairs.distance, matrix[pairs.a, pairs.b])
    return len(pairs)


@pytest.fixture(params=["bfloat16", "float32"])
def small_tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cosine, "_TILE", 64)
    monkeypatch.setattr(cosine, "_ROWS_AT_ONCE", 7)
    monkeypatch.setattr(cosine, "_has_bfloat16", lambda: request.param == "bfloat16")


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("dim", [1, 128, 512, 2048])
@pytest.mark.parametrize("two_sets", [False, True])
def test_equals_brute_force(dim: int, two_sets: bool) -> None:
    rng = np.random.default_rng(dim)
    first = with_copies(rng, 150, dim)
    second = with_copies(rng, 90, dim) if two_sets else None
    matrix = brute(first, second)
    for distance in (0.0, 1e-6, 0.01, 0.05, 0.5, 1.0, 2.0):
        check(first, second, distance, matrix)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(0, 60), m=st.none() | st.integers(0, 60), dim=st.integers(1, 40))
def test_distances_of_real_pairs_are_included(seed: int, n: int, m: int | None, dim: int) -> None:
    """The limit itself belongs to the answer, and no tile may lose it: each limit here is a distance that occurs."""
    rng = np.random.default_rng(seed)
    first = with_copies(rng, n, dim)
    second = None if m is None else with_copies(rng, m, dim)
    matrix = brute(first, second) if n and m != 0 else np.empty((n, 0 if m == 0 else n if m is None else m), np.float32)
    occurring = np.unique(matrix)
    for distance in occurring[:: max(1, len(occurring) // 6)]:
        check(first, second, float(distance), matrix)
    assert len(cosine_join(first, second, 2.0)) == (n * (n - 1) // 2 if m is None else n * m)


def test_the_worst_rounding_loses_no_pair() -> None:
    """All values lie half-way between two bfloat16 numbers and round the same way: products fall by 2 u."""
    value = np.float32(2.0**-4 * (1 + 2.0**-8))
    low = Vectors(np.full((3, 254), value, np.float32))
    assert abs(1 - float((low.values[0].astype(float) ** 2).sum())) < 1e-3
    own = float(brute(low, None)[0, 1])
    assert check(low, None, own) == 3


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("length", [0.9992, 1.0, 1.0008])
@pytest.mark.parametrize("two_sets", [False, True])
def test_equal_embeddings_are_at_distance_0_whatever_the_rounding_of_their_length(
    length: float, two_sets: bool
) -> None:
    rng = np.random.default_rng(5)
    once = unit(rng.standard_normal((100, 512))).values * np.float32(length)
    first = Vectors(once) if two_sets else Vectors(np.concatenate([once, once]))
    second = Vectors(once[::-1].copy()) if two_sets else None
    pairs = cosine_join(first, second, 0.0)
    partner = pairs.b if second is None else 99 - pairs.b
    assert (pairs.a % 100 == partner % 100).sum() == 100
    assert not pairs.distance.any()
    # Rows that are too long are near to others by this definition; of rows no longer than 1 only the equal ones are.
    assert length > 1 or len(pairs) == 100
    rows, distances = cosine_top_k(first, first, 2)
    if second is None:
        np.testing.assert_array_equal(rows, np.arange(200)[:, None] % 100 + [0, 100])
        assert not distances.any()


def test_threads_and_tiles_do_not_change_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    first = with_copies(rng, 300, 200)
    whole = cosine_join(first, None, 0.3, threads=1)
    monkeypatch.setattr(cosine, "_TILE", 33)
    tiled = cosine_join(first, None, 0.3, threads=2)
    for name in ("a", "b", "distance"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(tiled, name))


def test_refuses_what_has_no_distance() -> None:
    rng = np.random.default_rng(0)
    x, y = with_copies(rng, 3, 8), with_copies(rng, 3, 9)
    with pytest.raises(InvalidArray, match="8 dimensions cannot be compared with embeddings of 9"):
        cosine_join(x, y, 0.1)
    for distance in (-0.1, float("nan")):
        with pytest.raises(InvalidArray, match="0 or more"):
            cosine_join(x, None, distance)
    for k in (0, 4):
        with pytest.raises(InvalidArray, match=f"not {k}"):
            cosine_top_k(x, x, k)


def test_too_many_pairs_names_the_hubs() -> None:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((200, 64))
    values[50:90] = values[3]
    with pytest.raises(TooManyPairs) as caught:
        cosine_join(unit(values), None, 0.01, max_pairs=100)
    assert caught.value.hubs[0] == (3, 40)
    assert len(cosine_join(unit(values), None, 0.01, max_pairs=41 * 20)) == 41 * 20


@pytest.mark.parametrize("k", [1, 5, 120])
def test_nearest_neighbours_equal_brute_force(monkeypatch: pytest.MonkeyPatch, k: int) -> None:
    monkeypatch.setattr(cosine, "_TILE", 50)
    monkeypatch.setattr(cosine, "_QUERIES", 40)
    rng = np.random.default_rng(k)
    base = with_copies(rng, 120, 32)
    values = base.values.copy()
    values[60:118] = values[7]  # more ties than spare neighbours
    base, queries = Vectors(values), with_copies(rng, 70, 32)
    queries = Vectors(np.concatenate([queries.values, values[5:9]]))
    matrix = brute(queries, base)
    rows, distances = cosine_top_k(queries, base, k)
    wanted = np.argsort(matrix, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(rows, wanted)
    np.testing.assert_array_equal(distances, np.take_along_axis(matrix, wanted, 1))
    assert rows.dtype == np.int64
    assert distances.dtype == np.float32


def test_real_embeddings() -> None:
    folder = shared_data() / "saints" / "embeddings"
    art, wiki = (
        Vectors((v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32)[:250])
        for v in (np.load(folder / name / "embeddings.npy").astype(np.float32) for name in ("ArtDL", "wikidata"))
    )
    assert check(art, wiki, 0.2) > 100
    check(art, wiki, 0.1)
