"""How much memory there is, and how the libraries say that it was not enough."""

from __future__ import annotations

from pathlib import Path

from analysis.core.errors import ModelUnavailable

_SMALLER = "Choose a smaller model, or give the worker more memory."
_WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "failed to allocate memory",
    "bad allocation",
    "bad_alloc",
    "alloc_failed",
)
"""How torch, its back ends and onnxruntime say it, in lower case."""

_LOADING = 2.0
"""A model needs its file's size twice while it is loaded: the weights as read and as part of the model."""


class OutOfMemory(ModelUnavailable):
    """A batch or a model that does not fit into memory."""


def says_out_of_memory(error: BaseException) -> bool:
    """Whether a library's error means that memory was not enough."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _WORDS)


def too_large(name: str, what: str) -> OutOfMemory:
    """The error for a model, or one image under it, that does not fit."""
    return OutOfMemory(f"{name} does not fit into memory ({what}).", remedy=_SMALLER)


def check_room(name: str, size: int) -> None:
    """Refuse a model that would have the worker killed by the system, which no program can catch.

    Args:
        name: the encoder's name.
        size: bytes of its file.

    Raises:
        OutOfMemory: it needs more memory than is free.
    """
    free, needed = available(), int(size * _LOADING)
    if free is not None and needed > free:
        raise too_large(name, f"loading it takes about {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free")


def available() -> int | None:
    """Bytes of memory that this process can still take, on Linux; None elsewhere."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    group = _left_in_group()
    return free if group is None else min(free, group)


def _left_in_group() -> int | None:
    """What the container's limit leaves, where there is one; its file caches count as free."""
    root = Path("/sys/fs/cgroup")
    try:
        limit = (root / "memory.max").read_text().strip()
        used = int((root / "memory.current").read_text())
        stat = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
        return None if limit == "max" else int(limit) - used + int(stat.get("inactive_file", 0))
    except (OSError, ValueError):
        return None
