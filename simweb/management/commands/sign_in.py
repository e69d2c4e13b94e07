"""`manage.py sign_in`: a token for the REST API."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from simweb.cli import Command as BaseCommand
from simweb.people import person_named
from simweb.tokens import make_token


class Command(BaseCommand):
    """Print a new API token in a person's name."""

    help = "Print a new token for the REST API in a person's name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, and what for."""
        super().add_arguments(parser)
        parser.add_argument("user", nargs="?", default="", help="the person (default: the first superuser)")
        parser.add_argument("--name", default="command line", help="what the token is for, shown beside it")

    def handle(self, *args: Any, user: str, name: str, as_json: bool, **options: Any) -> None:
        """Make it."""
        person = person_named(user)
        token = make_token(user=person, name=name)
        if as_json:
            self.show({"username": person.get_username(), "name": name, "token": token})
            return
        self.stdout.write(token)
        self.note(f"It acts as {person.get_username()} and is shown only now; the account page revokes it. Try:")
        self.note(f'  curl -H "Authorization: Bearer $TOKEN" {settings.SITE_URL}/api/v1/projects')
