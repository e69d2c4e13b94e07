"""What the jobs that people ask for have in common: waiting for a worker, going again, being deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from analysis.core.errors import AnalysisError
from analysis.signals import KnownSignal, signal_in
from catalog.core.errors import Conflict
from catalog.models import Dataset, Job, Project

JobRow = TypeVar("JobRow", bound=Job)


def waiting(by: AbstractBaseUser | None) -> dict[str, Any]:
    """The columns of a new row whose work waits for a worker."""
    return {**_waiting(), "created_by_id": by.pk if by else None}


def _waiting() -> dict[str, Any]:
    return {"status": Job.Status.QUEUED, "stage": "Waiting for a worker", "heartbeat_at": timezone.now()}


def on_its_way(rows: QuerySet[JobRow]) -> JobRow | None:
    """One of the rows whose work has not ended; None where all of it has."""
    return rows.filter(status__in=[Job.Status.QUEUED, Job.Status.RUNNING]).first()


def queue_again(*, job: Job) -> None:
    """Queue a job that is over, because it failed or its data changed. Every stage is repeatable."""
    over = type(job)._default_manager.filter(pk=job.pk, status__in=[Job.Status.DONE, Job.Status.FAILED])
    over.update(**_waiting(), error="")


def delete_idle(job: Job, *, running: str) -> None:
    """Delete a job's row; `running` is what to say where it cannot be, because a worker is at it.

    Raises:
        Conflict: a worker is at it.
    """
    if job.status == Job.Status.RUNNING:
        raise Conflict(running, remedy="Wait until it is done, then delete it.")
    job.delete()


def datasets_inside(project: Project, datasets: Sequence[Dataset], *, what: str) -> list[Dataset]:
    """Each of the datasets once; `what` is to be made of them.

    Raises:
        AnalysisError: one belongs to another project.
    """
    chosen = list(dict.fromkeys(datasets))
    if any(dataset.project_id != project.pk for dataset in chosen):
        raise AnalysisError(f"{what} stays inside one project.")
    return chosen


def embeddings_named(project: Project, name: str) -> KnownSignal:
    """The signal of this name, whose embeddings are of pictures as they are.

    Raises:
        UnknownName: no such signal.
        AnalysisError: it has no such embeddings.
    """
    known = signal_in(project, name)
    if not known.is_embedding or known.orientation:
        raise AnalysisError(
            f"{known.title} gives no embeddings of pictures as they are.", remedy="Choose a model, or brought vectors."
        )
    return known
