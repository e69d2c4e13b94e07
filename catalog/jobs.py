"""How a row's work is sent to a task, and how the task reports on the row: start, progress, end.

Reports are short updates that never touch other columns.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from celery import Task
from django.db import connection, models, transaction
from django.utils import timezone

from catalog.models import Job

logger = logging.getLogger(__name__)

REPORT_SECONDS = 0.5
BEAT_SECONDS = 30.0
LOST_AFTER_SECONDS = 300
"""A running job whose heartbeat stands still for this long has lost its worker."""

JobRow = TypeVar("JobRow", bound=Job)


class Progress(Generic[JobRow]):
    """Writes a job's progress, at most twice a second.

    Args:
        job: the row; its class must have been saved.
    """

    def __init__(self, job: JobRow) -> None:
        self.job = job
        self._written = 0.0
        self._done = 0
        self._total = 0

    def _update(self, **fields: object) -> None:
        manager: models.Manager[JobRow] = type(self.job)._default_manager
        manager.filter(pk=self.job.pk).update(heartbeat_at=timezone.now(), **fields)
        self._written = time.monotonic()

    def stage(self, name: str, *, total: int = 0, unit: str = "images") -> None:
        """Begin a stage of `total` units (0: unknown)."""
        self._done, self._total = 0, total
        self._update(stage=name, done=0, total=total, unit=unit, stage_started_at=timezone.now())

    def advance(self, units: int = 1) -> None:
        """Count finished units."""
        self._done += units
        if self._done >= self._total > 0 or time.monotonic() - self._written >= REPORT_SECONDS:
            self._update(done=self._done)


@contextlib.contextmanager
def _beating(job: Job) -> Iterator[None]:
    """Keep a job's heartbeat moving through long computations that report nothing themselves."""
    over = threading.Event()
    manager = type(job)._default_manager

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            manager.filter(pk=job.pk, status=Job.Status.RUNNING).update(heartbeat_at=timezone.now())
        connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat of {job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def work_on(job: JobRow, *, expected: tuple[type[Exception], ...]) -> Iterator[Progress[JobRow]]:
    """Run a stage for a job: running, then done or failed with the cause.

    An expected error is the person's to mend: its text is shown. Any other is ours: it is logged whole and raised
    again, and the row says that it failed and that trying again is safe.
    """
    progress = Progress(job)
    now = timezone.now()
    progress._update(
        status=Job.Status.RUNNING, started_at=now, stage_started_at=now, finished_at=None, error="", stage="Starting"
    )
    try:
        with _beating(job):
            yield progress
    except expected as error:
        progress._update(status=Job.Status.FAILED, finished_at=timezone.now(), error=str(error))
        raise
    except Exception as error:
        logger.exception("%s %s failed", type(job).__name__, job.pk)
        progress._update(
            status=Job.Status.FAILED,
            finished_at=timezone.now(),
            error=f"Something went wrong on our side ({type(error).__name__}). Nothing was lost; try again.",
        )
        raise
    else:
        progress._update(status=Job.Status.DONE, finished_at=timezone.now(), stage="")


def queue(task: Task[Any, Any], *keys: int) -> None:
    """Send a row's work to the workers, once the row is stored.

    Where the queue cannot be reached, the row stays queued and the sweep sends it.
    """
    transaction.on_commit(partial(task.delay, *keys), robust=True)


def claim(model: type[JobRow], pk: int) -> JobRow | None:
    """Take a queued job for this worker.

    A task may be delivered twice, and a row may be gone: then there is nothing to do, and None is returned. A running
    job is taken only when its heartbeat stands still.
    """
    now = timezone.now()
    silent = now - timedelta(seconds=LOST_AFTER_SECONDS)
    manager: models.Manager[JobRow] = model._default_manager
    waiting = models.Q(status=Job.Status.QUEUED) | models.Q(status=Job.Status.RUNNING, heartbeat_at__lt=silent)
    if not manager.filter(waiting, pk=pk).update(status=Job.Status.RUNNING, heartbeat_at=now):
        return None
    return manager.get(pk=pk)


def lost(model: type[JobRow]) -> models.QuerySet[JobRow]:
    """Rows whose work was lost: queued or running, and silent for too long."""
    silent = timezone.now() - timedelta(seconds=LOST_AFTER_SECONDS)
    manager: models.Manager[JobRow] = model._default_manager
    return manager.filter(
        models.Q(status=Job.Status.RUNNING, heartbeat_at__lt=silent)
        | models.Q(status=Job.Status.QUEUED, created_at__lt=silent, heartbeat_at__isnull=True)
        | models.Q(status=Job.Status.QUEUED, heartbeat_at__lt=silent)
    )
