"""`manage.py report`: a comparison's report as one archive."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from analysis import queries
from analysis.models import Comparison
from analysis.schemas.outputs import ReportOut
from analysis.tasks import build_report
from analysis.workspace import request_report
from catalog.core.errors import CatalogError
from catalog.models import Project
from simweb.cli import JobCommand, require_comparison, require_project
from simweb.files import refuse_existing, save_archive
from simweb.people import person_named


def threshold(text: str) -> tuple[str, float]:
    """``phash-8=8`` as name and distance."""
    name, equals, distance = text.rpartition("=")
    try:
        if not equals:
            raise ValueError
        return name, float(distance)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not of the form phash-8=8") from None


class Command(JobCommand):
    """Write a comparison's report."""

    help = "Write the report of a comparison: figures, tables and lists of pairs in one ZIP archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of what, at which thresholds, and where to."""
        super().add_arguments(parser)
        parser.add_argument("project", help="slug or name")
        parser.add_argument("--comparison", type=int, help="its number (default: the newest that is done)")
        parser.add_argument(
            "--threshold",
            action="append",
            type=threshold,
            default=[],
            metavar="SIGNAL=BITS",
            help="repeatable (default: each signal's largest explored)",
        )
        parser.add_argument("--output", type=Path, help="save the archive here, a file or folder; implies --wait")
        parser.add_argument("--force", action="store_true", help="replace a file that is there")

    def handle(self, *args: Any, project: str, as_json: bool, wait: bool, **options: Any) -> None:
        """Write it."""
        found = require_project(project)
        output: Path | None = options["output"]
        if output is not None:
            refuse_existing(output, force=options["force"])
        comparison = self._comparison(found, options["comparison"])
        report = request_report(
            comparison=comparison, thresholds=dict(options["threshold"]), by=person_named(options["user"])
        )
        self.work(report, build_report, wait=wait or output is not None)
        report = queries.report(found, report.pk)
        if output is not None:
            name = f"{found.slug}-report-{report.pk}.zip"
            saved = save_archive(str(report.archive), output, name, force=options["force"])
            self.note(f"Saved as {saved}.")
        if as_json:
            self.show(ReportOut.from_orm(report))
        else:
            self.stdout.write(f"Report {report.pk} of comparison {comparison.pk} is {report.status}.")

    def _comparison(self, project: Project, number: int | None) -> Comparison:
        if number is not None:
            return require_comparison(project, number)
        newest = queries.comparisons(project).filter(status=Comparison.Status.DONE).first()
        if newest is None:
            raise CatalogError(
                f"“{project.name}” has no comparison that is done.",
                remedy="Compare first: python manage.py compare PROJECT --wait",
            )
        return newest
