"""The Celery application of the worker under test: small blocks, each slow enough to be killed in, and quickly lost."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from celery.signals import worker_init

from simweb.celery import app

if TYPE_CHECKING:
    from analysis.models import Block

__all__ = ["app"]


@worker_init.connect
def hurry(**_: object) -> None:
    """Before the worker's children are made."""
    from analysis import tasks
    from analysis.pipeline import compare
    from catalog import jobs

    jobs.LOST_AFTER_SECONDS = 3
    jobs.BEAT_SECONDS = 0.5
    tasks.SHARED_FROM = 0
    compare.BLOCK_ROWS = 10
    join, joined_by = compare.join, Path(os.environ["JOINED_BY"])

    def slowly(block: Block) -> None:
        time.sleep(0.15)
        join(block)
        with joined_by.open("a") as log:
            log.write(f"{os.getpid()}\n")

    compare.join = slowly
