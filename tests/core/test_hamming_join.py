"""`hamming_join` against brute force written another way."""

import numpy as np
import pytest

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import InvalidArray, TooManyPairs
from analysis.core.search import hamming_join


def brute(first: PackedBits, second: PackedBits | None, radius: int) -> list[tuple[int, int, int]]:
    x = first.to_bool()
    y = x if second is None else second.to_bool()
    return [
        (i, j, d)
        for i in range(len(x))
        for j in range(i + 1 if second is None else 0, len(y))
        if (d := int((x[i] != y[j]).sum())) <= radius
    ]


def rows(pairs: Pairs) -> list[tuple[int, int, int]]:
    return list(zip(pairs.a.tolist(), pairs.b.tolist(), pairs.distance.astype(int).tolist(), strict=True))


def near_copies(rng: np.random.Generator, n: int, n_bits: int, copies: float = 0.3) -> PackedBits:
    """Random hashes of which a share are copies of others with a few bits flipped."""
    bits = rng.random((n, n_bits)) < 0.5
    for row in np.flatnonzero(rng.random(n) < copies):
        bits[row] = bits[rng.integers(n)]
        bits[row, rng.integers(n_bits, size=rng.integers(6))] ^= True
    return PackedBits.from_bool(bits)


@pytest.mark.parametrize("n_bits", [1, 7, 63, 64, 65, 100, 256, 1024])
@pytest.mark.parametrize("two_sets", [False, True])
def test_small_sets_equal_brute_force(n_bits: int, two_sets: bool) -> None:
    rng = np.random.default_rng(n_bits)
    first = near_copies(rng, 40, n_bits)
    second = PackedBits(np.concatenate([first.packed[:10], near_copies(rng, 20, n_bits).packed]), n_bits)
    for radius in (0, 1, 3, 8, n_bits, n_bits + 5):
        other = second if two_sets else None
        assert rows(hamming_join(first, other, radius)) == brute(first, other, radius)


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_to_join(n: int) -> None:
    hashes = PackedBits(np.zeros((n, 8), np.uint8), 64)
    assert len(hamming_join(hashes, None, 8)) == 0
    assert rows(hamming_join(hashes, hashes, 8)) == [(0, 0, 0)] * n


def test_refuses_what_has_no_distance() -> None:
    x = PackedBits(np.zeros((2, 8), np.uint8), 64)
    with pytest.raises(InvalidArray, match="64 bits cannot be compared with hashes of 256"):
        hamming_join(x, PackedBits(np.zeros((2, 32), np.uint8), 256), 8)
    with pytest.raises(InvalidArray, match="not -1"):
        hamming_join(x, None, -1)


def test_too_many_pairs_names_the_hubs() -> None:
    rng = np.random.default_rng(0)
    bits = rng.random((300, 64)) < 0.5
    bits[100:160] = bits[7]
    hashes = PackedBits.from_bool(bits)
    assert len(hamming_join(hashes, None, 4, max_pairs=61 * 60 // 2)) == 61 * 60 // 2
    with pytest.raises(TooManyPairs) as caught:
        hamming_join(hashes, None, 4, max_pairs=61 * 60 // 2 - 1)
    assert caught.value.limit == 61 * 60 // 2 - 1
    assert caught.value.hubs[0] == (7, 60)
    assert "row 8 alone is in 60" in str(caught.value)
