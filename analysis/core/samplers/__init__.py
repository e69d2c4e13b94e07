"""Samplers: one file per way of drawing the classes and the support images of a few-shot split."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.core.registry import Offered, Registry

__all__ = ["SAMPLERS", "FewShotSampler", "random_order"]


class FewShotSampler(Offered, Protocol):
    """Draws classes, then groups of a class. A group is a cluster's images of that class, or one image.

    `summary` says what is drawn with which probability.
    """

    @property
    def name(self) -> str:
        """Storage key: what it draws from a seed never changes."""
        ...

    def draw_classes(self, groups: NDArray[np.int64], n_way: int, bits: np.random.BitGenerator) -> NDArray[np.int64]:
        """Draw classes that could all give support and query.

        Args:
            groups: int64, shape (c,), number of groups of each class, in the order of the class names.
            n_way: number of classes to draw, at most c.
            bits: the only source of chance.

        Returns:
            int64, shape (n_way,), different positions in `groups`.
        """
        ...

    def draw_support(self, images: NDArray[np.int64], k_shot: int, bits: np.random.BitGenerator) -> NDArray[np.int64]:
        """Draw the groups of one class that give a support image each.

        Args:
            images: int64, shape (g,), number of images of each group, clusters in the order of their first names.
            k_shot: number of groups to draw, at most g.
            bits: the only source of chance.

        Returns:
            int64, shape (k_shot,), different positions in `images`.
        """
        ...


SAMPLERS: Registry[FewShotSampler] = Registry("analysis.core.samplers", "sampler")


def random_order(n: int, bits: np.random.BitGenerator) -> NDArray[np.int64]:
    """A random permutation of n positions that stays the same in every version of numpy.

    It sorts the raw 64-bit stream of the bit generator, which numpy promises not to change (NEP 19), whereas
    `Generator.permutation` may change between versions.

    Returns:
        int64, shape (n,).
    """
    return np.argsort(np.asarray(bits.random_raw(n), np.uint64), kind="stable").astype(np.int64)
