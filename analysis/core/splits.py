"""Few-shot splits of one dataset in which no cluster of copies lies on both sides.

A split has `n_way` classes. Each has exactly `k_shot` support images, from `k_shot` different groups, and query images
from other groups. A **group** is the images that a cluster has of the class; an image without copies is a group of one.

- A group chosen for support gives one image, the first by name. Its other images are on neither side: as support they
  would be further shots, as query they would be leakage. They are listed as left out.
- A cluster that carries more than one of the drawn classes, in one image or in several, is left out: what one picture
  shows cannot be an example of one class and a counter-example of it. So a group is a whole cluster's share of the
  split, and no cluster can cross the sides through another class.
- A class is available when it has at least `k_shot` + `n_query` groups (one query group where all the rest is taken),
  so query images are drawn from at least that many different pictures.

A split follows from names, labels, clusters, recipe and seed alone: images are put in the order of their names (code
points), clusters count only as a partition, and chance comes from the raw stream of PCG64.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import AnalysisError
from analysis.core.samplers import SAMPLERS, FewShotSampler, random_order
from analysis.core.split_table import CLUSTERS, REASONS, Clusters, ImageTable

Role = Literal["support", "query"]

DRAWS = 100
"""How often classes are drawn anew when those drawn share so many images that one has too few groups left."""


class InvalidRecipe(AnalysisError, ValueError):
    """A recipe that no dataset could satisfy."""


class NotEnoughGroups(AnalysisError):
    """The dataset has too few classes with enough groups.

    Args:
        groups: class -> number of its groups, the largest first.
        needed: groups that a class must have.
    """

    def __init__(self, message: str, *, groups: Mapping[str, int], needed: int, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.groups = groups
        self.needed = needed


class LeakFound(AnalysisError, AssertionError):
    """A split that would have leaked; never handed out."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a split is made of.

    Attributes:
        n_way: number of classes.
        k_shot: support images of each class.
        n_query: query images of each class; None takes all the rest.
        clusters: what is done with clusters, see `CLUSTERS`.
        sampler: name in `analysis.core.samplers.SAMPLERS`.
        classes: draw from these classes only; None draws from all.

    Raises:
        InvalidRecipe: a number below 1, a rule for clusters that does not exist, or too few or repeated classes.
        UnknownName: a sampler that does not exist.
    """

    n_way: int
    k_shot: int
    n_query: int | None = None
    clusters: Clusters = "together"
    sampler: str = "uniform"
    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for value, what in (
            (self.n_way, "classes (n_way)"),
            (self.k_shot, "support images per class (k_shot)"),
            (1 if self.n_query is None else self.n_query, "query images per class (n_query)"),
        ):
            if value < 1:
                raise InvalidRecipe(f"The number of {what} is at least 1, not {value}.")
        if self.clusters not in get_args(Clusters):
            raise InvalidRecipe(
                f"There is no rule {self.clusters!r} for clusters.", remedy=f"There are: {', '.join(CLUSTERS)}."
            )
        _ = SAMPLERS[self.sampler]
        if self.classes is not None:
            object.__setattr__(self, "classes", tuple(self.classes))
            repeated = [name for name, count in Counter(self.classes).items() if count > 1]
            if repeated:
                raise InvalidRecipe(f"The class {repeated[0]!r} is named {self.classes.count(repeated[0])} times.")
            if len(self.classes) < self.n_way:
                raise InvalidRecipe(
                    f"{self.n_way} classes are to be drawn from {len(self.classes)} that are named.",
                    remedy=f"Name more classes, or ask for at most {len(self.classes)}.",
                )

    @property
    def groups_needed(self) -> int:
        """Groups that a class must have to be drawn."""
        return self.k_shot + (1 if self.n_query is None else self.n_query)


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One image of a split: its row in the input, its name, the class that it stands for, and its side."""

    index: int
    name: str
    label: str
    role: Role


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Images that are on neither side.

    Attributes:
        reason: key in `REASONS`.
        indices: their rows in the input, in the order of their names.
    """

    reason: str
    indices: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.indices)

    def __str__(self) -> str:
        return f"{self.count:,} × {REASONS[self.reason]}"


@dataclass(frozen=True, slots=True)
class Leak:
    """A cluster on both sides: rows in the input of its support and its query images."""

    cluster: int
    support: tuple[int, ...]
    query: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A few-shot split; rows and images left out are together all images.

    Attributes:
        classes: the drawn classes, in the order of code points.
        rows: by class, support before query, then by name.
        left_out: one entry for each reason that occurs, in the order of `REASONS`.
        n_available: number of classes that had enough groups to be drawn.
        n_classes: number of classes that were looked at.
    """

    classes: tuple[str, ...]
    rows: tuple[SplitRow, ...]
    left_out: tuple[LeftOut, ...]
    n_available: int
    n_classes: int


def leaks(split: Split, cluster: NDArray[np.int64]) -> list[Leak]:
    """The clusters that lie on both sides of a split, whatever their classes; none is the proof.

    Args:
        split: any split of the images.
        cluster: int64, shape (n,), cluster of each row of the input.

    Returns:
        Leaks in order of the cluster id.
    """
    sides: dict[int, dict[str, list[int]]] = {}
    for row in split.rows:
        sides.setdefault(int(cluster[row.index]), {"support": [], "query": []})[row.role].append(row.index)
    return [
        Leak(found, tuple(sorted(side["support"])), tuple(sorted(side["query"])))
        for found, side in sorted(sides.items())
        if side["support"] and side["query"]
    ]


def available_groups(
    *,
    names: Sequence[str],
    labels: Sequence[tuple[str, ...]],
    cluster: NDArray[np.int64],
    clusters: Clusters,
) -> dict[str, int]:
    """Number of groups of each class, before images and clusters of several drawn classes are left out.

    Args:
        names: n names, each once.
        labels: labels of each image.
        cluster: int64, shape (n,).
        clusters: what is done with clusters.

    Returns:
        Class -> groups, the largest first, then by name.
    """
    table = ImageTable.read(names, labels, cluster)
    groups = dict(zip(table.classes, table.groups(clusters).tolist(), strict=True))
    return dict(sorted(groups.items(), key=lambda item: (-item[1], item[0])))


def make_split(
    *,
    names: Sequence[str],
    labels: Sequence[tuple[str, ...]],
    cluster: NDArray[np.int64],
    recipe: Recipe,
    rng_seed: int,
) -> Split:
    """Make the split that recipe and seed determine; the order of the input rows does not matter.

    Args:
        names: n names, each once.
        labels: labels of each image; empty where it has none.
        cluster: int64, shape (n,), cluster of each image, as `analysis.core.clusters.connected` gives it.
        recipe: what to make.
        rng_seed: at least 0.

    Returns:
        A split for which `leaks` is empty.

    Raises:
        InvalidArray: inputs of unequal lengths, or a name that occurs twice.
        InvalidRecipe: a negative seed, or a named class that no image carries.
        NotEnoughGroups: too few classes have enough groups; the remedy says what can be asked for.
        LeakFound: the split leaks, which would be a fault of this function.
    """
    if rng_seed < 0:
        raise InvalidRecipe(f"A seed is a whole number of at least 0, not {rng_seed}.")
    table = ImageTable.read(names, labels, cluster)
    for_classes, for_images = np.random.SeedSequence(rng_seed).spawn(2)
    sampler = SAMPLERS[recipe.sampler]
    drawn, n_available, n_classes = _draw_classes(table, recipe, sampler, np.random.PCG64(for_classes))

    reason = table.reasons(drawn, recipe.clusters)
    role: dict[int, Role] = {}
    for position, child in zip(drawn.tolist(), for_images.spawn(len(drawn)), strict=True):
        _draw_images(
            table, position, recipe=recipe, sampler=sampler, bits=np.random.PCG64(child), reason=reason, role=role
        )

    label_of = {i: table.classes[c] for c in drawn.tolist() for i in table.images_of(c).tolist() if i in role}
    chosen = sorted(role, key=lambda i: (label_of[i], role[i] != "support", i))
    split = Split(
        classes=tuple(table.classes[c] for c in drawn.tolist()),
        rows=tuple(SplitRow(int(table.order[i]), table.names[i], label_of[i], role[i]) for i in chosen),
        left_out=tuple(
            LeftOut(why, tuple(table.order[np.flatnonzero(reason == why)].tolist()))
            for why in REASONS
            if (reason == why).any()
        ),
        n_available=n_available,
        n_classes=n_classes,
    )
    if found := leaks(split, cluster):
        raise LeakFound(f"{len(found)} clusters lie on both sides, the first of them {found[0]}.")
    return split


def _draw_classes(
    table: ImageTable, recipe: Recipe, sampler: FewShotSampler, bits: np.random.BitGenerator
) -> tuple[NDArray[np.int64], int, int]:
    """Positions of the drawn classes, rising; the number of classes available, and of those looked at."""
    pool = np.arange(len(table.classes))
    if recipe.classes is not None:
        unknown = sorted(set(recipe.classes) - set(table.classes))
        if unknown:
            raise InvalidRecipe(f"No image carries the class {unknown[0]!r}.", remedy="Name classes of this dataset.")
        pool = np.array([i for i, name in enumerate(table.classes) if name in recipe.classes], np.int64)
    groups = table.groups(recipe.clusters)
    candidates = pool[groups[pool] >= recipe.groups_needed]
    if len(candidates) < recipe.n_way:
        raise _too_few(recipe, {table.classes[i]: int(groups[i]) for i in pool.tolist()})
    for _ in range(DRAWS):
        drawn = np.sort(candidates[sampler.draw_classes(groups[candidates], recipe.n_way, bits)])
        apart = table.groups_apart(drawn, recipe.clusters)
        if (apart >= recipe.groups_needed).all():
            return drawn, len(candidates), len(pool)
    short = int(np.argmin(apart))
    raise NotEnoughGroups(
        f"In {DRAWS} draws of {recipe.n_way} classes there was always one that shares too many images with the others: "
        f"in the last, {table.classes[drawn[short]]!r} has {apart[short]} groups that carry no other drawn class, "
        f"and {recipe.groups_needed} are needed.",
        groups={table.classes[c]: int(count) for c, count in zip(drawn.tolist(), apart, strict=True)},
        needed=recipe.groups_needed,
        remedy="Ask for fewer classes or images, or name classes that seldom occur together.",
    )


def _draw_images(
    table: ImageTable,
    position: int,
    *,
    recipe: Recipe,
    sampler: FewShotSampler,
    bits: np.random.BitGenerator,
    reason: NDArray[np.str_],
    role: dict[int, Role],
) -> None:
    """Fill in the roles of one class's images, and the reasons of those that get none."""
    images = table.images_of(position)
    images = images[reason[images] == ""]
    groups, first, size = np.unique(table.group[images], return_index=True, return_counts=True)
    support = sampler.draw_support(size.astype(np.int64), recipe.k_shot, bits)
    role.update(dict.fromkeys(images[first[support]].tolist(), "support"))

    with_support = np.isin(table.group[images], groups[support])
    reason[images[with_support]] = "with_support"
    reason[images[first[support]]] = ""
    rest = images[~with_support]
    taken = random_order(len(rest), bits)[: recipe.n_query]
    role.update(dict.fromkeys(rest[taken].tolist(), "query"))
    reason[np.delete(rest, taken)] = "not_drawn"


def _too_few(recipe: Recipe, groups: Mapping[str, int]) -> NotEnoughGroups:
    falling = dict(sorted(groups.items(), key=lambda item: (-item[1], item[0])))
    enough = sum(count >= recipe.groups_needed for count in falling.values())
    options = []
    if enough:
        options.append(f"for at most {enough} classes (n_way)")
    if len(falling) >= recipe.n_way:
        last = list(falling.values())[recipe.n_way - 1]
        n_query = recipe.groups_needed - recipe.k_shot
        if last > n_query:
            options.append(f"for at most {last - n_query} support images per class (k_shot)")
        if recipe.n_query is not None and last > recipe.k_shot:
            options.append(f"for at most {last - recipe.k_shot} query images per class (n_query)")
    otherwise = "Ask for fewer classes and images, or label more images."
    return NotEnoughGroups(
        f"{enough} of {len(falling)} classes have at least {recipe.groups_needed} groups of images, "
        f"and {recipe.n_way} are asked for.",
        groups=falling,
        needed=recipe.groups_needed,
        remedy=f"Ask {', or '.join(options)}." if options else otherwise,
    )
