"""The whole dashboard as `make run` starts it, for tests and screenshots: real servers, worker and web server."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Live:
    """A running dashboard.

    Attributes:
        url: its address, without a slash at the end.
        password: of the account ``admin``.
        var: its data folder.
    """

    url: str
    password: str
    var: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def dashboard(var: Path) -> Iterator[Live]:
    """Start the dashboard on a free port with its own data folder; stop it at the end as Ctrl-C does."""
    port = free_port()
    environment = os.environ | {"SIMWEB_VAR": str(var), "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said, deadline = "", time.monotonic() + START_SECONDS
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            said += line
            if not line or time.monotonic() > deadline:
                raise RuntimeError(f"The dashboard did not start:\n{said}")
        found = re.search(r"with password\s+(\S+)", said)
        assert found, said
        yield Live(f"http://localhost:{port}", found[1], var)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
