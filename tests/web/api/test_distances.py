"""Distances of embeddings, which are stored in float32: what was explored can be asked for as it was written."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from analysis.core.arrays import Vectors
from analysis.tasks import build_report, run_comparison
from analysis.workspace import create_comparison
from catalog.models import Project
from tests.analysis.embedded import embedded, vectors_of
from tests.web.script import Script

FAR = [0.0, 0.0034, 0.1035, 0.44]


@pytest.fixture
def signal(project: Project) -> str:
    return vectors_of(project, 2).name


@pytest.fixture
def compared(project: Project, signal: str) -> str:
    """The path of a comparison up to 0.45, which float32 holds as a little less; its pairs are `FAR` apart."""
    known = vectors_of(project, 2)
    angles = np.arccos(1 - np.array(FAR))
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    datasets = [embedded(project, name, Vectors(rows), known) for name, rows in (("A", around[:1]), ("B", around))]
    comparison = create_comparison(project=project, datasets=datasets, signals={signal: 0.45}, scope="across", by=None)
    run_comparison(comparison.pk)
    return f"/projects/{project.slug}/comparisons/{comparison.pk}"


def asked(script: Script, path: str, **more: Any) -> Any:
    return script.get(f"{path}?{urlencode(more)}")


def test_the_largest_explored_is_asked_for_as_it_was_written(script: Script, compared: str, signal: str) -> None:
    assert len(asked(script, f"{compared}/pairs", signal=signal, max_distance=0.45)["items"]) == len(FAR)
    assert asked(script, f"{compared}/overlap", signal=signal, max_distance=0.45)["pairs"] == len(FAR)
    report = script.post(f"{compared}/reports", {"thresholds": {signal: 0.45}})
    build_report(report["id"])
    assert script.get(f"{compared.rpartition('/comparisons')[0]}/reports/{report['id']}")["status"] == "done"
    for path in ("pairs", "overlap"):
        refused = script.get(f"{compared}/{path}?{urlencode({'signal': signal, 'max_distance': 0.4501})}", expect=422)
        assert "0.4501 is not between 0 and 0.45" in refused["detail"]
    assert "0.4501" in script.post(f"{compared}/reports", {"thresholds": {signal: 0.4501}}, expect=422)["detail"]


def test_every_step_of_the_curve_can_be_asked_for_as_it_is_told(script: Script, compared: str, signal: str) -> None:
    curve = asked(script, f"{compared}/overlap/curve", signal=signal)
    at = [asked(script, f"{compared}/overlap", signal=signal, max_distance=step)["pairs"] for step in curve["steps"]]
    assert at == curve["pairs"]


def test_a_list_of_pairs_ends_exactly_at_what_was_asked_for(script: Script, compared: str, signal: str) -> None:
    for most in (0, 0.003, 0.0035, 0.1034, 0.1036, 0.43):
        found = asked(script, f"{compared}/pairs", signal=signal, max_distance=most)["items"]
        assert len(found) == sum(each <= most for each in FAR), most
