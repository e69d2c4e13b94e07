"""Clusters against a walk of the graph."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.core.arrays import Pairs
from analysis.core.clusters import connected, members, smallest_connected
from analysis.core.errors import InvalidArray


def make_pairs(edges: list[tuple[int, int]]) -> Pairs:
    a, b = np.array(edges, np.int64).reshape(-1, 2).T
    return Pairs(a, b, np.zeros(len(a), np.float32))


def walk(n: int, edges: list[tuple[int, int]]) -> list[int]:
    """The smallest row that can be reached from each row, by spreading it along edges until nothing changes."""
    smallest = list(range(n))
    for _ in range(n):
        for i, j in edges:
            smallest[i] = smallest[j] = min(smallest[i], smallest[j])
    return smallest


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    n = draw(st.integers(1, 12))
    possible = [(i, j) for i in range(n) for j in range(i + 1, n)]
    edges = draw(st.lists(st.sampled_from(possible), unique=True, max_size=14)) if possible else []
    return n, edges


@given(graphs(), st.randoms())
def test_equals_the_walk_in_any_order_of_the_pairs(graph: tuple[int, list[tuple[int, int]]], random: Random) -> None:
    n, edges = graph
    expected = walk(n, edges)
    assert connected(n, make_pairs(edges)).tolist() == expected
    turned = [(j, i) for i, j in edges]
    random.shuffle(turned)
    assert connected(n, make_pairs(turned)).tolist() == expected


@given(graphs())
def test_members_partition_the_rows(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = graph
    cluster = connected(n, make_pairs(edges))
    groups = members(cluster, at_least=1)
    assert sorted(row for group in groups for row in group.tolist()) == list(range(n))
    for group in groups:
        assert group.tolist() == np.flatnonzero(cluster == cluster[group[0]]).tolist()
        assert group[0] == cluster[group[0]]
    assert [g.tolist() for g in members(cluster)] == [g.tolist() for g in groups if len(g) > 1]


def test_a_long_chain_is_one_cluster() -> None:
    n = 5_000
    order = np.random.default_rng(0).permutation(n - 1)
    pairs = Pairs(order, order + 1, np.zeros(n - 1, np.float32))
    assert (connected(n, pairs) == 0).all()


def test_nothing_to_join() -> None:
    assert connected(0, Pairs.empty()).tolist() == []
    assert connected(3, Pairs.empty()).tolist() == [0, 1, 2]
    assert connected(3, Pairs.empty()).dtype == np.int64
    assert members(np.empty(0, np.int64), at_least=0) == []


@pytest.mark.parametrize("edge", [(0, 3), (-1, 1), (1, 1)])
def test_a_pair_of_rows_that_do_not_exist_is_refused_by_place(edge: tuple[int, int]) -> None:
    with pytest.raises(InvalidArray, match=r"Pair 2 joins rows .* 1 of 2 pairs"):
        connected(3, make_pairs([(0, 1), edge]))


def test_edges_may_repeat() -> None:
    ones = np.ones(256, np.int64)
    assert smallest_connected(3, ones, ones + 1).tolist() == [0, 1, 1]
