"""Runs everything on one machine: the embedded servers, web server and worker; stops what it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from simweb.processes import die_with_parent

STOP_SECONDS = 15


class Supervisor:
    """Starts child processes and stops them all, whichever way this process ends.

    Args:
        logs: the folder that keeps what the children print.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._asked_to_stop = False

    def start(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        """Start a child in a process group of its own, so that Ctrl-C reaches us first."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            self.children[name] = subprocess.Popen(  # noqa: S603  # our own commands
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | (environment or {}),
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # no threads run yet
            )

    def ask_to_stop(self, *_: object) -> None:
        """A signal handler: the loop ends at its next turn."""
        self._asked_to_stop = True

    def watch(self) -> str | None:
        """Wait until a signal comes or a child ends.

        Returns:
            None after a signal; otherwise the name of the child that ended by itself.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.ask_to_stop)
        while not self._asked_to_stop:
            for name, child in self.children.items():
                if child.poll() is not None:
                    return name
            time.sleep(0.2)
        return None

    def stop(self) -> None:
        """End every child: first kindly, then by force."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            # Whatever a child started belongs to its group.
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            child.wait()
