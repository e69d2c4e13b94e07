"""Example pairs at chosen distances: the nearest to each rung, of different images, always the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.core.arrays import PackedBits, Pairs, Vectors
from analysis.core.ladder import climb, cosine_pairs, examples, hamming_pairs, rungs
from analysis.core.scales import Bits, Cosine
from analysis.core.search import cosine_join, hamming_join


def test_rungs_of_embeddings_are_similarities_and_of_hashes_parts_of_the_usual_distance() -> None:
    assert rungs(Cosine(), 0.3) == [0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05]
    assert rungs(Bits(64), 8) == [24, 16, 12, 10, 8, 6, 4, 2, 0]
    # No rung twice, and none beyond what unrelated pictures differ by.
    assert rungs(Bits(64), 2) == [6, 4, 3, 2, 1, 0]
    assert rungs(Bits(64), 20) == [30, 25, 20, 15, 10, 5, 0]


def test_all_pairs_are_those_of_the_joins() -> None:
    rng = np.random.default_rng(0)
    hashes = PackedBits(rng.integers(0, 256, (30, 9), np.uint8), 72)
    pairs, joined = hamming_pairs(hashes), hamming_join(hashes, None, 72)
    assert (pairs.a.tolist(), pairs.b.tolist()) == (joined.a.tolist(), joined.b.tolist())
    assert pairs.distance.tolist() == joined.distance.tolist()
    values = rng.normal(size=(30, 5))
    vectors = Vectors((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32))
    near, exact = cosine_pairs(vectors), cosine_join(vectors, None, 2)
    assert near.distance == pytest.approx(exact.distance, abs=1e-6)


@given(
    distances=st.lists(st.integers(0, 20), max_size=120),
    images=st.integers(2, 20),
    target=st.integers(0, 20),
    count=st.integers(1, 4),
    seed=st.integers(0, 5),
)
def test_examples_are_the_nearest_to_the_rung_and_of_different_images(
    distances: list[int], images: int, target: int, count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    keys = sorted({(int(a), int(b)) for a, b in rng.integers(0, images, (len(distances), 2)) if a < b})
    pairs = Pairs(
        np.array([a for a, _ in keys], np.int64),
        np.array([b for _, b in keys], np.int64),
        np.array(distances[: len(keys)], np.float32),
    )
    found = examples(pairs, target, count=count)
    away = np.abs(found.distance - target).tolist()
    assert away == sorted(away)
    ends = [*found.a.tolist(), *found.b.tolist()]
    assert len(set(ends)) == len(ends) == 2 * len(found)
    assert len(found) <= count
    # One by one: the nearest of all, then the nearest of those that share no image with it, and so on.
    rest = sorted(
        (abs(distance - target), a, b) for (a, b), distance in zip(keys, pairs.distance.tolist(), strict=True)
    )
    for a, b in zip(found.a.tolist(), found.b.tolist(), strict=True):
        assert (a, b) == rest[0][1:]
        rest = [each for each in rest if {a, b}.isdisjoint(each[1:])]
    assert len(found) == count or not rest


def test_a_rung_takes_only_what_is_nearer_to_it_than_to_the_others() -> None:
    distances = np.array([0, 1, 2, 3, 7, 11, 12, 25, 40], np.float32)
    pairs = Pairs(np.arange(0, 18, 2), np.arange(1, 18, 2), distances)
    found = climb(pairs, [24, 12, 8, 4, 0], count=3)
    assert [some.distance.tolist() for some in found] == [[25], [12, 11], [7], [3, 2], [0, 1, 2]]
