"""From embeddings to coordinates by one of the methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.projection._pca import principal
from analysis.core.projection.methods import InvalidProjection, Method, Pca, Tsne, Umap

COMPONENTS = 50
"""Principal components that t-SNE and UMAP work on: the rest is mostly noise, and neighbours are found faster."""

Report = Callable[[str, int, int], None]
"""Called with what is being done, steps finished, and steps in all (0: unknown)."""


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """A projection.

    Attributes:
        points: float32, shape (n, 2), finite, centred for PCA; equal embeddings have equal points.
        explained: share of the variance along each axis of PCA; None for the other methods.
        kept: share of the variance in the components that t-SNE or UMAP worked on; 1 for PCA.
        distinct: number of different embeddings.
        flat: whether the embeddings lie in a plane. PCA then shows every distance exactly, so it was made whatever
            the method asked for.
    """

    points: NDArray[np.float32]
    explained: tuple[float, float] | None
    kept: float
    distinct: int
    flat: bool


def _silent(stage: str, done: int, total: int) -> None:
    pass


def project(vectors: Vectors, method: Method, *, report: Report = _silent) -> Projected:
    """Two coordinates for each embedding. The same input on the same machine gives the same coordinates.

    t-SNE and UMAP work on the different embeddings alone, by Euclidean distance in their first `COMPONENTS` principal
    components: between unit vectors its square is twice the cosine distance, so neighbours are those by cosine.

    Args:
        vectors: n embeddings.
        method: with its parameters.
        report: hears how far it is.

    Raises:
        InvalidProjection: no embedding, or too few different ones for the parameters.
    """
    if not len(vectors):
        raise InvalidProjection("There is no embedding to project.", remedy="Choose datasets that have embeddings.")
    report("Finding principal components", 0, 0)
    components = principal(vectors.values, 2 if isinstance(method, Pca) else COMPONENTS)
    first, same = _distinct(vectors.values)
    flat = components.rank <= 2 if not isinstance(method, Pca) else False
    if isinstance(method, Pca) or flat:
        explained = (float(components.explained[0]), float(components.explained[1]))
        return Projected(components.scores[:, :2].astype(np.float32), explained, 1.0, len(first), flat)
    method.check(len(first))
    reduced = np.ascontiguousarray(components.scores[first, : components.rank])
    if isinstance(method, Tsne):
        from analysis.core.projection._tsne import tsne

        points = tsne(reduced, perplexity=method.perplexity, seed=method.seed, report=report)
    elif isinstance(method, Umap):
        from analysis.core.projection._umap import umap

        points = umap(reduced, neighbours=method.neighbours, min_dist=method.min_dist, seed=method.seed, report=report)
    else:
        raise InvalidProjection(f"There is no way to compute {method.title}.")
    return Projected(points[same], None, float(components.explained.sum()), len(first), flat=False)


def _distinct(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first row of each different embedding, in order, and for every row which of them it equals."""
    seen: dict[bytes, int] = {}
    same = np.fromiter((seen.setdefault(row.tobytes(), len(seen)) for row in values), np.int64, len(values))
    first = np.full(len(seen), len(values), np.int64)
    np.minimum.at(first, same, np.arange(len(values), dtype=np.int64))
    return first, same
