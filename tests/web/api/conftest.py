"""Two datasets with copies, and their comparison, made by a script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from analysis.tasks import run_comparison
from catalog.models import Dataset, Project
from tests.web.script import Script

Draw = Callable[..., bytes]
Import = Callable[..., Dataset]


@pytest.fixture
def script(owner: User) -> Script:
    return Script(owner)


@pytest.fixture
def two(import_files: Import, picture: Draw, project: Project) -> list[Dataset]:
    """Two datasets with two pictures in common, one of which the second has twice; the first has another one twice."""
    birds = {f"crow/{n}.png": picture(n) for n in range(3)} | {"duck/9.png": picture(0)}
    return [
        import_files("Birds", birds),
        import_files(
            "More birds",
            {f"{n}.jpg": picture(n, format="JPEG") for n in range(1, 5)} | {"1-small.png": picture(1, size=(72, 60))},
        ),
    ]


@pytest.fixture
def compared(script: Script, two: list[Dataset]) -> int:
    """A comparison of both datasets, computed; its number."""
    body = {"datasets": ["birds", "More birds"], "signals": [{"name": "phash-8", "max_distance": 10}], "scope": "both"}
    made = script.post("/projects/saints-in-art/comparisons", body)
    assert made["status"] == "queued"
    run_comparison(made["id"])
    return int(made["id"])
