"""What every benchmark prints first, and how it measures memory: figures mean nothing without their machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


def describe(*packages: str) -> str:
    """Processor, usable cores, Python, and versions of the packages that are compared."""
    cpuinfo = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if cpuinfo.is_file():
        lines = (line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line)
        model = next(lines, model)
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, {versions}"


@dataclass
class Memory:
    """Attributes: peak: bytes of resident memory beyond what was there at the start, at most; set at the end."""

    peak: int = 0


@contextmanager
def peak_memory() -> Iterator[Memory]:
    """Measure how far resident memory rises (Linux; 0 elsewhere)."""
    memory = Memory()
    before = _reset_peak()
    try:
        yield memory
    finally:
        memory.peak = max(0, _status("VmHWM") - before)


def _reset_peak() -> int:
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024
