"""Fixtures: the real PostgreSQL and Redis of the embedded default, in a data folder of the tests' own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Before Django reads its settings: the tests never touch the data of `make run`.
os.environ.setdefault("SIMWEB_VAR", str(ROOT / "var" / "test"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simweb.settings")
