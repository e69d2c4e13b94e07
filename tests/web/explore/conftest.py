"""Three datasets around three centres, and their principal components."""

from __future__ import annotations

import pytest

from analysis.core.projection import Pca
from analysis.models import Projection
from analysis.signals import KnownSignal
from analysis.tasks import run_projection
from analysis.workspace import request_projection
from catalog.models import Dataset, Project
from tests.analysis.embedded import around, embedded, vectors_of
from tests.web.explore.plot import CENTRES, HOSTILE

SIZES = {"A": 12, "B": 9, "C": 6}


@pytest.fixture
def known(project: Project) -> KnownSignal:
    return vectors_of(project, 16)


@pytest.fixture
def datasets(project: Project, known: KnownSignal) -> list[Dataset]:
    """Three datasets around three centres; the first image of each carries a label that could be markup."""
    return [
        embedded(
            project,
            name,
            around(CENTRES, [i % 3 for i in range(n)], seed=n),
            known,
            labels=[HOSTILE, *(f"label {i % 3}" for i in range(1, n))],
        )
        for name, n in SIZES.items()
    ]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr("analysis.tasks.run_projection.delay", found.append)
    return found


@pytest.fixture
def pca(project: Project, datasets: list[Dataset], known: KnownSignal) -> Projection:
    made = request_projection(project=project, signal_name=known.name, datasets=datasets, method=Pca(), by=None)
    run_projection(made.pk)
    made.refresh_from_db()
    return made
