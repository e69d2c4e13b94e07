"""Splits: what every split must hold, checked from the outside; chance; and messages that help."""

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.core.errors import InvalidArray, UnknownName
from analysis.core.split_table import REASONS
from analysis.core.splits import (
    InvalidRecipe,
    Leak,
    LeakFound,
    NotEnoughGroups,
    Recipe,
    Split,
    SplitRow,
    available_groups,
    leaks,
    make_split,
)

Images = tuple[list[str], list[tuple[str, ...]], NDArray[np.int64]]
CLASSES = ("Ä", "a", "b", "c")


@st.composite
def datasets(draw: st.DrawFn) -> Images:
    n = draw(st.integers(4, 26))
    names = draw(
        st.lists(st.text(st.sampled_from("abéZ0/"), min_size=1, max_size=4), min_size=n, max_size=n, unique=True)
    )
    carried: list[tuple[str, ...]] = [*[(label,) for label in CLASSES] * 3, (), ("a", "b")]
    labels = draw(st.lists(st.sampled_from(carried), min_size=n, max_size=n))
    cluster = np.array(draw(st.lists(st.integers(0, 2 * n), min_size=n, max_size=n)), np.int64)
    return names, labels, cluster


recipes = st.builds(
    Recipe,
    n_way=st.integers(1, 3),
    k_shot=st.integers(1, 3),
    n_query=st.none() | st.integers(1, 3),
    clusters=st.sampled_from(["together", "one", "drop"]),
)


def split_or_skip(images: Images, recipe: Recipe, seed: int) -> Split:
    names, labels, cluster = images
    try:
        return make_split(names=names, labels=labels, cluster=cluster, recipe=recipe, rng_seed=seed)
    except NotEnoughGroups:
        assume(False)
        raise


@settings(max_examples=120, deadline=None)
@given(datasets(), recipes, st.integers(0, 2**70))
def test_what_every_split_holds(images: Images, recipe: Recipe, seed: int) -> None:
    names, labels, cluster = images
    split = split_or_skip(images, recipe, seed)
    n, drawn = len(names), set(split.classes)
    assert split.classes == tuple(sorted(drawn))
    assert len(drawn) == recipe.n_way
    assert split.n_classes == len({label for carried in labels for label in carried})
    assert recipe.n_way <= split.n_available <= split.n_classes

    # Nothing disappears, nothing is there twice.
    left_out = [index for reason in split.left_out for index in reason.indices]
    assert sorted([row.index for row in split.rows] + left_out) == list(range(n))

    # Each image stands for the one drawn class that it carries.
    for row in split.rows:
        assert row.name == names[row.index]
        assert set(labels[row.index]) & drawn == {row.label}

    # No cluster crosses the sides, nor shows two drawn classes.
    side: dict[int, set[str]] = {}
    for row in split.rows:
        side.setdefault(int(cluster[row.index]), set()).add(row.role)
    assert all(len(roles) == 1 for roles in side.values())
    shown: dict[int, set[str]] = {}
    for index in range(n):
        shown.setdefault(int(cluster[index]), set()).update(set(labels[index]) & drawn)
    assert all(len(shown[found]) == 1 for found in side)

    # Exact numbers; the support of a class comes from as many clusters.
    for label in split.classes:
        support = [row.index for row in split.rows if row.label == label and row.role == "support"]
        query = [row.index for row in split.rows if row.label == label and row.role == "query"]
        assert len(support) == len({int(cluster[index]) for index in support}) == recipe.k_shot
        assert len(query) >= 1 if recipe.n_query is None else len(query) == recipe.n_query

    size = Counter(cluster.tolist())
    used = Counter(int(cluster[row.index]) for row in split.rows)
    if recipe.clusters == "drop":
        assert all(size[found] == 1 for found in used)
    if recipe.clusters == "one":
        assert all(count == 1 for count in used.values())
    # What stands in for its cluster is the first by name of the images that could.
    for row in split.rows:
        if row.role == "support" or recipe.clusters == "one":
            mates = [i for i in range(n) if cluster[i] == cluster[row.index] and set(labels[i]) & drawn]
            assert row.name == min(names[i] for i in mates)

    # Rows are in the documented order.
    keys = [(row.label, row.role != "support", row.name) for row in split.rows]
    assert keys == sorted(keys)


@settings(max_examples=120, deadline=None)
@given(datasets(), recipes, st.integers(0, 99))
def test_every_reason_is_true(images: Images, recipe: Recipe, seed: int) -> None:
    names, labels, cluster = images
    split = split_or_skip(images, recipe, seed)
    drawn, n = set(split.classes), len(names)
    roles = {row.index: row.role for row in split.rows}
    mates = [[j for j in range(n) if cluster[j] == cluster[i]] for i in range(n)]
    holds: dict[str, Callable[[int], object]] = {
        "unlabelled": lambda i: not labels[i],
        "other_class": lambda i: labels[i] and not set(labels[i]) & drawn,
        "clustered": lambda i: recipe.clusters == "drop" and len(mates[i]) > 1,
        "several_classes": lambda i: len(set(labels[i]) & drawn) > 1,
        "cluster_several_classes": lambda i: len({c for j in mates[i] for c in labels[j]} & drawn) > 1,
        "not_first": lambda i: recipe.clusters == "one" and any(names[j] < names[i] for j in mates[i]),
        "with_support": lambda i: "support" in [roles.get(j) for j in mates[i]],
        "not_drawn": lambda i: recipe.n_query is not None,
    }
    assert holds.keys() == REASONS.keys()
    assert [reason.reason for reason in split.left_out] == [
        key for key in REASONS if key in {r.reason for r in split.left_out}
    ]
    for reason in split.left_out:
        assert reason.count > 0
        assert str(reason) == f"{reason.count} × {REASONS[reason.reason]}"
        assert all(holds[reason.reason](index) for index in reason.indices), reason
        assert [names[i] for i in reason.indices] == sorted(names[i] for i in reason.indices)


def named(split: Split, names: list[str]) -> Any:
    """A split without the numbers of its input rows."""
    return (
        split.classes,
        [(row.name, row.label, row.role) for row in split.rows],
        [(reason.reason, [names[i] for i in reason.indices]) for reason in split.left_out],
    )


@settings(max_examples=80, deadline=None)
@given(datasets(), recipes, st.integers(0, 99), st.randoms())
def test_the_order_of_rows_labels_and_cluster_ids_does_not_matter(
    images: Images, recipe: Recipe, seed: int, random: Any
) -> None:
    names, labels, cluster = images
    split = split_or_skip(images, recipe, seed)
    order = list(range(len(names)))
    random.shuffle(order)
    renamed = {
        old: new for new, old in enumerate(random.sample(sorted(set(cluster.tolist())), len(set(cluster.tolist()))))
    }
    other_names = [names[i] for i in order]
    other = make_split(
        names=other_names,
        labels=[labels[i][::-1] * 2 for i in order],
        cluster=np.array([renamed[int(cluster[i])] for i in order], np.int64),
        recipe=recipe,
        rng_seed=seed,
    )
    assert named(split, names) == named(other, other_names)


def plain(n_classes: int, per_class: int, copies: int = 1) -> Images:
    """Classes of `per_class` groups of `copies` images each."""
    names = [f"{c:03}/{g:03}-{i}" for c in range(n_classes) for g in range(per_class) for i in range(copies)]
    labels: list[tuple[str, ...]] = [(name[:3],) for name in names]
    return names, labels, np.repeat(np.arange(n_classes * per_class, dtype=np.int64), copies)


def make(images: Images, recipe: Recipe, seed: int = 0) -> Split:
    names, labels, cluster = images
    return make_split(names=names, labels=labels, cluster=cluster, recipe=recipe, rng_seed=seed)


def test_a_split_is_held_by_value() -> None:
    """The seed of a published split must give it again, byte for byte, years later."""
    split = make(plain(12, 8, 2), Recipe(n_way=3, k_shot=2, n_query=2), seed=20_240)
    assert [(row.name, row.role) for row in split.rows if row.label == split.classes[0]] == [
        ("001/004-0", "support"),
        ("001/006-0", "support"),
        ("001/003-1", "query"),
        ("001/005-1", "query"),
    ]
    digest = hashlib.sha256("".join(f"{r.name}\t{r.label}\t{r.role}\n" for r in split.rows).encode()).hexdigest()
    assert digest == "01763e5d47a7187e61fc828247fca4f2170b8fecb0a666e697fb2a8862c15df2"


def test_seeds_differ() -> None:
    images = plain(10, 10)
    found = {make(images, Recipe(n_way=5, k_shot=1, n_query=5), seed).rows for seed in range(50)}
    assert len(found) == 50


def test_one_class_does_not_disturb_another() -> None:
    """More images of one class leave the draw of the others as it was."""
    recipe = Recipe(n_way=3, k_shot=2, n_query=3)
    names, labels, cluster = plain(3, 9)
    fewer = [i for i, name in enumerate(names) if name != "002/008-0"]
    one = make((names, labels, cluster), recipe)
    other = make(([names[i] for i in fewer], [labels[i] for i in fewer], cluster[fewer]), recipe)

    def of(split: Split, label: str) -> list[tuple[str, str]]:
        return [(row.name, row.role) for row in split.rows if row.label == label]

    assert of(one, "000") == of(other, "000")
    assert of(one, "001") == of(other, "001")


def test_copies_of_a_support_image_are_on_neither_side_and_query_keeps_its_copies() -> None:
    images = plain(2, 3, copies=4)
    split = make(images, Recipe(n_way=2, k_shot=1))
    assert Counter(row.role for row in split.rows) == {"support": 2, "query": 16}
    assert [(reason.reason, reason.count) for reason in split.left_out] == [("with_support", 6)]
    one = make(images, Recipe(n_way=2, k_shot=1, clusters="one"))
    assert Counter(row.role for row in one.rows) == {"support": 2, "query": 4}
    assert [(reason.reason, reason.count) for reason in one.left_out] == [("not_first", 18)]


def test_a_picture_of_two_drawn_classes_is_left_out_with_its_copies() -> None:
    names = ["a1", "a2", "a3", "b1", "b2", "b3", "ab", "copy of ab", "copy of a3"]
    labels = [("a",)] * 3 + [("b",)] * 3 + [("a", "b"), ("a",), ("b",)]
    cluster = np.array([0, 1, 2, 3, 4, 5, 6, 6, 2], np.int64)
    split = make((names, labels, cluster), Recipe(n_way=2, k_shot=1))
    assert [(reason.reason, reason.indices) for reason in split.left_out] == [
        ("several_classes", (6,)),
        ("cluster_several_classes", (2, 8, 7)),
    ]


def test_classes_that_cannot_be_drawn_together_are_drawn_anew() -> None:
    """b is carried only together with a: the two never make a split, each with c does."""
    names = [f"{i:02}" for i in range(12)]
    labels: list[tuple[str, ...]] = [("a", "b")] * 6 + [("c",)] * 6
    images = names, labels, np.arange(12, dtype=np.int64)
    drawn = {make(images, Recipe(n_way=2, k_shot=2, n_query=2), seed).classes for seed in range(30)}
    assert drawn == {("a", "c"), ("b", "c")}
    with pytest.raises(NotEnoughGroups, match="'a' has 0 groups that carry no other drawn class, and 4 are needed"):
        make(images, Recipe(n_way=2, k_shot=2, n_query=2, classes=("a", "b")))


def test_named_classes_are_the_only_ones() -> None:
    images = plain(9, 5)
    for seed in range(10):
        split = make(images, Recipe(n_way=2, k_shot=1, classes=("003", "001", "007")), seed)
        assert set(split.classes) < {"001", "003", "007"}
        assert (split.n_available, split.n_classes) == (3, 3)


def test_too_few_groups_says_what_can_be_asked_for() -> None:
    names, labels, cluster = plain(4, 6)
    keep = [i for i, name in enumerate(names) if not name.startswith("003") or name < "003/002"]
    images = [names[i] for i in keep], [labels[i] for i in keep], cluster[keep]
    with pytest.raises(NotEnoughGroups) as caught:
        make(images, Recipe(n_way=4, k_shot=1, n_query=5))
    assert str(caught.value) == (
        "3 of 4 classes have at least 6 groups of images, and 4 are asked for. "
        "Ask for at most 3 classes (n_way), or for at most 1 query images per class (n_query)."
    )
    assert caught.value.needed == 6
    assert list(caught.value.groups.items()) == [("000", 6), ("001", 6), ("002", 6), ("003", 2)]
    make(images, Recipe(n_way=3, k_shot=1, n_query=5))
    make(images, Recipe(n_way=4, k_shot=1, n_query=1))
    with pytest.raises(NotEnoughGroups, match="Ask for fewer classes and images, or label more images"):
        make(([], [], np.empty(0, np.int64)), Recipe(n_way=1, k_shot=1))


@settings(max_examples=80, deadline=None)
@given(datasets(), st.sampled_from(["together", "one", "drop"]))
def test_available_groups_counts_clusters(images: Images, clusters: Any) -> None:
    names, labels, cluster = images
    found = available_groups(names=names, labels=labels, cluster=cluster, clusters=clusters)
    size = Counter(cluster.tolist())
    for label in {label for carried in labels for label in carried}:
        held = {c for c, carried in zip(cluster.tolist(), labels, strict=True) if label in carried}
        assert found[label] == len([c for c in held if clusters != "drop" or size[c] == 1])
    assert list(found.items()) == sorted(found.items(), key=lambda item: (-item[1], item[0]))


def test_leaks_are_found_across_classes() -> None:
    rows = (
        SplitRow(0, "x", "a", "support"),
        SplitRow(1, "y", "a", "query"),
        SplitRow(2, "z", "b", "query"),
        SplitRow(3, "w", "b", "support"),
    )
    split = Split(classes=("a", "b"), rows=rows, left_out=(), n_available=2, n_classes=2)
    assert leaks(split, np.array([5, 6, 5, 7])) == [Leak(5, (0,), (2,))]
    assert leaks(split, np.array([5, 5, 3, 3])) == [Leak(3, (3,), (2,)), Leak(5, (0,), (1,))]
    assert leaks(split, np.array([0, 1, 2, 0])) == []


def test_a_leak_is_never_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.core.splits.leaks", lambda split, cluster: [Leak(1, (0,), (1,))])
    with pytest.raises(LeakFound, match="1 clusters lie on both sides"):
        make(plain(1, 2), Recipe(n_way=1, k_shot=1))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_way": 0}, InvalidRecipe, r"classes \(n_way\) is at least 1, not 0"),
        ({"k_shot": 0}, InvalidRecipe, r"support images per class \(k_shot\) is at least 1"),
        ({"n_query": 0}, InvalidRecipe, r"query images per class \(n_query\) is at least 1"),
        ({"clusters": "split"}, InvalidRecipe, "There are: together, one, drop"),
        ({"sampler": "unheard-of"}, UnknownName, "There are: uniform"),
        ({"classes": ("a", "b", "a")}, InvalidRecipe, "'a' is named 2 times"),
        ({"classes": ("a",)}, InvalidRecipe, "2 classes are to be drawn from 1"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Recipe(**({"n_way": 2, "k_shot": 1} | change))


def test_inputs_that_make_no_sense_are_refused() -> None:
    names, labels, cluster = plain(2, 2)
    recipe = Recipe(n_way=1, k_shot=1)
    with pytest.raises(InvalidArray, match="4 names, labels of 3 images"):
        make((names, labels[1:], cluster), recipe)
    with pytest.raises(InvalidArray, match="'000/000-0' occurs twice"):
        make(([*names[:3], names[0]], labels, cluster), recipe)
    with pytest.raises(InvalidRecipe, match="at least 0, not -1"):
        make((names, labels, cluster), recipe, -1)
    with pytest.raises(InvalidRecipe, match="No image carries the class 'zebra'"):
        make((names, labels, cluster), Recipe(n_way=1, k_shot=1, classes=("zebra", "000")))
