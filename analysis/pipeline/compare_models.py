"""From the embeddings of the same images under two models to how far the models agree."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import bulk
from analysis.core import model_agreement
from analysis.core.arrays import Vectors
from analysis.core.errors import AnalysisError
from analysis.core.model_agreement import (
    DifferentPairs,
    Estimate,
    agreement,
    check_neighbours,
    correlation,
    most_different,
    nearest_others,
)
from analysis.core.versions import versions
from analysis.models import ModelComparison
from analysis.queries import Described, described_by
from analysis.signals import KnownSignal, signal
from catalog.jobs import Progress
from catalog.models import Dataset

SEED = 0
MOST_BYTES = 4 * 1024**3
"""Embeddings that a worker holds at once."""


def compare_models(comparison: ModelComparison, progress: Progress[Any]) -> None:
    """Compare the embeddings as they are now. Repeating it replaces the result.

    `comparison.result` holds ``images`` (how many have embeddings under both), ``k``, ``counts`` (of images with 0 to k
    neighbours in common), ``chance``; estimates, each a list of value and the ends of its 95 % interval: ``overlap``,
    ``jaccard``, ``nearest``, ``order`` (or null; of ``twos``); ``correlation`` (``spearman``, an estimate or null, of
    ``pairs``, ``every`` one or drawn); ``datasets`` (``name``, ``images``, and how many of these have embeddings under
    the ``first`` model, the ``second`` and ``both``); and ``near_a`` and ``near_b`` (``mutual``, ``found``, ``pairs``).
    Pairs are in order, the most different first: ids of the two images, two ranks under the model that finds them near,
    two under the other, their distances under both. What each number means is said in `analysis.core.model_agreement`.

    Raises:
        InvalidArray: too few images have embeddings under both for so many neighbours.
        AnalysisError: more embeddings than a worker can hold.
    """
    known = [signal(each.name) for each in (comparison.signal_a, comparison.signal_b)]
    # In this order of datasets, rows of images rise as pairs in canonical order do.
    datasets = list(comparison.datasets.order_by("pk"))
    described = described_by(datasets, known[0].id, known[1].id)
    images = sum(each.both for each in described.values())
    check_neighbours(images, comparison.k)
    dims = (comparison.signal_a.dim or 0) + (comparison.signal_b.dim or 0)
    if images * dims * 4 > MOST_BYTES:
        raise AnalysisError(
            f"{images:,} images with {dims:,} dimensions under the two models are more than a worker holds at once.",
            remedy="Choose fewer datasets.",
        )
    progress.stage("Reading embeddings", total=len(datasets), unit="datasets")
    ids, vectors = _read(datasets, known, progress)
    nearest = []
    for each, of in zip(vectors, known, strict=True):
        progress.stage(_stage(f"Nearest images under {of.title}"), total=len(ids))
        nearest.append(nearest_others(each, comparison.k, advance=progress.advance))
    progress.stage("Correlating distances")
    agreed = agreement(*nearest, seed=SEED)
    correlated = correlation(*vectors, seed=SEED)
    different = []
    for near, far in ((0, 1), (1, 0)):
        progress.stage(_stage(f"Ranks under {known[far].title}"), total=len(ids))
        different.append(most_different(nearest[near], nearest[far], vectors[far], advance=progress.advance))
    ModelComparison.objects.filter(pk=comparison.pk).update(
        result={
            "images": agreed.images,
            "datasets": [_counts(dataset, described.get(dataset.pk)) for dataset in datasets],
            "k": agreed.k,
            "counts": agreed.counts.tolist(),
            "chance": agreed.chance,
            "overlap": _listed(agreed.overlap),
            "jaccard": _listed(agreed.jaccard),
            "nearest": _listed(agreed.nearest),
            "order": _listed(agreed.order),
            "twos": agreed.twos,
            "correlation": {
                "spearman": _listed(correlated.spearman),
                "pairs": correlated.pairs,
                "every": correlated.every,
            },
            "near_a": _pairs(different[0], ids),
            "near_b": _pairs(different[1], ids),
        },
        versions={
            "libraries": versions() | {"torch": importlib.metadata.version("torch")},
            "signals": [each.name for each in known],
            "seed": SEED,
            "draws": model_agreement.DRAWS,
        },
    )


def _read(
    datasets: Sequence[Dataset], known: Sequence[KnownSignal], progress: Progress[Any]
) -> tuple[NDArray[np.int64], list[Vectors]]:
    """Ids of the images that have embeddings under both signals, and these, row by row."""
    ids: list[NDArray[np.int64]] = []
    parts: list[list[NDArray[np.float32]]] = [[] for _ in known]
    for dataset in datasets:
        found = [bulk.read_embeddings(dataset_id=dataset.pk, signal_id=each.id) for each in known]
        both, *rows = np.intersect1d(found[0][0], found[1][0], assume_unique=True, return_indices=True)
        ids.append(both)
        for part, (_, vectors), chosen in zip(parts, found, rows, strict=True):
            if vectors is not None:
                part.append(vectors.values[chosen])
        progress.advance()
    return np.concatenate(ids), [Vectors(np.concatenate(part)) for part in parts]


def _stage(text: str) -> str:
    return text[:200]


def _counts(dataset: Dataset, described: Described | None) -> dict[str, Any]:
    of = described or Described(0, 0, 0)
    return {
        "name": dataset.name,
        "images": dataset.image_count,
        "first": of.first,
        "second": of.second,
        "both": of.both,
    }


def _listed(estimate: Estimate | None) -> list[float] | None:
    return [estimate.value, estimate.low, estimate.high] if estimate else None


def _pairs(different: DifferentPairs, ids: NDArray[np.int64]) -> dict[str, Any]:
    columns = (
        ids[different.a],
        ids[different.b],
        *different.near.T,
        *different.far.T,
        different.near_distance.astype(np.float64),
        different.far_distance.astype(np.float64),
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {"mutual": different.mutual, "found": different.found, "pairs": [list(row) for row in rows]}
