"""`manage.py export_split`: save a split's archive."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from analysis import queries
from analysis.models import Split
from analysis.schemas.outputs import SplitDetail
from catalog.core.errors import CatalogError, Conflict
from catalog.models import Project
from simweb.cli import Command as BaseCommand
from simweb.cli import require_project
from simweb.files import save_archive


class Command(BaseCommand):
    """Save a split as a ZIP archive and check that its bytes are those that were frozen."""

    help = "Save a split as a ZIP archive: pictures by side and class, the manifest, the proof."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which, and where to."""
        super().add_arguments(parser)
        parser.add_argument("project", help="slug or name")
        parser.add_argument("split", help="its number or name")
        parser.add_argument("--output", type=Path, default=Path(), help="a file or folder (default: this folder)")
        parser.add_argument("--force", action="store_true", help="replace a file that is there")

    def handle(self, *args: Any, project: str, split: str, output: Path, force: bool, **options: Any) -> None:
        """Save it."""
        found = require_project(project)
        chosen = self._split(found, split)
        if chosen.status != Split.Status.DONE:
            raise Conflict(f"Split {chosen.pk} is {chosen.status}.", remedy=chosen.error or "Wait until it is done.")
        saved = save_archive(
            str(chosen.archive),
            output,
            f"{found.slug}-split-{chosen.pk}.zip",
            force=force,
            sha256=chosen.archive_sha256,
        )
        if options["as_json"]:
            self.show(SplitDetail.from_orm(chosen).model_dump(mode="json") | {"saved": str(saved)})
            return
        self.stdout.write(str(saved))
        self.note(f"SHA-256 {chosen.archive_sha256}")

    def _split(self, project: Project, text: str) -> Split:
        splits = queries.splits(project)
        found = list(splits.filter(pk=int(text)) if text.isdecimal() else splits.filter(name=text))
        if len(found) == 1:
            return found[0]
        known = ", ".join(f"{split.pk} ({split.name})" for split in splits[:20])
        many = f"{len(found)} splits are called" if found else f"“{project.name}” has no split"
        raise CatalogError(f"{many} “{text}”.", remedy=f"Name one by its number: {known or 'there is none yet'}.")
