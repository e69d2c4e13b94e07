"""Groups of points: the same as counted one by one, whatever points carry."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.core.palette import GROUPS, REST
from analysis.core.projection import groups
from analysis.core.projection.groups import by_label, grouped
from analysis.core.projection.scene import Coloring

CARRIED = st.lists(st.lists(st.integers(0, 6), max_size=4, unique=True), max_size=12)


@settings(deadline=None)
@given(carried=CARRIED, seed=st.integers(0, 99))
def test_points_stand_with_the_label_that_most_points_carry(carried: list[list[int]], seed: int) -> None:
    points = np.array([at for at, own in enumerate(carried) for _ in own], np.int64)
    labels = np.array([label for own in carried for label in own], np.int64)
    mixed = np.random.default_rng(seed).permutation(len(points))
    found = by_label(len(carried), points[mixed], labels[mixed], lambda code: (f"label {code}", str(code)))
    often = Counter(labels.tolist())
    chosen = [min(own, key=lambda label: (-often[label], label)) if own else None for own in carried]
    sizes = Counter(label for label in chosen if label is not None)
    ranked = sorted(sizes, key=lambda label: (-sizes[label], label))
    assert [group.name for group in found.groups] == [*(f"label {label}" for label in ranked), "no label"]
    assert [found.groups[code].name for code in found.codes.tolist()] == [
        "no label" if label is None else f"label {label}" for label in chosen
    ]
    assert [group.key for group in found.groups] == [*(str(label) for label in ranked), "none"]
    assert ("several labels" in found.note) == any(len(own) > 1 for own in carried)
    assert found.counts().sum() == len(carried)


@pytest.mark.parametrize("repeat", [False, True])
def test_more_groups_than_colours(repeat: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # Group n has n + 1 points, so the last is the largest.
    count = len(GROUPS) + 3
    codes = np.array([-1, *(n for n in range(count) for _ in range(n + 1))], np.int64)

    def made() -> Coloring:
        return grouped("k", "Kind", codes, lambda n: (f"{n}", f"{n}"), none="none", others="rest", repeat=repeat)

    found = made()
    colors = [group.color for group in found.groups]
    assert colors == [*GROUPS, *(GROUPS[:3] if repeat else [REST] * 3), REST]
    assert found.counts().tolist() == [*range(count, 0, -1), 1]
    monkeypatch.setattr(groups, "MOST_GROUPS", 2)
    found = made()
    assert [(group.name, group.key) for group in found.groups][2:] == [("rest", "others"), ("none", "none")]
    assert found.counts().tolist() == [count, count - 1, sum(range(1, count - 1)), 1]
