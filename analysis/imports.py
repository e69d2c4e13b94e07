"""What an import sets going when it is done: vectors that came ready-made are laid out at once."""

from __future__ import annotations

from functools import partial

from celery import current_task
from django.db import transaction

from analysis.pipeline.extract import IngestDescriptors
from catalog.hooks import BroughtVectors
from catalog.models import Dataset


class ImportObserver(IngestDescriptors):
    """Takes part in imports: stores descriptors with the images, and has brought vectors shown."""

    def vectors_brought(self, dataset: Dataset, brought: BroughtVectors) -> list[str]:
        """Store them; there is a plot of them by the time that somebody asks for one."""
        said = super().vectors_brought(dataset, brought)
        # A task that is called as a function, as commands do, leaves nothing to workers that may not be there.
        from_queue = bool(current_task) and not current_task.request.called_directly
        transaction.on_commit(partial(_show, dataset, from_queue=from_queue), robust=True)
        return said


def _show(dataset: Dataset, *, from_queue: bool) -> None:
    # Every command loads this module, and few of them compute anything.
    from analysis.tasks import show_embeddings

    show_embeddings(dataset, from_queue=from_queue)
