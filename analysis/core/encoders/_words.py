"""Names and messages that the families share."""

from __future__ import annotations

import re

from analysis.core.errors import ModelUnavailable

PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
"""One part of an encoder's name: it is a folder or a file too, and stands in addresses as it is."""

_LONGEST = 200


def brief(error: BaseException) -> str:
    """A library's error in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def fetch_command(name: str) -> str:
    """The command that brings a model to this machine."""
    return f"python manage.py models fetch {name}"


def not_here(name: str) -> ModelUnavailable:
    """The error for published weights that have not been downloaded."""
    return ModelUnavailable(f"The weights of {name} are not on this machine.", remedy=f"Run: {fetch_command(name)}")
