"""Asking for projections, and deleting them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from analysis.core.errors import AnalysisError
from analysis.core.projection import Method, Pca
from analysis.models import Projection
from analysis.queries import embedding_counts, projections, same_projection
from analysis.signals import KnownSignal
from analysis.workspace._jobs import datasets_inside, delete_idle, embeddings_named, queue_again, waiting
from catalog.models import Dataset, Job, Project

FLAT = 3
"""So few images lie in a plane, where every method shows their exact distances, whatever its parameters."""


def request_projection(
    *, project: Project, signal_name: str, datasets: Sequence[Dataset], method: Method, by: AbstractBaseUser | None
) -> Projection:
    """A projection that waits for a worker; the one that is there, where the same was asked for before.

    Args:
        project: whose embeddings.
        signal_name: an embedding signal.
        datasets: one or more, each with embeddings under it.
        method: with its parameters.
        by: who asks.

    Raises:
        AnalysisError: the signal is no embedding, a dataset has none of its embeddings or is of another project, or
            there are too few images for the parameters.
    """
    known = embeddings_named(project, signal_name)
    chosen = datasets_inside(project, datasets, what="A projection")
    counts = embedding_counts(chosen, known.id)
    lacking = [f"“{dataset.name}”" for dataset in chosen if not counts.get(dataset.pk)]
    if lacking or not chosen:
        raise AnalysisError(
            f"{' and '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} no embeddings under {known.title}."
            if lacking
            else "A projection needs at least one dataset.",
            remedy="Choose datasets that have them, or compute them by a comparison with this signal.",
        )
    images = sum(counts.values())
    if images > FLAT:
        method.check(images)
    same = same_projection(
        project, signal_id=known.id, datasets=chosen, method=method.name, parameters=method.parameters()
    )
    if same is not None:
        return same
    with transaction.atomic():
        made = Projection.objects.create(
            project=project,
            signal_id=known.id,
            method=method.name,
            parameters=method.parameters(),
            **waiting(by),
        )
        made.datasets.set(chosen)
    return made


def first_projection(*, project: Project, known: KnownSignal) -> Projection | None:
    """A PCA of all embeddings of a signal that waits for a worker, so that there is something to look at.

    As long as it is the only one, it takes in what comes later, at the same address. None where there is nothing to
    send to a worker: it has everything or is on its way, people made projections of their own, or no image has an
    embedding.
    """
    datasets = list(project.datasets.all())
    counts = embedding_counts(datasets, known.id)
    described = [dataset for dataset in datasets if counts.get(dataset.pk)]
    if not described:
        return None
    with transaction.atomic():
        # Two imports may end at the same time.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        there = list(projections(project).filter(signal_id=known.id).exclude(status=Job.Status.FAILED)[:2])
        if not there:
            return request_projection(
                project=project, signal_name=known.name, datasets=described, method=Pca(), by=None
            )
        first = there[0]
        if len(there) > 1 or first.method != Pca.name or first.created_by_id is not None:
            return None
        held = {dataset.pk for dataset in first.datasets.all()}
        if held == {dataset.pk for dataset in described} and first.n_images == sum(counts.values()):
            return None
        # Until this is committed, a worker that is at it cannot say that it is done.
        now = Projection.objects.select_for_update(no_key=True).get(pk=first.pk).status
        first.datasets.set(described)
        if now != Job.Status.DONE:
            # It waits and will read them, or `tasks.run_projection` goes on with them.
            return None
        queue_again(job=first)
        return first


def delete_projection(*, projection: Projection) -> None:
    """Delete a projection; the embeddings stay.

    Raises:
        Conflict: it is being computed.
    """
    delete_idle(projection, running="This projection is being computed.")
