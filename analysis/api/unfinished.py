"""What is asked for before it is computed."""

from __future__ import annotations

from catalog.core.errors import Conflict
from catalog.models import Job


def unfinished(job: Job) -> Conflict:
    """The answer to whoever asks for what a job has not made, or not yet: its status, and why it failed if it did."""
    return Conflict(f"It is not there yet: its status is {job.status}.", remedy=job.error or "Wait until it is done.")
