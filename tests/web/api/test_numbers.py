"""Numbers that are none, wherever a script may send one: refused in words, and nothing is made or stored."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from analysis.models import Comparison, Projection, Report, Split, Verdict
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Dataset, Project
from tests.analysis.embedded import around, embedded, vectors_of
from tests.web.script import Script

PROJECT = "/projects/saints-in-art"
NONE = [float("nan"), float("inf"), float("-inf"), 1e300, -1]


@pytest.fixture
def signal(project: Project) -> str:
    return vectors_of(project, 4).name


@pytest.fixture
def datasets(project: Project, signal: str) -> list[Dataset]:
    known = vectors_of(project, 4)
    return [embedded(project, name, around(np.eye(4), range(4), seed=seed), known) for seed, name in enumerate("VW")]


@pytest.fixture
def compared(project: Project, datasets: list[Dataset], signal: str) -> str:
    """The path of a comparison up to 0.5."""
    comparison = create_comparison(project=project, datasets=datasets, signals={signal: 0.5}, scope="across", by=None)
    run_comparison(comparison.pk)
    return f"{PROJECT}/comparisons/{comparison.pk}"


def rows() -> list[int]:
    return [model.objects.count() for model in (Comparison, Projection, Report, Split, Verdict)]


def refused(script: Script, method: str, path: str, body: Any = None) -> str:
    answer = script.call(method, path, body)
    assert answer.status_code == 422, answer.content
    detail: str = answer.json()["detail"]
    return detail


@pytest.mark.parametrize("number", NONE)
def test_distances_times_and_parameters(
    script: Script, datasets: list[Dataset], compared: str, signal: str, number: float
) -> None:
    before = rows()
    vector = {"vector": [1, 0, 0, 0], "signal": signal, "max_distance": number}
    a, b = (dataset.images.earliest("pk").pk for dataset in datasets)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/lookup", vector),
        (f"{PROJECT}/comparisons", {"signals": [{"name": signal, "max_distance": number}]}),
        (f"{PROJECT}/comparisons", {"signals": [{"name": "phash-8", "max_distance": number}]}),
        (f"{PROJECT}/projections", {"signal": signal, "method": "umap", "parameters": {"min_dist": number}}),
        (f"{PROJECT}/projections", {"signal": signal, "method": "tsne", "parameters": {"perplexity": number}}),
        (f"{PROJECT}/splits", {"dataset": "v", "n_way": 1, "k_shot": 1, "signal": signal, "max_distance": number}),
        (f"{compared}/reports", {"thresholds": {signal: number}}),
    ]
    if number != 1e300:  # nobody looks for so long, but it is a time
        asked.append((f"{PROJECT}/pairs/{a}-{b}/verdicts", {"choice": "different", "seconds": number}))
    for path, body in asked:
        assert refused(script, "POST", path, body), path
    for path in (f"{compared}/overlap", f"{compared}/pairs"):
        assert "largest distance explored" in refused(script, "GET", f"{path}?{urlencode({'max_distance': number})}")
    assert rows() == before


@pytest.mark.parametrize("vector", [[np.nan, 0, 0, 0], [np.inf, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3], [1, 2, 3, 4, 5]])
def test_vectors_without_a_direction_or_of_another_length(
    script: Script, datasets: list[Dataset], signal: str, vector: list[float]
) -> None:
    says = "no direction" if len(vector) == 4 else f"has 4 values, not {len(vector)}"
    for path in ("/lookup", f"{PROJECT}/search"):
        assert says in refused(script, "POST", path, {"vector": vector, "signal": signal})


@pytest.mark.parametrize("digits", ["", "0" * 15, "0" * 17, "g" * 16, "2" * 64, "0" * 63])
def test_hashes_of_another_length(script: Script, datasets: list[Dataset], digits: str) -> None:
    for path in ("/lookup", f"{PROJECT}/search"):
        assert refused(script, "POST", path, {"hash": digits, "signal": "phash-8"})
