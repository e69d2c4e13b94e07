"""The nearest others of each image, and how far two models agree on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.errors import InvalidArray
from analysis.core.model_agreement._estimates import Estimate, drawn_again, estimate
from analysis.core.search import cosine_top_k

FEWEST_IMAGES = 3

_QUERIES = 4096
_MATCHES_AT_ONCE = 1 << 22

Rows = NDArray[np.int64]
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The k nearest others of each of n images under one model.

    Attributes:
        rows: int64, shape (n, k), the nearest first.
        distances: float32, shape (n, k), cosine distances.
    """

    rows: Rows
    distances: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """How far the neighbours of the same images agree.

    Attributes:
        images: how many.
        k: neighbours of each that are compared.
        counts: int64, shape (k + 1,); `counts[j]` images have exactly j neighbours in common.
        overlap: mean share of the k neighbours that are common.
        jaccard: mean of common neighbours over neighbours under either model.
        nearest: share of images whose nearest neighbour is the same.
        order: of two common neighbours of an image, how often both models put the same one nearer; pairs of neighbours
            at equal distance under either model are left out. None where no image has two such neighbours.
        twos: how many pairs of common neighbours `order` is of.
    """

    images: int
    k: int
    counts: Rows
    overlap: Estimate
    jaccard: Estimate
    nearest: Estimate
    order: Estimate | None
    twos: int

    @property
    def chance(self) -> float:
        """The overlap that two models without anything in common are expected to have: k / (n - 1)."""
        return self.k / (self.images - 1)


def check_neighbours(images: int, k: int) -> None:
    """Refuse numbers of which nothing could be learned.

    Args:
        images: that both models describe.
        k: neighbours of each.

    Raises:
        InvalidArray: fewer than `FEWEST_IMAGES` images, or a k that is not from 1 to images - 2.
    """
    if images < FEWEST_IMAGES:
        raise InvalidArray(
            f"{images} image{'s are' if images != 1 else ' is'} described by both models; "
            f"to compare neighbours takes at least {FEWEST_IMAGES}.",
            remedy="Choose datasets with more images that have embeddings under both.",
        )
    if not 1 <= k <= images - 2:
        raise InvalidArray(
            f"{k} neighbours of {images:,} images cannot be compared: "
            + (
                "there is nothing to compare."
                if k < 1
                else f"each image has {images - 1:,} others, and not all can be near."
            ),
            remedy=f"Give a number from 1 to {images - 2:,}.",
        )


def nearest_others(vectors: Vectors, k: int, *, advance: Advance = lambda _: None) -> Neighbours:
    """The k nearest others of each embedding, exactly.

    Args:
        vectors: n embeddings.
        k: from 1 to n - 2.
        advance: told how many embeddings are done since it was told last.

    Raises:
        InvalidArray: too few embeddings, or such a k.
    """
    n = len(vectors)
    check_neighbours(n, k)
    rows, distances = np.empty((n, k), np.int64), np.empty((n, k), np.float32)
    for start in range(0, n, _QUERIES):
        part = slice(start, min(start + _QUERIES, n))
        found, apart = cosine_top_k(Vectors(vectors.values[part]), vectors, k + 1)
        # An image with k nearer copies is not among its own nearest: then the last one found is one too many.
        others = found != np.arange(part.start, part.stop)[:, None]
        others[others.all(axis=1), -1] = False
        rows[part], distances[part] = found[others].reshape(-1, k), apart[others].reshape(-1, k)
        advance(part.stop - part.start)
    return Neighbours(rows, distances)


def agreement(first: Neighbours, second: Neighbours, *, seed: int = 0) -> Agreement:
    """Compare the neighbour lists of the same images under two models.

    Args:
        first: of n images.
        second: of the same images, in the same order, as many neighbours.
        seed: of the intervals.

    Raises:
        InvalidArray: lists of different shapes.
    """
    if first.rows.shape != second.rows.shape:
        raise InvalidArray(f"Neighbours of shapes {first.rows.shape} and {second.rows.shape} cannot be compared.")
    n, k = first.rows.shape
    common, alike, twos = _common(first, second)
    same = first.rows[:, 0] == second.rows[:, 0]
    per_image = np.stack([common / k, common / (2 * k - common), same])

    def of(often: Rows) -> list[float]:
        ordered = twos @ often
        return [*(per_image @ often / n), alike @ often / ordered if ordered else np.nan]

    values = np.array([of(often) for often in drawn_again(n, seed)])
    means = per_image.mean(axis=1).tolist()
    overlap, jaccard, nearest = (estimate(mean, values[:, i]) for i, mean in enumerate(means))
    total = int(twos.sum())
    return Agreement(
        images=n,
        k=k,
        counts=np.bincount(common, minlength=k + 1),
        overlap=overlap,
        jaccard=jaccard,
        nearest=nearest,
        order=estimate(float(alike.sum()) / total, values[:, 3]) if total else None,
        twos=total,
    )


def _common(first: Neighbours, second: Neighbours) -> tuple[Rows, Rows, Rows]:
    """How many neighbours of each image are common; how many twos of these have one order, and have an order at all."""
    n, k = first.rows.shape
    counts = np.empty((3, n), np.int64)
    ahead = np.triu(np.ones((k, k), np.bool_), 1)
    step = max(1, _MATCHES_AT_ONCE // (k * k))
    for start in range(0, n, step):
        part = slice(start, start + step)
        matches = first.rows[part, :, None] == second.rows[part, None, :]
        common, place = matches.any(axis=2), matches.argmax(axis=2)
        apart = first.distances[part], np.take_along_axis(second.distances[part], place, 1)
        x, y = (np.sign(each[:, None, :] - each[:, :, None]) for each in apart)
        agree = np.where(common[:, None, :] & common[:, :, None] & ahead, x * y, 0)
        counts[:, part] = common.sum(axis=1), (agree > 0).sum(axis=(1, 2)), (agree != 0).sum(axis=(1, 2))
    return counts[0], counts[1], counts[2]
