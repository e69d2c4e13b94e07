"""The contract of every sampler, and the values that hold the default one."""

import numpy as np
import pytest

from analysis.core.errors import UnknownName
from analysis.core.samplers import SAMPLERS, random_order


def bits(seed: int) -> np.random.PCG64:
    return np.random.PCG64(np.random.SeedSequence(seed))


@pytest.mark.parametrize("name", SAMPLERS)
def test_draws_are_different_positions_and_follow_from_the_seed(name: str) -> None:
    sampler = SAMPLERS[name]
    assert sampler.name == name
    assert sampler.title
    assert sampler.summary.endswith(".")
    counts = np.array([3, 1, 4, 1, 5, 9, 2, 6], np.int64)
    for draw in (sampler.draw_classes, sampler.draw_support):
        for size in (1, 5, 8):
            drawn = draw(counts, size, bits(7))
            assert drawn.dtype == np.int64
            assert len(set(drawn.tolist())) == size
            assert set(drawn.tolist()) <= set(range(8))
            assert drawn.tolist() == draw(counts, size, bits(7)).tolist()
        assert len({tuple(draw(counts, 5, bits(seed)).tolist()) for seed in range(20)}) > 10


def test_uniform_draws_every_class_and_group_alike() -> None:
    """Each of 5 is among 2 drawn with probability 0.4: 2,000 draws stay within 4.5 standard deviations (0.05)."""
    stream = bits(1)
    for draw in (SAMPLERS["uniform"].draw_classes, SAMPLERS["uniform"].draw_support):
        seen = np.zeros(5)
        for _ in range(2_000):
            seen[draw(np.array([1, 2, 3, 50, 500], np.int64), 2, stream)] += 1
        np.testing.assert_allclose(seen / 2_000, 0.4, atol=0.05)


def test_the_random_order_is_held_by_value() -> None:
    """The storage key of a split is its seed: the order that a seed gives may never change."""
    assert random_order(10, bits(0)).tolist() == [3, 2, 1, 8, 6, 0, 7, 4, 5, 9]
    assert random_order(0, bits(0)).tolist() == []


def test_a_sampler_that_does_not_exist() -> None:
    with pytest.raises(UnknownName, match="uniform"):
        SAMPLERS["unheard-of"]
