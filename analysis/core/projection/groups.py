"""Groups of points by what they carry: the most frequent first, with colours as far as eyes keep them apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analysis.core.palette import GROUPS, REST
from analysis.core.projection.scene import Coloring, Group

MOST_GROUPS = 1000
"""Labels or clusters that are groups of their own; the others share one."""

NONE = "none"
OTHERS = "others"

Named = Callable[[int], tuple[str, str]]
"""The name and the key of the group of a code (see `Group`)."""


def by_label(n: int, points: NDArray[np.int64], labels: NDArray[np.int64], named: Named) -> Coloring:
    """Points by label; a point with several labels stands with the one that most points carry.

    Args:
        n: how many points.
        points: int64, shape (m,), the point of each label that one carries.
        labels: int64, shape (m,), codes of the labels from 0; of equally frequent ones the smallest goes first.
        named: name and key of a label.
    """
    often = np.bincount(labels)
    order = np.lexsort((labels, -often[labels], points))
    carriers, first = np.unique(points[order], return_index=True)
    codes = np.full(n, -1, np.int64)
    codes[carriers] = labels[order[first]]
    several = len(carriers) < len(points)
    note = "Images with several labels stand with the most frequent of them." if several else ""
    return grouped("label", "Label", codes, named, none="no label", others="other labels", note=note)


def grouped(
    key: str,
    title: str,
    codes: NDArray[np.int64],
    named: Named,
    *,
    none: str,
    others: str,
    note: str = "",
    repeat: bool = False,
) -> Coloring:
    """Points by any code, the largest groups first, those beyond `MOST_GROUPS` as one.

    Args:
        key: see `Coloring`.
        title: see `Coloring`.
        codes: int64, shape (n,), what each point belongs to; -1 for nothing.
        named: name and key of the group of a code.
        none: what points that belong to nothing are called.
        others: what the smaller groups are called together.
        note: see `Coloring`.
        repeat: whether colours come again where they are used up; else what is left is grey.
    """
    values, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    order = [at for at in np.lexsort((values, -counts)).tolist() if values[at] >= 0]
    groups = []
    for at, (name, own) in enumerate(named(int(values[position])) for position in order[:MOST_GROUPS]):
        groups.append(Group(name, GROUPS[at % len(GROUPS)] if repeat or at < len(GROUPS) else REST, own))
    if len(order) > MOST_GROUPS:
        groups.append(Group(others, REST, OTHERS))
    groups.append(Group(none, REST, NONE))
    of_value = np.full(len(values), len(groups) - 1, np.int64)
    of_value[order] = np.minimum(np.arange(len(order)), MOST_GROUPS)
    return Coloring(key, title, groups, of_value[place], note)
