"""A bound on the memory that reading a file of strangers may take: a few bytes of Parquet can stand for gigabytes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from catalog.core.errors import RefusedArchive

EXTRA_BYTES = 3 * 2**30
"""What may be taken beyond what the process has: the largest file that is taken, a few times over."""

_STATUS = Path("/proc/self/status")
_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def bounded(extra: int = EXTRA_BYTES) -> Iterator[None]:
    """Let what is done inside take no more than `extra` bytes, on Linux; elsewhere there is no such bound.

    The bound is the process's, so other threads share it meanwhile, and those that come here wait.

    Raises:
        RefusedArchive: it asked for more.
    """
    with _one_at_a_time, _limited(extra):
        try:
            yield
        except MemoryError as error:
            raise RefusedArchive(
                f"Reading a table takes more than {extra / 2**30:.3g} GiB of memory.",
                remedy="Divide it into several files, or write it without compression.",
            ) from error


@contextlib.contextmanager
def _limited(extra: int) -> Iterator[None]:
    if not _STATUS.exists():
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    taken = int(_STATUS.read_text().split("VmData:", 1)[1].split(None, 1)[0]) * 1024
    wanted = taken + extra
    if soft != resource.RLIM_INFINITY:
        wanted = min(wanted, soft)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
