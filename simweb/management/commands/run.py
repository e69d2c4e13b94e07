"""`manage.py run`: the whole dashboard on this machine, until Ctrl-C."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from simweb import embedded, env
from simweb.people import FIRST_USER, first_user
from simweb.supervisor import Supervisor

READY_SECONDS = 60


def collect_static() -> None:
    """Collect the static files, unless those collected last time still are what there is."""
    digest = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in sorted(finder.list([]), key=lambda found: str(found[0])):
            known = Path(storage.path(path)).stat()
            digest.update(f"{path} {known.st_size} {known.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    if not stamp.is_file() or stamp.read_text() != digest.hexdigest():
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        stamp.write_text(digest.hexdigest())


class Command(BaseCommand):
    """Start servers, migrations, worker and web server; print the address and how to sign in."""

    help = "Run the whole dashboard on this machine until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options; the defaults come from the environment."""
        parser.add_argument("--port", type=int, default=env.integer("PORT", 8000))
        parser.add_argument("--host", default=env.text("HOST", "127.0.0.1"))
        parser.add_argument("--workers", type=int, default=env.integer("WORKERS", max(2, os.cpu_count() or 2)))

    def handle(self, *args: Any, port: int, host: str, workers: int, **options: Any) -> None:
        """Run until a signal comes."""
        self._refuse_taken_port(host, port)
        supervisor = Supervisor(settings.VAR_DIR / "logs")
        with embedded.servers(settings.DATA_DIR):
            try:
                call_command("migrate", verbosity=0, interactive=False)
                collect_static()
                how = self._first_user()
                self._start(supervisor, host, port, workers)
                self._wait_until_ready(supervisor, host, port)
                self._say(f"\n  simweb is at  http://{'localhost' if host == '127.0.0.1' else host}:{port}\n  {how}\n")
                self._say(f"  Data and logs lie in {settings.VAR_DIR}. Ctrl-C stops everything.\n")
                ended = supervisor.watch()
            finally:
                self._say("Stopping.")
                supervisor.stop()
        if ended:
            raise CommandError(f"The {ended} stopped by itself; its log is {supervisor.logs / ended}.log.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _refuse_taken_port(self, host: str, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} on {host} cannot be used ({error.strerror}). Choose another: make run PORT={port + 1}"
                ) from None

    def _first_user(self) -> str:
        """How to sign in; makes the first account where there is none."""
        users = get_user_model()
        if not users.objects.exists():
            first_user()
        first = users.objects.filter(username=FIRST_USER).first()
        path = settings.DATA_DIR / "secrets" / "admin-password"
        if first is not None and path.exists() and first.check_password(path.read_text().strip()):
            return f"Sign in as    {FIRST_USER}  with password  {path.read_text().strip()}"
        return "Sign in with your account (python manage.py changepassword NAME sets a new password)."

    def _start(self, supervisor: Supervisor, host: str, port: int, workers: int) -> None:
        environment = {"PORT": str(port)}
        supervisor.start(
            "web",
            [
                *(sys.executable, "-m", "gunicorn", "simweb.wsgi:application", "--bind", f"{host}:{port}"),
                *("--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "120"),
                *("--worker-tmp-dir", str(settings.VAR_DIR / "tmp"), "--no-control-socket"),
            ],
            environment,
        )
        supervisor.start(
            "worker",
            [
                *(sys.executable, "-m", "celery", "--app", "simweb", "worker", "--beat"),
                *("--concurrency", str(workers), "--loglevel", "INFO", "--without-mingle", "--without-gossip"),
                *("--schedule", settings.CELERY_BEAT_SCHEDULE_FILENAME),
            ],
            environment,
        )

    def _wait_until_ready(self, supervisor: Supervisor, host: str, port: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            web = supervisor.children["web"]
            if web.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://{host}:{port}/health", timeout=2):  # our own address
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise CommandError(f"The web server did not come up; its log is {supervisor.logs / 'web.log'}.")
