"""What the commands share: errors in plain words, `--json`, `--wait` with a progress bar, and the servers they need."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from celery import Task
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from kombu.exceptions import OperationalError
from ninja import Schema
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis.models import Comparison
from catalog.core.errors import CatalogError
from catalog.models import Job, Project
from simweb import embedded, env
from simweb.errors import DOMAIN_ERRORS

POLL_SECONDS = 0.2
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


class Command(BaseCommand):
    """A command of the dashboard. Results go to stdout, everything said about them to stderr.

    A domain error ends it with its message and remedy and exit status 1.
    """

    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options that every command takes."""
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON, as the REST API answers")

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it; what can go wrong with what people ask for is said without a traceback."""
        try:
            self._prepare_database()
            said = super().execute(*args, **options)
            self.stdout.flush()
            return said
        except DOMAIN_ERRORS as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run it again at any time.", returncode=INTERRUPTED) from None
        except BrokenPipeError:
            # The reader, such as `head`, has enough; Python would complain again when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None

    def _prepare_database(self) -> None:
        """Make the tables of the embedded database at the first use; those of another one are its keeper's."""
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not missing:
            return
        if env.text("DATABASE_URL"):
            raise CommandError(f"The database lacks {len(missing)} migrations. Run: python manage.py migrate")
        call_command("migrate", verbosity=0, interactive=False)

    def note(self, line: str) -> None:
        """Say something about the result, on stderr."""
        self.stderr.write(line, style_func=str)

    def show(self, out: Schema | list[Any] | dict[str, Any]) -> None:
        """Print a result as JSON."""
        data = out.model_dump(mode="json") if isinstance(out, Schema) else out
        self.stdout.write(json.dumps(data, indent=2, ensure_ascii=False))


class JobCommand(Command):
    """A command whose work is a job: queued for a worker, or computed here with ``--wait``."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of a job."""
        super().add_arguments(parser)
        parser.add_argument("--user", default="", help="in whose name (default: the first superuser)")
        parser.add_argument("--wait", action="store_true", help="compute in this process, with a progress bar")

    def work(self, job: Job, task: Task[Any, Any], *, wait: bool) -> None:
        """Compute a queued job here, or send it to the workers.

        Raises:
            CommandError: it was computed and failed; the message is the job's.
        """
        if wait:
            with stoppable(job), progress_of(job):
                task(job.pk)
            job.refresh_from_db()
            if job.status != Job.Status.DONE:
                raise CommandError(job.error or f"It is {job.status} in another process.")
            return
        try:
            with embedded.servers(settings.DATA_DIR):
                task.delay(job.pk)
        except (OperationalError, RuntimeError) as error:
            self.note(f"The queue cannot be reached ({error}); a dashboard that runs finds the work within minutes.")
        self.note("Queued: a dashboard that runs takes it up. With --wait it is computed here.")


@contextlib.contextmanager
def stoppable(job: Job) -> Iterator[None]:
    """Have a job that is stopped by Ctrl-C say so, rather than run for ever; it can be run again."""
    try:
        yield
    except KeyboardInterrupt:
        type(job)._default_manager.filter(pk=job.pk).update(
            status=Job.Status.FAILED, finished_at=timezone.now(), error="It was stopped by the person who ran it."
        )
        raise


@contextlib.contextmanager
def bar() -> Iterator[Progress | None]:
    """A progress bar on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield shown


@contextlib.contextmanager
def progress_of(job: Job) -> Iterator[None]:
    """Show what a job writes about itself, while the block computes it."""
    with bar() as shown:
        if shown is None:
            yield
            return
        over = threading.Event()
        thread = threading.Thread(target=_follow, args=(job, shown, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _follow(job: Job, shown: Progress, over: threading.Event) -> None:
    stage, line = "", shown.add_task("Starting", total=None)
    while not over.wait(POLL_SECONDS):
        row = type(job)._default_manager.filter(pk=job.pk).values("stage", "done", "total").first()
        if row is None:
            continue
        if row["stage"] != stage:
            stage = row["stage"]
            shown.reset(line, description=stage)
        shown.update(line, completed=row["done"], total=row["total"] or None)
    # This thread has a connection of its own.
    connection.close()


def add_datasets(parser: ArgumentParser) -> None:
    """The option that names some of a project's datasets, for `catalog.queries.datasets_named`."""
    parser.add_argument(
        "--datasets", action="extend", nargs="+", default=[], metavar="NAME", help="slugs or names (default: all)"
    )


def project_named(name: str) -> Project | None:
    """The project of this slug, else of this name; None where there is none.

    Raises:
        CatalogError: several projects have the name.
    """
    found = Project.objects.filter(slug=name).first()
    if found is not None:
        return found
    named = list(Project.objects.filter(name=name))
    if len(named) > 1:
        slugs = ", ".join(project.slug for project in named)
        raise CatalogError(f"{len(named)} projects are called “{name}”.", remedy=f"Name one by its slug: {slugs}.")
    return named[0] if named else None


def require_project(name: str) -> Project:
    """The project of this slug or name.

    Raises:
        CatalogError: there is none; the message says which there are.
    """
    found = project_named(name)
    if found is None:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CatalogError(f"There is no project “{name}”.", remedy=f"There are: {known or 'none yet'}.")
    return found


def require_comparison(project: Project, number: int) -> Comparison:
    """The project's comparison of this number.

    Raises:
        CatalogError: there is none; the message says which there are.
    """
    found = project.comparisons.filter(pk=number).first()
    if found is None:
        known = ", ".join(str(pk) for pk in project.comparisons.order_by("-pk").values_list("pk", flat=True)[:20])
        raise CatalogError(f"“{project.name}” has no comparison {number}.", remedy=f"It has: {known or 'none yet'}.")
    return found
