"""Asking for model comparisons, and deleting them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from analysis.core.errors import AnalysisError
from analysis.core.model_agreement import check_neighbours
from analysis.models import ModelComparison
from analysis.queries import described_by
from analysis.workspace._jobs import datasets_inside, delete_idle, embeddings_named, waiting
from catalog.models import Dataset, Project

MOST_NEIGHBOURS = 100


def request_model_comparison(
    *,
    project: Project,
    first: str,
    second: str,
    datasets: Sequence[Dataset],
    k: int,
    by: AbstractBaseUser | None,
) -> ModelComparison:
    """A comparison of two models that waits for a worker.

    Args:
        project: whose embeddings.
        first: an embedding signal.
        second: another one.
        datasets: one or more; their images that have embeddings under both are compared.
        k: neighbours of each image, 1 to `MOST_NEIGHBOURS`.
        by: who asks.

    Raises:
        AnalysisError: a signal that is no embedding or the same twice, no dataset or another project's, or too few
            images have embeddings under both for so many neighbours.
    """
    a, b = (embeddings_named(project, name) for name in (first, second))
    if a == b:
        raise AnalysisError("A model agrees with itself.", remedy="Choose two different ones.")
    chosen = datasets_inside(project, datasets, what="A comparison of models")
    if not chosen:
        raise AnalysisError("A comparison of models needs at least one dataset.", remedy="Choose one.")
    if k > MOST_NEIGHBOURS:
        raise AnalysisError(f"{k:,} neighbours are too many.", remedy=f"Give at most {MOST_NEIGHBOURS}.")
    check_neighbours(sum(each.both for each in described_by(chosen, a.id, b.id).values()), k)
    with transaction.atomic():
        made = ModelComparison.objects.create(
            project=project,
            signal_a_id=a.id,
            signal_b_id=b.id,
            k=k,
            **waiting(by),
        )
        made.datasets.set(chosen)
    return made


def delete_model_comparison(*, comparison: ModelComparison) -> None:
    """Delete a comparison of models; embeddings and verdicts stay.

    Raises:
        Conflict: it is being computed.
    """
    delete_idle(comparison, running="These models are being compared.")
