"""Every class with enough groups is as likely as every other, and so is every group of a class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.core.samplers import random_order


class Uniform:
    """Classes, then groups, without replacement: the episodes of Vinyals et al. (2016), arXiv:1606.04080."""

    name = "uniform"
    title = "Uniform"
    summary = "Draws classes with equal probability, whatever their size, then the support groups of each class alike."

    def draw_classes(self, groups: NDArray[np.int64], n_way: int, bits: np.random.BitGenerator) -> NDArray[np.int64]:
        """`n_way` of the classes."""
        return random_order(len(groups), bits)[:n_way]

    def draw_support(self, images: NDArray[np.int64], k_shot: int, bits: np.random.BitGenerator) -> NDArray[np.int64]:
        """`k_shot` of the groups."""
        return random_order(len(images), bits)[:k_shot]


ENTRIES = (Uniform(),)
