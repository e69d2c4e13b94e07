"""How far two encoders agree on the same images: on nearest neighbours, on distances, and where they differ most.

The k nearest neighbours of each image are its k nearest other images by cosine distance, exactly; of equal distances
the lower row comes first. Every interval holds the middle 95 % of the values that images drawn again with replacement
give (percentile bootstrap, seeded): how far the number might be another for another collection of such images. The
neighbour lists stand; only how often each image counts is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.errors import InvalidArray
from analysis.core.search import cosine_rank_bounds, cosine_ranks, cosine_top_k, pair_distances

DRAWS = 1_000
"""How often the images are drawn again for an interval."""
PAIRS = 100_000
"""Pairs whose distances are correlated, where there are more."""
MOST_PAIRS = 200
"""Pairs on which two models differ most that are told, for each of the two directions."""
FEWEST_IMAGES = 3

_QUERIES = 4096
_MATCHES_AT_ONCE = 1 << 22

Rows = NDArray[np.int64]
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


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


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rank correlation of the distances of the same pairs under two models.

    Attributes:
        spearman: equal distances have their mean rank; None where all distances of a model are equal.
        pairs: how many pairs it is computed of.
        every: whether these are all pairs of the images; else they were drawn, each pair as likely, none twice.
    """

    spearman: Estimate | None
    pairs: int
    every: bool


@dataclass(frozen=True, slots=True, eq=False)
class DifferentPairs:
    """Pairs that one model finds near and the other far, the most different first.

    Attributes:
        a: int64, shape (m,), the lower row of each pair.
        b: int64, shape (m,), the higher one.
        near: int64, shape (m, 2), under the one model: the rank of b among all others of a, and of a among those of b.
        far: int64, shape (m, 2), the same under the other model.
        near_distance: float32, shape (m,), cosine distance under the one model.
        far_distance: float32, shape (m,), under the other.
        mutual: how many pairs the one model finds near.
        found: how many of them the other finds far; these are the first.
    """

    a: Rows
    b: Rows
    near: Rows
    far: Rows
    near_distance: NDArray[np.float32]
    far_distance: NDArray[np.float32]
    mutual: int
    found: int

    def __len__(self) -> int:
        return len(self.a)


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
    values = np.empty((DRAWS, 4))
    for draw, often in enumerate(_drawn_again(n, seed)):
        values[draw, :3] = per_image @ often / n
        ordered = twos @ often
        values[draw, 3] = alike @ often / ordered if ordered else np.nan
    means = per_image.mean(axis=1).tolist()
    overlap, jaccard, nearest = (_estimate(mean, values[:, i]) for i, mean in enumerate(means))
    total = int(twos.sum())
    return Agreement(
        images=n,
        k=k,
        counts=np.bincount(common, minlength=k + 1),
        overlap=overlap,
        jaccard=jaccard,
        nearest=nearest,
        order=_estimate(float(alike.sum()) / total, values[:, 3]) if total else None,
        twos=total,
    )


def correlation(first: Vectors, second: Vectors, *, pairs: int = PAIRS, seed: int = 0) -> Correlation:
    """Correlate the distances of the same pairs of images under two models.

    Args:
        first: n embeddings of one model.
        second: of the same images, in the same order, of the other.
        pairs: how many pairs; all of them where there are no more.
        seed: of the draw and of the interval.

    Raises:
        InvalidArray: different numbers of embeddings, or fewer than two.
    """
    n = len(first)
    if len(second) != n or n < 2:
        raise InvalidArray(f"{n:,} and {len(second):,} embeddings have no pairs in common to be correlated.")
    total = n * (n - 1) // 2
    if total > pairs:
        numbers = np.sort(np.random.default_rng(seed).choice(total, pairs, replace=False))
    else:
        numbers = np.arange(total)
    # Pairs are numbered by their lower row: those of row i begin where all of the rows before end.
    lower = np.arange(n, dtype=np.int64)
    begins = lower * (2 * n - lower - 1) // 2
    a = np.searchsorted(begins, numbers, side="right") - 1
    b = numbers - begins[a] + a + 1
    x, y = (_Ranked(pair_distances(each.values, each.values, a, b)) for each in (first, second))
    value = _spearman(x, y, np.ones(len(a), np.int64))
    if np.isnan(value):
        return Correlation(None, len(a), total <= pairs)
    values = np.array([_spearman(x, y, often[a] * often[b]) for often in _drawn_again(n, seed)])
    return Correlation(_estimate(value, values), len(a), total <= pairs)


def most_different(
    near: Neighbours, far: Neighbours, vectors: Vectors, *, most: int = MOST_PAIRS, advance: Advance = lambda _: None
) -> DifferentPairs:
    """The pairs that one model finds near and the other far.

    Near are two images that are among the k nearest of each other under the one model; far, if neither is among the k
    nearest of the other under the other model. From whichever of its images one looks at such a pair, its ranks under
    the two models differ at least by the smaller rank under the other less the larger one under the first: the larger
    this is, the more different. Equal differences are in order of the rank under the first model, then of the rows.

    Args:
        near: neighbours under the model that finds the pairs near.
        far: neighbours of the same images under the other model.
        vectors: the embeddings of the other model.
        most: at most so many pairs.
        advance: told how many images are done since it was told last.

    Raises:
        InvalidArray: neighbours or embeddings of different images.
    """
    if near.rows.shape != far.rows.shape or len(vectors) != len(far.rows):
        raise InvalidArray(
            f"Neighbours of shapes {near.rows.shape} and {far.rows.shape} and {len(vectors):,} embeddings "
            "are not of the same images."
        )
    n = len(vectors)
    a, b, ranks, distance = _mutual(near)
    mutual = len(a)
    apart = ~(_among(a, b, far) | _among(b, a, far))
    a, b, ranks, distance = a[apart], b[apart], ranks[apart], distance[apart]
    larger = ranks.max(axis=1)
    bounds = _both_ways(a, b, lambda rows, others: cosine_rank_bounds(vectors, rows, others, advance=advance))
    least, largest = (bound.min(axis=1) - larger for bound in bounds)
    # A pair is worth its exact ranks where it may differ as much as the last of those that surely differ the most.
    surely = np.sort(least)[::-1][:most]
    worth = np.flatnonzero(largest >= (surely[-1] if len(surely) == most else -n))
    (exact,) = _both_ways(a[worth], b[worth], lambda rows, others: (cosine_ranks(vectors, rows, others),))
    order = np.lexsort((b[worth], a[worth], larger[worth], larger[worth] - exact.min(axis=1)))[:most]
    first = worth[order]
    return DifferentPairs(
        a=a[first],
        b=b[first],
        near=ranks[first],
        far=exact[order],
        near_distance=distance[first],
        far_distance=pair_distances(vectors.values, vectors.values, a[first], b[first]),
        mutual=mutual,
        found=len(a),
    )


def _drawn_again(n: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """How often each of n images counts, `DRAWS` times: int64, shape (n,), drawn with replacement."""
    rng = np.random.default_rng(seed)
    for _ in range(DRAWS):
        yield np.bincount(rng.integers(0, n, n), minlength=n)


def _estimate(value: float, drawn: NDArray[np.float64]) -> Estimate:
    """The value with the middle 95 % of what was drawn; draws that say nothing are left out."""
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


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


class _Ranked:
    """Numbers in order, ready to be ranked again when they count more or less often.

    Args:
        values: float32, shape (m,).

    Attributes:
        order: int64, shape (m,), the numbers rising.
        ends: int64, shape (g,), where each group of equal numbers ends in it.
        ranks: float64, shape (m,), room for the ranks.
    """

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.order = np.argsort(values)
        ordered = values[self.order]
        self.ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, len(values))
        self.ranks = np.empty(len(values))


def _spearman(x: _Ranked, y: _Ranked, weights: NDArray[np.int64]) -> float:
    """The rank correlation of pairs of numbers that count as often as their weight says; nan where there is none."""
    _rank(x.order, x.ends, weights, x.ranks)
    _rank(y.order, y.ends, weights, y.ranks)
    return float(_correlate(x.ranks, y.ranks, weights))


@njit(cache=True, nogil=True)
def _rank(order: Rows, ends: Rows, weights: Rows, ranks: NDArray[np.float64]) -> None:
    """Write the mean rank of each group of equal numbers, less half a rank: the weight before it and half of its own.

    Args:
        order: int64, shape (m,), the numbers rising.
        ends: int64, shape (g,), where each group of equal numbers ends in it.
        weights: int64, shape (m,).
        ranks: float64, shape (m,).
    """
    before, start = 0, 0
    for end in ends:
        own = 0
        for place in range(start, end):
            own += weights[order[place]]
        for place in range(start, end):
            ranks[order[place]] = before + own / 2
        before += own
        start = end


@njit(cache=True, nogil=True)
def _correlate(x: NDArray[np.float64], y: NDArray[np.float64], weights: Rows) -> float:
    """Pearson's correlation of weighted ranks, whose mean is half of the whole weight; nan where one does not vary.

    Args:
        x: float64, shape (m,).
        y: float64, shape (m,).
        weights: int64, shape (m,).
    """
    middle = weights.sum() / 2
    xx, yy, xy = 0.0, 0.0, 0.0
    for pair in range(len(weights)):
        p, q, weight = x[pair] - middle, y[pair] - middle, weights[pair]
        xx += weight * p * p
        yy += weight * q * q
        xy += weight * p * q
    return xy / np.sqrt(xx * yy) if xx > 0 and yy > 0 else np.nan


def _mutual(near: Neighbours) -> tuple[Rows, Rows, Rows, NDArray[np.float32]]:
    """Pairs of images that are among the nearest of each other.

    Returns:
        rows a < b, int64, shape (m,) each, in this order; the ranks of b seen from a and of a seen from b, int64, shape
        (m, 2); and the distances, float32, shape (m,).
    """
    n, k = near.rows.shape
    a, b = np.repeat(np.arange(n), k), near.rows.reshape(-1)
    # Keys of a, then b, and the same pairs from the other side.
    forth, back = a * n + b, b * n + a
    rank, distance = np.tile(np.arange(1, k + 1), n), near.distances.reshape(-1)
    order = np.argsort(forth)
    place = np.minimum(np.searchsorted(forth, back, sorter=order), len(order) - 1)
    met = order[place]
    mutual = np.flatnonzero((forth[met] == back) & (a < b))
    mutual = mutual[np.argsort(forth[mutual])]
    return a[mutual], b[mutual], np.stack([rank[mutual], rank[met[mutual]]], axis=1), distance[mutual]


def _among(rows: Rows, others: Rows, neighbours: Neighbours) -> NDArray[np.bool_]:
    """Whether each of `others` is among the neighbours of its row."""
    found: NDArray[np.bool_] = (neighbours.rows[rows] == others[:, None]).any(axis=1)
    return found


def _both_ways(a: Rows, b: Rows, ranks: Callable[[Rows, Rows], tuple[Rows, ...]]) -> list[Rows]:
    """What a function of rows, rising, and others gives: int64, shape (m, 2), of b seen from a and of a seen from b."""
    rows, others = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.argsort(rows, kind="stable")
    found = []
    for each in ranks(rows[order], others[order]):
        back = np.empty_like(each)
        back[order] = each
        found.append(back.reshape(2, -1).T)
    return found
