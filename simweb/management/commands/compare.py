"""`manage.py compare`: find all pairs of images of some datasets."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError

from analysis.api.overlap import overlap_at
from analysis.core.hashes import HASHES
from analysis.models import Comparison
from analysis.queries import comparison as read_comparison
from analysis.schemas.comparisons import ComparisonOut
from analysis.schemas.overlap import OverlapOut
from analysis.signals import signal, signal_in
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Project
from catalog.queries import datasets_named
from simweb.cli import JobCommand, add_datasets, require_project
from simweb.people import person_named


class Command(JobCommand):
    """Compare datasets under one or more signals."""

    help = "Find all pairs of images of a project's datasets up to a distance under one or more signals."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Datasets × signals × scope."""
        super().add_arguments(parser)
        parser.add_argument("project", help="slug or name")
        add_datasets(parser)
        parser.add_argument(
            "--signal",
            action="append",
            default=[],
            help=f"repeatable (default: phash-8): {', '.join(HASHES)}, an encoder's name (models list), or brought "
            "vectors as their upload names them, such as embeddings-512",
        )
        parser.add_argument(
            "--max-distance",
            action="append",
            type=float,
            default=[],
            metavar="BITS",
            help="largest distance: one for all signals, or one each in their order (default: each signal's own)",
        )
        parser.add_argument("--scope", default="across", choices=Comparison.Scope.values)
        parser.add_argument("--name", default="", help="(default: the names of the datasets)")

    def handle(self, *args: Any, project: str, as_json: bool, wait: bool, **options: Any) -> None:
        """Compare."""
        found = require_project(project)
        comparison = create_comparison(
            project=found,
            datasets=datasets_named(found, options["datasets"]),
            signals=asked(found, options["signal"] or ["phash-8"], options["max_distance"]),
            scope=options["scope"],
            by=person_named(options["user"]),
            name=options["name"],
        )
        self.work(comparison, run_comparison, wait=wait)
        comparison = read_comparison(found, comparison.pk)
        rows = list(comparison.signals.all()) if wait else []
        overlaps = [overlap_at(comparison, row, row.max_distance, "found") for row in rows if not row.error]
        if as_json:
            out = ComparisonOut.from_orm(comparison).model_dump(mode="json")
            self.show(out | {"overlaps": [overlap.model_dump(mode="json") for overlap in overlaps]})
        else:
            self.stdout.write(f"Comparison {comparison.pk} is {comparison.status}.")
            for overlap in overlaps:
                self._say(overlap)
        if stopped := [row for row in rows if row.error]:
            said = " ".join(f"{signal(row.signal.name).title} could not be computed: {row.error}" for row in stopped)
            raise CommandError(f"{said} The other signals were.")

    def _say(self, overlap: OverlapOut) -> None:
        self.stdout.write(
            f"{overlap.signal}, at most {signal(overlap.signal).words(overlap.max_distance)}: {overlap.pairs:,} pairs"
        )
        parts = {part.slug: part for part in overlap.datasets}
        for row in overlap.between:
            a, b = parts[row.a], parts[row.b]
            if row.a == row.b:
                counts = f"{row.images_of_a:,} of {a.images:,} images"
                self.stdout.write(f"  within {a.name}: {row.pairs:,} pairs, {counts}")
            else:
                counts = (
                    f"{row.images_of_a:,} of {a.images:,} images of {a.name}, "
                    f"{row.images_of_b:,} of {b.images:,} of {b.name}"
                )
                self.stdout.write(f"  {a.name} – {b.name}: {row.pairs:,} pairs, {counts}")


def asked(project: Project, signals: Sequence[str], distances: Sequence[float]) -> dict[str, float]:
    """Signal of a project → largest distance, from options in their order.

    Raises:
        CommandError: neither no distance, nor one, nor one for each signal; or a signal twice.
        UnknownName: no such signal.
    """
    if len(set(signals)) < len(signals):
        raise CommandError("A signal is named twice.")
    if not distances:
        return {name: signal_in(project, name).default_distance for name in signals}
    if len(distances) not in (1, len(signals)):
        raise CommandError(
            f"{len(distances)} distances are given for {len(signals)} signals. Give one for all, or one for each."
        )
    every = distances if len(distances) == len(signals) else list(distances) * len(signals)
    return dict(zip(signals, every, strict=True))
