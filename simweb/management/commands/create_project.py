"""`manage.py create_project`: a new project."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from catalog import queries
from catalog.schemas import ProjectOut
from catalog.workspace import create_project
from simweb.cli import Command as BaseCommand
from simweb.people import person_named


class Command(BaseCommand):
    """Make a project and print its slug."""

    help = "Make a project; its slug is printed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name and owner."""
        super().add_arguments(parser)
        parser.add_argument("name")
        parser.add_argument("--description", default="")
        parser.add_argument("--user", default="", help="who owns it (default: the first superuser)")

    def handle(self, *args: Any, name: str, description: str, user: str, as_json: bool, **options: Any) -> None:
        """Make it."""
        owner = person_named(user)
        project = create_project(name=name, description=description, owner=owner)
        if as_json:
            self.show(ProjectOut.of(queries.access(owner, project.slug).membership, datasets=0, images=0))
            return
        self.stdout.write(project.slug)
        self.note(f"“{project.name}” belongs to {owner.get_username()}.")
