"""What the C library does with memory that a model gives back between one layer and the next."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from typing import Any

# glibc's numbers of its parameters (malloc.h).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

_KEPT = 2**31 - 1
_USUAL_MMAP, _USUAL_TRIM = 32 * 2**20, 64 * 2**20
"""Where glibc itself ends up after large arrays have come and gone."""


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Have freed memory stay with the process, for the next layer or batch to take; at the end all of it goes back.

    Else glibc returns large arrays to the system as soon as they are freed, and the next layer's are new pages, which
    the system clears one by one: for convolutional networks on a processor more than half of the time. It holds for
    what the main thread allocates, since other threads have small heaps of their own. Only glibc has these parameters;
    elsewhere nothing happens.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(_MMAP_THRESHOLD, _KEPT)
    libc.mallopt(_TRIM_THRESHOLD, _KEPT)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP)
        libc.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM)
        libc.malloc_trim(0)


def _glibc() -> Any:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
