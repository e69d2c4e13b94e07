"""All pairs of embeddings within a cosine distance, and the nearest neighbours of each.

The distance of two embeddings is 1 - x.y, at least 0, with the sum taken in float64 over one pair at a time and rounded
to float32; equal ones are at distance 0, though the lengths of rows in float32 err, so that x.x seldom is 1. Products
of float32 values are exact in float64, so it does not depend on how the work is cut into tiles, on threads or on the
device: matrix products only decide which pairs are worth that sum.

**Which pairs a tile may leave out.** Let x' be x rounded to bfloat16 and e = x' - x, likewise y' and f. Then

    |x'.y' - x.y| = |e.y + x'.f| <= |e| |y| + |x'| |f|                       (Cauchy-Schwarz).

|e| and |f| are measured, their largest value for each block of rows; for unit vectors they are at most 2^-8, the unit
roundoff of bfloat16 (8 significant bits). Products of two bfloat16 values are exact in float32, and their sum in
float32, in any order, errs by at most 2 dim 2^-24 |x'| |y'|; twice the textbook bound covers instructions that round
each product's partial sum too. Rounding the sum to bfloat16 is monotone, so a sum that is at least T is, rounded, at
least T rounded down. So every pair within distance t has a rounded product of at least 1 - t - margin, rounded down;
equal ones, of at least the square of the shortest row less the margin.
Where the processor has no bfloat16 instructions the same holds with x' = x.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import UNIT_TOLERANCE, Pairs, Vectors
from analysis.core.errors import InvalidArray, TooManyPairs
from analysis.core.search._hubs import too_many_rows

if TYPE_CHECKING:
    import torch

_TILE = 4096
_TILE_GPU = 16384
_QUERIES = 1024
_ROWS_AT_ONCE = 256
_VALUES_AT_ONCE = 1 << 22
_CROWDED = 1 / 256
_SPARE_NEIGHBOURS = 32
LONGEST = 1 + UNIT_TOLERANCE
_MOST_SHORTFALL = 2 * UNIT_TOLERANCE

Part = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
"""Rows of the first set, rows of the second, distances."""


def cosine_join(
    first: Vectors,
    second: Vectors | None,
    max_distance: float,
    *,
    max_pairs: int = 50_000_000,
    threads: int | None = None,
) -> Pairs:
    """Find every pair of embeddings at most `max_distance` apart: exactly those that brute force gives.

    Works through tiles of the product matrix on a GPU where there is one, else on the processor; memory beyond input
    and result does not grow with the number of embeddings.

    Args:
        first: n embeddings.
        second: m embeddings of the same dimension, or None to join `first` with itself (a < b, each pair once).
        max_distance: largest cosine distance, inclusive; 0 or more.
        max_pairs: largest number of pairs that the caller accepts.
        threads: number of threads; what torch is set to when None.

    Returns:
        The pairs, sorted by a, then b; a is a row of `first`, b a row of `second` (or of `first`).

    Raises:
        InvalidArray: embeddings of different dimensions, or a distance that is negative or not a number.
        TooManyPairs: more than `max_pairs` pairs. The search stops there; the hubs named are rows of `first` with their
            exact number of pairs: those in the most pairs among what was found.
    """
    if not max_distance >= 0:
        raise InvalidArray(f"A cosine distance is 0 or more, not {max_distance}.")
    _same_dim(first, second)
    x = first.values
    y = x if second is None else second.values
    within = second is None
    limit = np.float32(max_distance)
    parts: list[Part] = []
    found = 0
    lock = Lock()

    def search(tile: tuple[int, int]) -> None:
        nonlocal found
        for a, b in tiles.candidates(*tile):
            if found > max_pairs:
                return
            distance = pair_distances(x, y, a, b)
            near = distance <= limit
            with lock:
                parts.append((a[near], b[near], distance[near]))
                found += int(near.sum())

    with _one_thread_each(threads) as pool:
        tiles = _Tiles(x, y, float(limit), within)
        for _ in pool.map(search, tiles.places()):
            pass
    if found > max_pairs:
        raise _too_many_pairs(x, y, parts, limit, max_pairs, within=within)
    if not found:
        return Pairs.empty()
    rows1, rows2, distances = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Pairs(rows1, rows2, distances).sorted()


def cosine_top_k(queries: Vectors, base: Vectors, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the k nearest embeddings of each query, exactly; of equal distances the lower row comes first.

    Args:
        queries: q embeddings.
        base: n embeddings of the same dimension.
        k: number of neighbours, from 1 to n.

    Returns:
        Rows of `base`, int64, shape (q, k), nearest first, and their cosine distances, float32, shape (q, k).

    Raises:
        InvalidArray: embeddings of different dimensions, or a k that is not from 1 to n.
    """
    import torch

    _same_dim(queries, base)
    if not 1 <= k <= len(base):
        raise InvalidArray(f"The number of neighbours is from 1 to {len(base)}, the number of embeddings, not {k}.")
    x, y = queries.values, base.values
    rows = np.empty((len(x), k), np.int64)
    distances = np.empty((len(x), k), np.float32)
    kept = min(k + _SPARE_NEIGHBOURS, len(y))
    slack = summation_error(x.shape[1], LONGEST**2)
    furthest_equal = shortfall(x, y)
    for start in range(0, len(x), _QUERIES):
        block = tensor_of(x[start : start + _QUERIES])
        best = torch.full((len(block), 0), -np.inf)
        best_rows = torch.empty((len(block), 0), dtype=torch.int64)
        for at in range(0, len(y), _TILE):
            product = block @ tensor_of(y[at : at + _TILE]).T
            here = torch.arange(at, at + product.shape[1]).expand(len(block), -1)
            best, chosen = torch.cat([best, product], 1).topk(min(kept, best.shape[1] + product.shape[1]), dim=1)
            best_rows = torch.cat([best_rows, here], 1).gather(1, chosen)
        # Of equal distances the lower row comes first: ascending rows, then a stable sort.
        candidates, _ = best_rows.sort(dim=1)
        nearest, near = _nearest(x, y, np.arange(start, start + len(block)), candidates.numpy(), k)
        # What was left out has a product of at most the least one kept: ties and near ties are searched in full, and
        # so is what might have left an equal one out.
        left_out = 1 - best[:, -1].numpy().astype(np.float64) - slack
        unsure = (left_out <= near[:, -1] + 2.0**-23) | (left_out <= furthest_equal)
        if kept < len(y):
            for i in np.flatnonzero(unsure):
                nearest[i], near[i] = _nearest(x, y, np.array([start + i]), np.arange(len(y))[None], k)
        rows[start : start + len(block)], distances[start : start + len(block)] = nearest, near
    return rows, distances


def cosine_distances(query: NDArray[np.float32], base: NDArray[np.float32]) -> NDArray[np.float32]:
    """The distances of one embedding to others: what the join says of each pair, to the last bit.

    Args:
        query: float32, shape (dim,), of unit length.
        base: float32, shape (n, dim), rows of unit length.

    Returns:
        float32, shape (n,).
    """
    return pair_distances(query[None], base, np.zeros(len(base), np.int64), np.arange(len(base)))


def _nearest(
    x: NDArray[np.float32], y: NDArray[np.float32], queries: NDArray[np.int64], candidates: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k nearest of each query's candidates, int64 (q, c) and ascending, with their distances."""
    pairs = np.repeat(queries, candidates.shape[1])
    distance = pair_distances(x, y, pairs, candidates.reshape(-1)).reshape(candidates.shape)
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(candidates, order, 1), np.take_along_axis(distance, order, 1)


def _same_dim(first: Vectors, second: Vectors | None) -> None:
    if second is not None and first.dim != second.dim:
        raise InvalidArray(
            f"Embeddings of {first.dim} dimensions cannot be compared with embeddings of {second.dim}.",
            remedy="Join embeddings of one signal.",
        )


def pair_distances(
    x: NDArray[np.float32], y: NDArray[np.float32], a: NDArray[np.int64], b: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The distances of pairs of rows, float32, shape (m,): the sum that decides."""
    distance = np.empty(len(a), np.float32)
    step = max(1, _VALUES_AT_ONCE // x.shape[1])
    for start in range(0, len(a), step):
        part = slice(start, start + step)
        left, right = x[a[part]], y[b[part]]
        here = np.maximum(1.0 - np.multiply(left, right, dtype=np.float64).sum(axis=1), 0.0)
        near = np.flatnonzero((here > 0) & (here <= _MOST_SHORTFALL))
        here[near[(left[near] == right[near]).all(axis=1)]] = 0
        distance[part] = here
    return distance


def shortfall(*rows: NDArray[np.float32]) -> float:
    """How far the product of a row with its equal may be below 1: rows are of unit length within a tolerance."""
    squares = (np.einsum("ij,ij->i", each, each, dtype=np.float64).min(initial=1.0) for each in rows)
    return 1.0 - float(min(squares))


def summation_error(dim: int, lengths: float) -> float:
    """How far a sum of `dim` products in float32 may be from the true one, for rows of these lengths multiplied."""
    return 2 * dim * 2.0**-24 * lengths


class _Tiles:
    """The matrix of products in tiles, in low precision; gives the pairs that may be within a distance."""

    def __init__(self, x: NDArray[np.float32], y: NDArray[np.float32], limit: float, within: bool) -> None:
        import torch

        self._x, self._y, self._within = x, y, within
        gpu = torch.cuda.is_available()
        self._device = torch.device("cuda" if gpu else "cpu")
        self._tile = _TILE_GPU if gpu else _TILE
        self._low = torch.bfloat16 if gpu or _has_bfloat16() else torch.float32
        # A distance that rounds to the limit may be half a last place above it.
        nearest = min(1.0 - limit - 2.0**-22, 1.0 - shortfall(x, y))
        self._least = nearest - summation_error(x.shape[1], (LONGEST * (1 + 2.0**-8)) ** 2)

        errors = [self._errors(rows) for rows in ((x,) if within else (x, y))]
        self._x_errors, self._y_errors = errors[0], errors[-1]

    def places(self) -> list[tuple[int, int]]:
        """First rows of all tiles, those on the diagonal and above it within one set."""
        lefts, rights = (range(0, len(rows), self._tile) for rows in (self._x, self._y))
        return [(i, j) for i in lefts for j in rights if j >= i or not self._within]

    def candidates(self, i: int, j: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Rows of x and rows of y in the tile; every pair of it within the distance is among them, once."""
        left, right = self._block(self._x, i), self._block(self._y, j)
        e, f = self._x_errors[i // self._tile], self._y_errors[j // self._tile]
        margin = e * LONGEST + (LONGEST + e) * f
        product = left.to(self._low) @ right.to(self._low).T
        for rows, columns in self._near(product, left, right, self._least - margin, self._within and i == j):
            yield rows + i, columns + j

    def _near(
        self, product: torch.Tensor, left: torch.Tensor, right: torch.Tensor, least: float, diagonal: bool
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Places in a tile whose product is at least `least`, rounded down; above the diagonal within one set."""
        import torch

        bound = torch.tensor(least, dtype=torch.float64).to(self._low)
        if bound.item() > least:
            bound = torch.nextafter(bound, torch.tensor(-torch.inf, dtype=self._low))
        if diagonal:
            product.fill_diagonal_(-torch.inf)
        # Most rows of most tiles have no near pair, and their largest product says so at a fraction of the cost.
        near_rows = (product.amax(dim=1) >= bound.item()).nonzero().flatten()
        for some in torch.split(near_rows, _ROWS_AT_ONCE):
            place, column = (product[some] >= bound.item()).nonzero(as_tuple=True)
            if len(place) > len(some) * len(right) * _CROWDED:
                place, column = (left[some] @ right.T >= self._least).nonzero(as_tuple=True)
            if diagonal:
                above = some[place] < column
                place, column = place[above], column[above]
            if len(place):
                yield some[place].cpu().numpy(), column.cpu().numpy()

    def _block(self, rows: NDArray[np.float32], start: int) -> torch.Tensor:
        return tensor_of(rows[start : start + self._tile]).to(self._device)

    def _errors(self, rows: NDArray[np.float32]) -> list[float]:
        """For each block the longest rounding error of a row, |e|.

        A thousandth more than measured, for it is measured in float32.
        """
        blocks = (self._block(rows, start) for start in range(0, len(rows), self._tile))
        return [float((block.to(self._low).float() - block).norm(dim=1).max()) * 1.001 for block in blocks]


def tensor_of(rows: NDArray[np.float32]) -> torch.Tensor:
    """The rows as a tensor without a copy; it is only read."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(rows)


def _has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 with float32 sums; without that, float32 is faster, and it is exact."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@contextmanager
def _one_thread_each(threads: int | None) -> Iterator[ThreadPoolExecutor]:
    """Threads that each work on a tile alone: none waits for the slowest at the end of every product.

    Sets full precision where the margin counts on it; puts everything back.
    """
    import torch

    before, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    reduced = torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    try:
        with ThreadPoolExecutor(threads or before) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)
        torch.set_float32_matmul_precision(precision)
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = reduced


def _too_many_pairs(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    parts: list[Part],
    limit: np.float32,
    max_pairs: int,
    *,
    within: bool,
) -> TooManyPairs:
    everything = np.arange(len(y))

    def near(row: int) -> NDArray[np.bool_]:
        return np.asarray(pair_distances(x, y, np.full(len(y), row), everything) <= limit)

    a, b, _ = (np.concatenate(column) for column in zip(*parts, strict=True))
    return too_many_rows(a, b, len(x), near, within=within, reach=f"{limit:g}", limit=max_pairs)
