"""`manage.py pairs`: the pairs that have been found, one a line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from analysis import queries
from analysis.core.errors import AnalysisError
from analysis.core.hashes import HASHES
from analysis.models import Comparison
from analysis.queries import Cell
from analysis.signals import KnownSignal, check_distance, signal_in
from catalog.models import Dataset, Project
from catalog.queries import datasets_named
from simweb.cli import Command as BaseCommand
from simweb.cli import add_datasets, require_project


class Command(BaseCommand):
    """List pairs, the closest first."""

    help = (
        "List the pairs that have been found, the closest first, one a line: dataset/image, dataset/image and "
        "distance, separated by tabs. With --json one JSON object a line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which pairs."""
        super().add_arguments(parser)
        parser.add_argument("project", help="slug or name")
        parser.add_argument(
            "--signal", default="phash-8", help=f"{', '.join(HASHES)}, or an encoder's name (default: phash-8)"
        )
        parser.add_argument("--max-distance", type=float, metavar="DISTANCE", help="(default: the signal's own)")
        add_datasets(parser)
        parser.add_argument(
            "--scope", choices=Comparison.Scope.values, help="(default: whatever has been compared of the datasets)"
        )

    def handle(self, *args: Any, project: str, as_json: bool, scope: str | None, **options: Any) -> None:
        """List them as they are read."""
        found = require_project(project)
        known = signal_in(found, options["signal"])
        distance = options["max_distance"]
        distance = check_distance(known, known.default_distance if distance is None else distance)
        cells = self._cells(found, datasets_named(found, options["datasets"]), scope, known, distance)
        for dataset_a, a, dataset_b, b, between in queries.measured(cells, signal_id=known.id, max_distance=distance):
            if as_json:
                sides = {"a": {"dataset": dataset_a, "name": a}, "b": {"dataset": dataset_b, "name": b}}
                self.stdout.write(json.dumps(sides | {"distance": between}, ensure_ascii=False))
            else:
                self.stdout.write(f"{dataset_a}/{a}\t{dataset_b}/{b}\t{between:g}")

    def _cells(
        self, project: Project, datasets: list[Dataset], scope: str | None, known: KnownSignal, distance: float
    ) -> list[Cell]:
        """The dataset pairs to list; says which of them are not known as far as was asked.

        Raises:
            AnalysisError: none of them has been compared.
        """
        names = {dataset.pk: dataset.name for dataset in datasets}
        ids = sorted(names)
        across = [Cell(a, b) for n, a in enumerate(ids) for b in ids[n + 1 :]]
        within = [Cell(a, a) for a in ids]
        asked = {"across": across, "within": within}.get(scope or "both", across + within)
        reach = queries.covered(project, known.id)
        if scope is None:
            asked = [cell for cell in asked if cell in reach]
        if not any(cell in reach for cell in asked):
            raise AnalysisError(
                "None of these datasets have been compared under this signal yet.",
                remedy="Compare them first: python manage.py compare PROJECT --wait",
            )
        for cell in asked:
            if reach.get(cell, -1) < distance:
                what = f"within {names[cell.a]}" if cell.a == cell.b else f"{names[cell.a]} – {names[cell.b]}"
                far = f"compared up to {known.words(reach[cell])} only" if cell in reach else "not compared yet"
                self.note(f"Note: {what}: {far}, so pairs may be missing.")
        return asked
