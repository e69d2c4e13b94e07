"""The index and block engines against brute force, on data that is random, skewed, or full of copies.

The searches are told how many pairs to expect at most: one that goes round in circles then stops, and fails.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits
from analysis.core.errors import TooManyPairs
from analysis.core.search import _execute, hamming, hamming_join
from analysis.core.search._distinct import Distinct
from analysis.core.search._execute import Found, execute, fold
from analysis.core.search.plan import Chunk, Plan, choose_plan

Bits = NDArray[np.bool_]


def clouds(rng: np.random.Generator, n: int, n_bits: int, centres: int, flip: float, ones: float = 0.5) -> Bits:
    """Hashes scattered around a few centres; `ones` far from a half and small `flip` make them skewed."""
    middle = rng.random((centres, n_bits)) < ones
    hashes: Bits = middle[rng.integers(centres, size=n)] ^ (rng.random((n, n_bits)) < flip)
    return hashes


def expected(x: Bits, y: Bits | None, radius: int) -> NDArray[np.int64]:
    """Keys of all pairs by matrix products of -1 and 1: no bit counting in common with the engines."""
    left, right = (np.where(v, 1.0, -1.0).astype(np.float32) for v in (x, x if y is None else y))
    near = (x.shape[1] - left @ right.T) / 2 <= radius
    return np.argwhere(np.triu(near, 1) if y is None else near)


def check(x: Bits, y: Bits | None, radius: int, threads: int = 2) -> int:
    wanted = expected(x, y, radius)
    first, second = PackedBits.from_bool(x), None if y is None else PackedBits.from_bool(y)
    pairs = hamming_join(first, second, radius, max_pairs=len(wanted), threads=threads)
    np.testing.assert_array_equal(np.stack([pairs.a, pairs.b], axis=1), wanted)
    other = x if y is None else y
    np.testing.assert_array_equal(pairs.distance, (x[pairs.a] != other[pairs.b]).sum(axis=1))
    return len(wanted)


@pytest.fixture
def always_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamming, "_SMALL", 0)


@pytest.mark.parametrize(("n_bits", "radius"), [(64, 0), (64, 8), (64, 12), (100, 8), (256, 16), (256, 40), (1024, 8)])
@pytest.mark.parametrize("two_sets", [False, True])
def test_large_sets_equal_brute_force(n_bits: int, radius: int, two_sets: bool) -> None:
    rng = np.random.default_rng(n_bits + radius)
    x = np.concatenate([rng.random((3000, n_bits)) < 0.5, clouds(rng, 1500, n_bits, 300, 2 / n_bits)])
    rng.shuffle(x)
    y = np.concatenate([x[::5], clouds(rng, 1700, n_bits, 4, 0.1)]) if two_sets else None
    check(x, y, radius)
    if y is not None:
        check(y, x, radius)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(0, 400),
    m=st.none() | st.integers(0, 300),
    n_bits=st.sampled_from([16, 40, 64, 72, 128, 256]),
    radius=st.integers(0, 20),
    centres=st.integers(1, 40),
    flip=st.sampled_from([0.0, 0.02, 0.1, 0.5]),
    ones=st.sampled_from([0.5, 0.1, 0.01]),
)
def test_every_plan_gives_the_pairs_of_brute_force(
    seed: int, n: int, m: int | None, n_bits: int, radius: int, centres: int, flip: float, ones: float
) -> None:
    rng = np.random.default_rng(seed)
    x = clouds(rng, n, n_bits, centres, flip, ones)
    y = None if m is None else np.concatenate([x[: m // 4], clouds(rng, m, n_bits, centres, flip, ones)])
    left = Distinct.of(hamming._words(PackedBits.from_bool(x)))
    right = None if y is None else Distinct.of(hamming._words(PackedBits.from_bool(y)))
    other = left if right is None else right
    wanted = expected(x, y, radius)
    order = rng.permutation(hamming._bit_positions(n_bits))
    count = int(rng.integers(1, min(radius + 1, n_bits // 4) + 1))
    extra = rng.multinomial(radius + 1 - count, np.ones(count) / count)
    chunks = tuple(
        Chunk(bits[: rng.integers(1, 12)], int(r))
        for bits, r in zip(np.array_split(order, count), extra, strict=True)
        if len(bits)
    )
    for plan in (Plan(chunks, 0.0), Plan((), 0.0)):
        found = Found(left.sizes(), other.sizes(), left.pairs_of_equals() if y is None else 0, len(wanted))
        if len(left) and len(other):
            execute(plan, left, right, max_distance=radius, found=found, threads=2)
        hits1, hits2 = found.take()
        assert found.pairs == len(wanted)
        assert len({(min(p), max(p)) if right is None else p for p in zip(hits1, hits2, strict=True)}) == len(hits1)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 10**7), n_bits=st.integers(16, 1024), radius=st.integers(0, 40), seed=st.integers(0, 99))
def test_chunks_are_disjoint_and_their_radii_reach(n: int, n_bits: int, radius: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = np.broadcast_to(
        rng.integers(0, 2**64, (600, -(-n_bits // 64)), np.uint64)[rng.integers(600)], (n, -(-n_bits // 64))
    )
    bits = hamming._bit_positions(n_bits)
    plan = choose_plan(words, None, bits, radius)
    if plan.chunks:
        used = np.concatenate([chunk.bits for chunk in plan.chunks])
        assert len(set(used.tolist())) == len(used)
        assert set(used.tolist()) <= set(bits.tolist())
        assert sum(chunk.radius + 1 for chunk in plan.chunks) == radius + 1


def test_flips_are_all_neighbours_of_a_key() -> None:
    flips = Chunk(np.arange(10), 3).flips()
    assert flips.tolist() == [key for key in range(1 << 10) if key.bit_count() <= 3]


def test_folds_are_never_farther_apart_than_rows() -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(0, 2**64, (200, 16), np.uint64)
    words[100:] = words[:100] ^ (np.uint64(1) << rng.integers(0, 64, (100, 16), np.uint64))
    folds = fold(words)
    apart = np.bitwise_count(words[:, None] ^ words).sum(axis=2)
    assert (np.bitwise_count(folds[:, None] ^ folds) <= apart).all()


@pytest.mark.usefixtures("always_compiled")
def test_results_outgrow_one_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels stop when their buffer is full and go on from there."""
    monkeypatch.setattr(_execute, "_CAPACITY", 8200)
    rng = np.random.default_rng(3)
    x = clouds(rng, 3000, 64, 2, 0.03)
    for radius in (3, 6, 64):
        assert check(x, None, radius) > 30_000


def test_large_buckets_outgrow_one_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of one bit: buckets longer than a tile, left and entered again in the middle of a lane."""
    monkeypatch.setattr(_execute, "_CAPACITY", 8200)
    x = clouds(np.random.default_rng(8), 5000, 64, 3, 0.06)
    wanted = expected(x, None, 6)
    assert len(wanted) > 50_000
    rows = Distinct.of(hamming._words(PackedBits.from_bool(x)))
    chunks = tuple(Chunk(np.array([bit]), 0) for bit in range(7))
    found = Found(rows.sizes(), rows.sizes(), rows.pairs_of_equals(), len(wanted))
    execute(Plan(chunks, 0.0), rows, None, max_distance=6, found=found, threads=2)
    assert found.pairs == len(wanted)


@pytest.mark.usefixtures("always_compiled")
@pytest.mark.parametrize("threads", [1, 5])
def test_threads_do_not_change_the_answer(threads: int) -> None:
    rng = np.random.default_rng(4)
    assert check(clouds(rng, 2000, 64, 500, 0.05), None, 8, threads) > 0


@pytest.mark.parametrize("two_sets", [False, True])
def test_hubs_are_named_before_memory_is_used(two_sets: bool) -> None:
    rng = np.random.default_rng(6)
    x = rng.random((200_000, 64)) < 0.5
    x[1000:150_000] = x[17]
    with pytest.raises(TooManyPairs) as caught:
        hamming_join(PackedBits.from_bool(x), PackedBits.from_bool(x[:150_000]) if two_sets else None, 8)
    assert caught.value.hubs[0] == (17, 149_001 if two_sets else 149_000)
    assert len({row for row, _ in caught.value.hubs}) == len(caught.value.hubs)


@pytest.mark.usefixtures("always_compiled")
def test_a_hub_of_near_copies_is_named() -> None:
    """No two hashes are equal, but all lie around one: it is the row in the most pairs."""
    rng = np.random.default_rng(7)
    x = rng.random((4000, 64)) < 0.5
    x[500:3500] = x[42]
    x[np.arange(500, 3500), rng.integers(64, size=3000)] ^= True
    x[np.arange(500, 3500), rng.integers(64, size=3000)] ^= True
    with pytest.raises(TooManyPairs) as caught:
        hamming_join(PackedBits.from_bool(x), None, 2, max_pairs=1000)
    row, pairs = caught.value.hubs[0]
    assert pairs == max(pairs for _, pairs in caught.value.hubs)
    assert pairs == int(((x != x[row]).sum(axis=1) <= 2).sum()) - 1
