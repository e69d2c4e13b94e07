"""Diagrams against counting the points of a fine grid, whatever the counts."""

import json
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.core.circles import common_area, place, region_areas
from analysis.core.errors import InvalidArray
from analysis.core.venn import LABEL_GAP, ROOM, Circle, UpsetRow, VennLayout, upset_rows, venn_layout

counts = st.one_of(st.just(0), st.integers(0, 40), st.integers(0, 100_000))


def regions_of(k: int) -> st.SearchStrategy[dict[int, int]]:
    return st.fixed_dictionaries(dict.fromkeys(range(1, 1 << k), counts))


def counted(circles: list[Circle], size: int = 700) -> NDArray[np.float64]:
    """Areas of the regions by counting the cells of a grid over the circles."""
    reach = max(max(abs(c.x), abs(c.y)) + c.r for c in circles) + 1e-9
    line = (np.arange(size) + 0.5) / size * 2 * reach - reach
    x, y = np.meshgrid(line, line)
    mask = sum((np.hypot(x - c.x, y - c.y) < c.r) * (1 << j) for j, c in enumerate(circles))
    cells = np.bincount(np.asarray(mask).ravel(), minlength=1 << len(circles)) * (2 * reach / size) ** 2
    cells[0] = 0
    return np.asarray(cells, np.float64)


coordinates = st.floats(-1, 1)
circles_anywhere = st.lists(st.builds(Circle, coordinates, coordinates, st.floats(0.05, 1)), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(circles_anywhere)
@example([Circle(0, 0, 1), Circle(0, 0, 1), Circle(0, 0, 1)])
@example([Circle(0, 0, 1), Circle(0.5, 0, 0.5), Circle(1, 0, 0.25)])
@example([Circle(0, 0, 0.5), Circle(1, 0, 0.5), Circle(0.5, 0, 0.2)])
def test_areas_equal_counting(circles: list[Circle]) -> None:
    areas = region_areas(np.array([[c.x, c.y] for c in circles]), np.array([c.r for c in circles]))
    np.testing.assert_allclose(areas, counted(circles), atol=0.02)


def test_the_area_of_a_known_lens_and_of_the_reuleaux_triangle() -> None:
    unit = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(3) / 2]])
    assert common_area(unit[:2], np.ones(2)) == pytest.approx(2 * math.pi / 3 - math.sqrt(3) / 2)
    assert common_area(unit, np.ones(3)) == pytest.approx((math.pi - math.sqrt(3)) / 2)


def shares(regions: dict[int, int], k: int) -> NDArray[np.float64]:
    asked = np.array([regions.get(mask, 0) for mask in range(1 << k)], np.float64)
    return np.asarray(asked / asked.sum(), np.float64)


def check(layout: VennLayout, regions: dict[int, int], k: int) -> None:
    """What every layout holds."""
    asked = shares(regions, k)
    centres = np.array([[c.x, c.y] for c in layout.circles])
    radii = np.array([c.r for c in layout.circles])
    assert len(layout.circles) == len(layout.sets) == k

    # Circle areas are proportional to the sets, and the error is that of the circles as they stand.
    sizes = np.array([asked[[mask for mask in range(1 << k) if mask >> j & 1]].sum() for j in range(k)])
    np.testing.assert_allclose(radii**2 / (radii**2).max(), sizes / sizes.max(), atol=1e-9)
    drawn = region_areas(centres, radii)
    difference = drawn / drawn.sum() - asked
    assert layout.error == pytest.approx(np.abs(difference).max(), abs=1e-9)

    # The first circle stands left, the second right, the third not above them.
    if radii.all():
        assert centres[0, 0] <= centres[1, 0]
        assert centres[0, 1] == centres[1, 1]
        assert (centres[0, 1] <= centres[2:, 1] + 1e-9).all()

    # Everything is in the box.
    assert layout.height <= 1 + 1e-9
    for circle in layout.circles:
        assert circle.r <= circle.x <= 1 - circle.r
        assert circle.r - 1e-9 <= circle.y <= layout.height - circle.r + 1e-9
    for x, y in [(one.x, one.y) for one in layout.sets] + [(one.x, one.y) for one in layout.regions]:
        assert 0 <= x <= 1
        assert 0 <= y <= layout.height

    # Every region with a count has its number: in it, or outside all circles with a leader.
    assert [region.mask for region in layout.regions] == np.flatnonzero(asked).tolist()
    for region in layout.regions:
        assert region.error == pytest.approx(difference[region.mask], abs=1e-9)
        reach = np.hypot(region.x - centres[:, 0], region.y - centres[:, 1])
        if region.leader is None:
            assert region.room >= ROOM
            for j in range(k):
                inside = reach[j] <= radii[j] - region.room + 1e-9
                outside = reach[j] >= radii[j] + region.room - 1e-9
                assert inside if region.mask >> j & 1 else outside or radii[j] == 0
        else:
            assert region.room == 0
            assert (reach[radii > 0] >= (radii + LABEL_GAP)[radii > 0] - 1e-9).all()
    numbers = [(region.x, region.y) for region in layout.regions if region.leader]
    assert len(numbers) == len(set(numbers))


@settings(max_examples=80, deadline=None)
@given(regions_of(2).filter(lambda regions: any(regions.values())))
def test_two_circles_are_exact(regions: dict[int, int]) -> None:
    layout = venn_layout(regions, 2)
    check(layout, regions, 2)
    assert layout.error < 1e-6
    assert venn_layout(regions, 2) == layout


@settings(max_examples=80, deadline=None)
@given(regions_of(3).filter(lambda regions: any(regions.values())))
@example({1: 5, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0})
@example({1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 3})
@example({1: 1, 2: 0, 3: 0, 4: 650, 5: 0, 6: 76, 7: 13})
@example({1: 100, 2: 200, 3: 10_000, 4: 10, 5: 20, 6: 3, 7: 1})
def test_three_circles(regions: dict[int, int]) -> None:
    layout = venn_layout(regions, 3)
    check(layout, regions, 3)
    assert venn_layout(regions, 3) == layout


@pytest.mark.parametrize(
    "regions",
    [
        {1: 1821, 2: 590, 4: 677, 5: 41, 6: 2},  # a chain of overlaps
        {1: 50, 2: 40, 4: 20},  # three apart
        {1: 50, 3: 20, 7: 10},  # one in another in a third
        {1: 50, 3: 20, 4: 20},  # one in another, a third apart
        {1: 80, 3: 5, 7: 10, 5: 5},  # two that overlap in a third
        {7: 5},  # three equal sets
        {1: 3, 2: 4},  # an empty set
    ],
)
def test_what_three_circles_can_show_is_exact(regions: dict[int, int]) -> None:
    assert venn_layout(regions, 3).error < 1e-6


def test_what_three_circles_cannot_show_is_said() -> None:
    """Three pairwise overlaps and nothing else: circles would have to share their middle, or not to meet."""
    layout = venn_layout({3: 10, 5: 10, 6: 10}, 3)
    assert layout.error > 0.1
    layout = venn_layout({1: 10, 2: 10, 4: 10, 7: 1}, 3)
    assert 0.01 < layout.error < 0.05


def test_the_fit_is_as_good_as_the_best_of_many_starts() -> None:
    """Squared error found once by the best of 15 random starts of the same minimisation, for counts that do not fit."""
    for asked, best in (([0, 10, 10, 0, 10, 0, 0, 1], 0.0456), ([0, 0, 0, 10, 0, 10, 10, 0], 0.5444)):
        wanted = np.array(asked, np.float64) / sum(asked)
        assert math.sqrt(((region_areas(*place(wanted, 3)) - wanted) ** 2).sum()) <= best


def test_a_growing_threshold_moves_the_circles_little() -> None:
    """The slider redraws at every step: no circle may jump."""
    before = None
    for step in range(20):
        layout = venn_layout({1: 900 - 9 * step, 2: 400, 4: 300 - 9 * step, 5: 40 + 9 * step, 6: 10 + step, 7: step}, 3)
        spots = np.array([[c.x, c.y] for c in layout.circles])
        if before is not None:
            assert np.hypot(*(spots - before).T).max() < 0.05
        before = spots


def test_labels_of_sets_stand_outside_all_circles_where_they_can() -> None:
    layout = venn_layout({1: 30, 2: 25, 4: 20, 3: 8, 5: 6, 6: 5, 7: 4}, 3)
    for one in layout.sets:
        assert all(math.dist((one.x, one.y), (c.x, c.y)) >= c.r + LABEL_GAP - 1e-9 for c in layout.circles)
    assert [one.align for one in layout.sets] == ["middle"] * 3

    outer, inner = (layout := venn_layout({1: 60, 3: 15}, 2)).circles
    label = layout.sets[1]
    assert math.dist((label.x, label.y), (inner.x, inner.y)) == pytest.approx(inner.r + LABEL_GAP)
    assert math.dist((label.x, label.y), (outer.x, outer.y)) < outer.r - LABEL_GAP / 2


@pytest.mark.parametrize("k", [2, 3])
def test_nothing_at_all(k: int) -> None:
    for regions in ({}, {1: 0, 3: 0}):
        layout = venn_layout(regions, k)
        assert layout.error == 0
        assert layout.regions == ()
        assert [circle.r for circle in layout.circles] == [0] * k
        assert len({(one.x, one.y) for one in layout.sets}) == k


def test_json_is_plain_and_short() -> None:
    layout = venn_layout({1: 60, 2: 25, 3: 1}, 2)
    data = json.loads(json.dumps(layout.to_json()))
    assert list(data) == ["height", "circles", "sets", "regions", "error"]
    assert list(data["circles"][0]) == ["x", "y", "r"]
    assert list(data["sets"][0]) == ["x", "y", "align"]
    assert list(data["regions"][0]) == ["mask", "x", "y", "room", "leader", "error"]
    assert data["circles"][0]["x"] == round(layout.circles[0].x, 5)
    assert len(data["regions"][2]["leader"]) == 2


@pytest.mark.parametrize(
    ("regions", "k", "message"),
    [
        ({1: 1}, 4, "2 or 3 sets, not 4"),
        ({8: 1}, 3, "masks 1 to 7"),
        ({0: 1}, 2, "masks 1 to 3"),
        ({1: -1}, 2, "at least 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(regions: dict[int, int], k: int, message: str) -> None:
    with pytest.raises(InvalidArray, match=message):
        venn_layout(regions, k)


def test_upset_rows_are_the_regions_by_size() -> None:
    rows = upset_rows({0b0001: 7, 0b1010: 9, 0b0110: 7, 0b0100: 7, 0b1111: 0})
    assert rows == [UpsetRow((1, 3), 9), UpsetRow((0,), 7), UpsetRow((2,), 7), UpsetRow((1, 2), 7)]
    assert rows[0].to_json() == {"sets": [1, 3], "count": 9}
    assert upset_rows({}) == []
