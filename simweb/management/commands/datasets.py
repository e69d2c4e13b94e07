"""`manage.py datasets`: the datasets of a project."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from catalog import queries
from catalog.schemas import DatasetOut
from simweb.cli import Command as BaseCommand
from simweb.cli import require_project


class Command(BaseCommand):
    """List a project's datasets, one a line."""

    help = "List the datasets of a project: slug, name, images, pictures; separated by tabs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which project."""
        super().add_arguments(parser)
        parser.add_argument("project", help="slug or name")

    def handle(self, *args: Any, project: str, as_json: bool, **options: Any) -> None:
        """List them."""
        found = list(queries.datasets(require_project(project)))
        if as_json:
            self.show([DatasetOut.from_orm(dataset).model_dump(mode="json") for dataset in found])
            return
        for dataset in found:
            self.stdout.write(f"{dataset.slug}\t{dataset.name}\t{dataset.image_count}\t{dataset.file_count}")
        if not found:
            self.note("There is no dataset yet: python manage.py import_dataset PROJECT NAME PATH")
