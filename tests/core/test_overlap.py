"""Overlap against counting by hand, at every threshold; and the published overlap of three datasets of paintings."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.core import overlap_count
from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import InvalidArray
from analysis.core.label_overlap import ImageLabels, LabelCurve
from analysis.core.overlap import DEFINITION, OverlapCurve
from analysis.core.overlap_count import OverlapCount, overlap_curve
from tests.shared import shared_data

LABELS = 4


def labels_of(sets: list[list[int]], n_labels: int = LABELS) -> ImageLabels:
    indptr = np.cumsum([0, *map(len, sets)]).astype(np.int64)
    return ImageLabels(indptr, np.array([label for one in sets for label in one], np.int64), n_labels)


@dataclass
class Case:
    """A small problem, and the answer by definition: loops over images and pairs at one threshold."""

    dataset: list[int]
    k: int
    edges: list[tuple[int, int, float]]
    steps: list[float]
    sets: list[list[int]] | None

    def pairs(self) -> Pairs:
        a, b, d = np.array(self.edges, np.float64).reshape(-1, 3).T
        return Pairs(a.astype(np.int64), b.astype(np.int64), d.astype(np.float32))

    def images(self) -> dict[str, Any]:
        return {
            "dataset": np.array(self.dataset, np.int32),
            "n_datasets": self.k,
            "steps": np.array(self.steps, np.float32),
            "labels": None if self.sets is None else labels_of(self.sets),
        }

    def curve(self) -> OverlapCurve:
        return overlap_curve(pairs=self.pairs(), **self.images())

    def by_hand(self, t: float) -> dict[str, Any]:
        n, k, home = len(self.dataset), self.k, self.dataset
        near = [(i, j) for i, j, d in self.edges if np.float32(d) <= np.float32(t)]
        partners = [{j for i, j in near if i == x} | {i for i, j in near if j == x} for x in range(n)]
        group = list(range(n))
        for _ in range(n):
            for i, j in near:
                group[i] = group[j] = min(group[i], group[j])
        pictures = [[x for x in range(n) if group[x] == g] for g in sorted(set(group))]
        regions: dict[int, list[Any]] = {}
        for picture in pictures:
            mask = sum(1 << d for d in {home[x] for x in picture})
            count, images = regions.setdefault(mask, [0, [0] * k])
            regions[mask][0] = count + 1
            for x in picture:
                images[home[x]] += 1
        sizes = [len(p) for p in pictures if len(p) > 1]
        return {
            "pairs": [[sum({home[i], home[j]} == {r, c} for i, j in near) for c in range(k)] for r in range(k)],
            "matched": [
                [sum(home[x] == r and any(home[y] == c for y in partners[x]) for x in range(n)) for c in range(k)]
                for r in range(k)
            ],
            "matched_any": [sum(home[x] == r and bool(partners[x]) for x in range(n)) for r in range(k)],
            "matched_across": [
                sum(home[x] == r and any(home[y] != r for y in partners[x]) for x in range(n)) for r in range(k)
            ],
            "clusters": len(sizes),
            "largest_cluster": max(sizes, default=0),
            "regions": regions,
            "near": near,
            "partners": partners,
        }


distances = st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, 2.0, 7.0])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    k = draw(st.integers(1, 4))
    n = draw(st.integers(0, 9))
    dataset = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    possible = [(i, j) for i in range(n) for j in range(i + 1, n)]
    joined = draw(st.lists(st.sampled_from(possible), unique=True, max_size=12)) if possible else []
    edges = [(i, j, draw(distances)) for i, j in joined]
    steps = sorted(draw(st.sets(distances, min_size=1, max_size=5)))
    one = st.lists(st.integers(0, LABELS - 1), max_size=3)
    sets = draw(st.none() | st.lists(one, min_size=n, max_size=n))
    return Case(dataset, k, edges, steps, sets)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_equals_counting_by_hand_at_every_threshold(case: Case) -> None:
    curve = case.curve()
    assert curve.images.tolist() == [case.dataset.count(d) for d in range(case.k)]
    for s, t in enumerate(case.steps):
        expected = case.by_hand(t)
        for name in ("pairs", "matched", "matched_any", "matched_across"):
            assert getattr(curve, name)[s].tolist() == expected[name], name
        assert curve.clusters[s] == expected["clusters"]
        assert curve.largest_cluster[s] == expected["largest_cluster"]
        found = {
            mask: [int(counts[s]), curve.region_images[mask][s].tolist()]
            for mask, counts in curve.regions.items()
            if counts[s]
        }
        assert found == expected["regions"]
        assert all(not curve.region_images[mask][s].any() for mask in curve.regions if mask not in found)


@settings(max_examples=300, deadline=None)
@given(cases().filter(lambda case: case.sets is not None))
def test_labels_equal_counting_by_hand(case: Case) -> None:
    labels = case.curve().labels
    assert labels is not None
    assert case.sets is not None
    sets, home = [set(one) for one in case.sets], case.dataset
    rows = sorted({(home[x], label) for x in range(len(sets)) for label in sets[x]})
    assert list(zip(labels.dataset.tolist(), labels.label.tolist(), strict=True)) == rows
    carriers = [[x for x in range(len(sets)) if home[x] == d and label in sets[x]] for d, label in rows]
    assert labels.total.tolist() == [len(xs) for xs in carriers]
    for s, t in enumerate(case.steps):
        expected = case.by_hand(t)
        partners = expected["partners"]
        assert labels.matched[s].tolist() == [sum(bool(partners[x]) for x in xs) for xs in carriers]
        across = [sum(any(home[y] != home[x] for y in partners[x]) for x in xs) for xs in carriers]
        assert labels.matched_across[s].tolist() == across
        both = [(sets[i], sets[j]) for i, j in expected["near"] if sets[i] and sets[j]]
        assert labels.pairs_labelled[s] == len(both)
        assert labels.pairs_differ[s] == sum(one != other for one, other in both)
        assert labels.pairs_disjoint[s] == sum(not one & other for one, other in both)


@settings(max_examples=200, deadline=None)
@given(cases())
def test_invariants(case: Case) -> None:
    curve = case.curve()
    for name in ("pairs", "matched", "matched_any", "matched_across", "largest_cluster"):
        assert (np.diff(getattr(curve, name), axis=0) >= 0).all(), name
    assert (curve.pairs == curve.pairs.transpose(0, 2, 1)).all()
    assert (curve.matched.max(axis=2) <= curve.matched_any).all()
    assert (curve.matched_any <= curve.matched.sum(axis=2)).all()
    assert (curve.matched_any <= curve.images).all()
    assert (curve.matched_across <= curve.matched_any).all()
    pictures = sum(curve.regions.values(), np.zeros(len(case.steps), np.int64))
    images = sum(curve.region_images.values(), np.zeros((len(case.steps), case.k), np.int64))
    assert (images == curve.images).all()
    assert (np.diff(pictures) <= 0).all()
    assert (pictures - curve.clusters + curve.matched_any.sum(axis=1) == curve.images.sum()).all()
    for mask, by_dataset in curve.region_images.items():
        members = [bool(mask >> d & 1) for d in range(case.k)]
        assert ((by_dataset > 0) == (np.array(members) & (curve.regions[mask] > 0)[:, None])).all()


def assert_same(one: Any, other: Any) -> None:
    for field in fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, LabelCurve):
            assert_same(left, right)
        elif isinstance(left, dict):
            assert left.keys() == right.keys()
            for key in left:
                np.testing.assert_array_equal(left[key], right[key], strict=True)
        elif left is None:
            assert right is None
        else:
            np.testing.assert_array_equal(left, right, strict=True, err_msg=field.name)


@settings(max_examples=200, deadline=None)
@given(cases())
def test_json_gives_the_curve_back(case: Case) -> None:
    curve = case.curve()
    assert_same(curve, OverlapCurve.from_json(json.loads(json.dumps(curve.to_json()))))


@settings(max_examples=300, deadline=None)
@given(case=cases(), cuts=st.lists(st.integers(0, 40), max_size=5), pending=st.integers(1, 4))
def test_parts_count_like_the_whole(case: Case, cuts: list[int], pending: int) -> None:
    pairs = case.pairs()
    count = OverlapCount(**case.images())
    with pytest.MonkeyPatch.context() as patch:
        # So that edges which join nothing new are dropped between these few parts too.
        patch.setattr(overlap_count, "PENDING", pending)
        bounds = sorted({0, len(pairs), *(min(cut, len(pairs)) for cut in cuts)})
        for start, stop in itertools.pairwise(bounds):
            count.add(pairs.take(slice(start, stop)))
    assert count.curve().to_json() == case.curve().to_json()


@given(cases())
def test_the_order_of_the_pairs_does_not_matter(case: Case) -> None:
    backwards = Case(case.dataset, case.k, case.edges[::-1], case.steps, case.sets)
    assert json.dumps(case.curve().to_json()) == json.dumps(backwards.curve().to_json())


def test_json_is_what_the_schema_says() -> None:
    case = Case([0, 0, 1, 2], 3, [(0, 2, 0.1), (1, 2, 0.3)], [0.0, 0.1, 0.2, 0.3], [[0], [1, 2], [0], []])
    assert case.curve().to_json() == {
        "schema": 1,
        "steps": [0, 0.1, 0.2, 0.3],
        "images": [2, 1, 1],
        "pairs": [[[], [1, 1, 1, 2], []], [[1, 1, 1, 2], [], []], [[], [], []]],
        "matched": [[[], [1, 1, 1, 2], []], [[1, 1], [], []], [[], [], []]],
        "matched_any": [[1, 1, 1, 2], [1, 1], []],
        "matched_across": [[1, 1, 1, 2], [1, 1], []],
        "clusters": [1, 1],
        "largest_cluster": [1, 2, 2, 3],
        "regions": [
            {"sets": [0], "pictures": [0, 2, 1, 1, 0], "images": [[0, 2, 1, 1, 0]]},
            {"sets": [1], "pictures": [0, 1, 0], "images": [[0, 1, 0]]},
            {"sets": [2], "pictures": [0, 1], "images": [[0, 1]]},
            {"sets": [0, 1], "pictures": [1, 1], "images": [[1, 1, 1, 2], [1, 1]]},
        ],
        "labels": {
            "rows": [
                [0, 0, 1, [1, 1], [1, 1]],
                [0, 1, 1, [3, 1], [3, 1]],
                [0, 2, 1, [3, 1], [3, 1]],
                [1, 0, 1, [1, 1], [1, 1]],
            ],
            "pairs_labelled": [1, 1, 1, 2],
            "pairs_differ": [3, 1],
            "pairs_disjoint": [3, 1],
        },
    }


def test_a_curve_stored_under_another_schema_is_refused() -> None:
    stored = Case([0], 1, [], [1.0], None).curve().to_json() | {"schema": 99}
    with pytest.raises(InvalidArray, match="schema 99"):
        OverlapCurve.from_json(stored)


def test_step_at_is_the_largest_threshold_reached() -> None:
    curve = Case([0], 1, [], [0.1, 0.3], None).curve()
    assert [curve.step_at(t) for t in (0.05, 0.1, 0.2, 0.3, 9.0)] == [None, 0, 0, 1, 1]


def test_a_distance_that_is_the_threshold_is_counted_in_single_precision() -> None:
    curve = Case([0, 1], 2, [(0, 1, 0.1)], [0.1], None).curve()
    assert curve.pairs[0, 0, 1] == 1


def test_many_datasets_fit_the_masks() -> None:
    k = 62
    curve = Case(list(range(k)), k, [(i, i + 1, float(i)) for i in range(k - 1)], [60.0], None).curve()
    assert {mask: counts.tolist() for mask, counts in curve.regions.items()} == {2**k - 1: [1]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_datasets": 63}, "1 to 62 datasets"),
        ({"n_datasets": 1}, "numbered 0 to 0"),
        ({"dataset": np.array([0.0, 1.0])}, "int32"),
        ({"steps": np.array([1, 1], np.float32)}, "larger than the one before"),
        ({"steps": np.array([1, np.nan], np.float32)}, "finite"),
        ({"steps": np.array([1.0])}, "float32"),
        ({"labels": labels_of([[0]])}, "Labels are given for 1 images"),
        ({"pairs": Pairs(np.array([0]), np.array([2]), np.zeros(1, np.float32))}, "rows 0 and 2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    fitting: dict[str, Any] = {
        "dataset": np.array([0, 1], np.int32),
        "n_datasets": 2,
        "pairs": Pairs.empty(),
        "steps": np.array([0, 1], np.float32),
    }
    overlap_curve(**fitting)
    with pytest.raises(InvalidArray, match=message):
        overlap_curve(**(fitting | change))


def test_labels_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidArray, match="0 to 3"):
        labels_of([[4]])
    with pytest.raises(InvalidArray, match="rise from 0"):
        ImageLabels(np.array([0, 2]), np.array([1]), LABELS)


def test_the_definition_is_a_few_sentences() -> None:
    assert 3 <= DEFINITION.count(". ") + DEFINITION.endswith(".") <= 5


def all_pairs(bits: list[PackedBits], limit: int) -> tuple[NDArray[np.int32], Pairs]:
    """Brute force: every pair of images of different datasets at most `limit` bits apart."""
    dataset = np.repeat(np.arange(len(bits), dtype=np.int32), [len(one) for one in bits])
    table = np.concatenate([one.to_bool() for one in bits]).astype(np.float32)
    distance = table @ (1 - table).T + (1 - table) @ table.T
    a, b = np.nonzero(np.triu(distance <= limit, 1) & (dataset[:, None] != dataset))
    return dataset, Pairs(a, b, distance[a, b].astype(np.float32))


@pytest.mark.shared_data
def test_the_published_overlap_of_three_datasets_of_saints() -> None:
    home = shared_data() / "saints" / "fingerprints"
    names = ["ArtDL", "ICONCLASS", "wikidata"]
    steps = np.arange(17, dtype=np.float32)

    def curve_of(file: str, read: Callable[[list[str]], PackedBits]) -> OverlapCurve:
        bits = [read(json.loads((home / name / file).read_text())) for name in names]
        dataset, pairs = all_pairs(bits, 16)
        return overlap_curve(dataset=dataset, n_datasets=3, pairs=pairs, steps=steps)

    phash = curve_of("perceptual_hashes.json", lambda values: PackedBits.from_hex(values, 64))
    at = phash.step_at(8)
    assert phash.images.tolist() == [1864, 592, 718]
    assert phash.pairs[at].tolist() == [[0, 0, 44], [0, 0, 2], [44, 2, 0]]
    assert phash.matched[at].tolist() == [[0, 0, 43], [0, 0, 2], [39, 2, 0]]
    assert sum(int(counts[at]) for counts in phash.regions.values()) == 1864 + 592 + 718 - int(
        phash.matched_any[at].sum() - phash.clusters[at]
    )

    def from_text(values: list[str]) -> PackedBits:
        return PackedBits.from_bool(np.array([list(value) for value in values]) == "1")

    block_mean = curve_of("robust_hashes.json", from_text)
    assert block_mean.pairs[at].tolist() == [[0, 2, 32], [2, 0, 1], [32, 1, 0]]
