"""The numbers of an overlap: the server's, the script's and the study's are those counted pair by pair."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import charts, queries
from analysis.core.arrays import Pairs
from analysis.core.overlap_count import overlap_curve
from analysis.models import Comparison
from catalog.models import Dataset, Project
from tests.shared import shared_data
from tests.web.overlap.reading import cell, said, url
from tests.web.overlap_data import compare
from tests.web.page_script import from_curve


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_numbers_at_every_threshold_are_those_counted_pair_by_pair(data: st.DataObject) -> None:
    k = data.draw(st.integers(1, 4), "datasets")
    home = np.array(data.draw(st.lists(st.integers(0, k - 1), min_size=2, max_size=12), "home"), np.int32)
    possible = list(combinations(range(len(home)), 2))
    chosen = data.draw(st.lists(st.sampled_from(possible), unique=True, max_size=15), "pairs")
    apart = data.draw(st.lists(st.integers(0, 6), min_size=len(chosen), max_size=len(chosen)), "distances")
    pairs = Pairs(
        np.array([a for a, _ in chosen], np.int64),
        np.array([b for _, b in chosen], np.int64),
        np.array(apart, np.float32),
    )
    curve = overlap_curve(dataset=home, n_datasets=k, pairs=pairs, steps=np.arange(5, dtype=np.float32)).to_json()
    datasets = [Dataset(pk=10 + j, name=f"d{j}", position=j) for j in range(k)]
    covered = [queries.Cell(10 + i, 10 + j) for i in range(k) for j in range(i, k)]
    bars = charts.histogram(curve)
    for step in range(5):
        now = charts.overlap(curve, step, datasets, covered)
        held = [(a, b) for (a, b), distance in zip(chosen, apart, strict=True) if distance <= step]
        assert now.pairs == charts.pairs_at(curve, step) == len(held)
        assert now.images == len({image for pair in held for image in pair})
        for _, _, row in now.matrix:
            for each in row:
                mine = {
                    a for pair in held for a, b in (pair, pair[::-1]) if (home[a], home[b]) == (each.row, each.column)
                }
                between = sum(1 for a, b in held if sorted((home[a], home[b])) == sorted((each.row, each.column)))
                assert (each.images, each.pairs) == (len(mine), between)
        assert bars[step].pairs == sum(1 for distance in apart if distance == step)
        assert sum(region.pictures for region in now.regions) == len(home) - _joined(len(home), held)


def _joined(n: int, pairs: list[tuple[int, int]]) -> int:
    """How many pictures fewer there are than images: joins that join two clusters."""
    root, joins = list(range(n)), 0
    for a, b in pairs:
        if root[a] != root[b]:
            joins += 1
            old, new = root[b], root[a]
            root = [new if each == old else each for each in root]
    return joins


@pytest.mark.django_db
def test_the_script_counts_as_the_server_does(client: Client, project: Project, owner: User, tmp_path: Path) -> None:
    comparison = compare(project, scope="both")
    client.force_login(owner)
    config = client.get(url("comparison", comparison)).context["config"]
    data = client.get(url("comparison-curve", comparison)).json()
    every = from_curve("[...Array(13).keys()].map((t) => overlap.at(t))", config=config, data=data, folder=tmp_path)
    curve, datasets = data["curve"], list(comparison.datasets.all())
    for step, seen in enumerate(every):
        now = charts.overlap(curve, step, datasets, queries.cells(comparison))
        assert (seen["pairs"], seen["images"], seen["clusters"], seen["largest"], seen["parts"], seen["differ"]) == (
            now.pairs, now.images, now.clusters, now.largest_cluster, list(now.parts), now.pairs_differ
        )  # fmt: skip
        assert {(c["i"], c["j"], c["images"], c["pairs"], c["tint"]) for c in seen["cells"]} == {
            (c.row, c.column, c.images, c.pairs, c.tint) for _, _, row in now.matrix for c in row if c.compared
        }
        assert [(row["name"], row["matched"], row["total"]) for row in seen["labels"]] == [
            (row.name, row.matched, row.total) for row in now.labels
        ]
        assert [(len(r["sets"]), r["pictures"]) for r in seen["regions"]] == [
            (len(r.datasets), r.pictures) for r in now.regions
        ]


@pytest.mark.django_db
@pytest.mark.shared_data
def test_the_published_overlap_stands_on_the_page(client: Client, project: Project, owner: User) -> None:
    from tests.analysis.test_published import DATASETS, bring

    root = shared_data() / "saints" / "fingerprints"
    datasets = [bring(project, name, root / name) for name in DATASETS]
    comparison = queries.comparison(project, _compare_saints(project, datasets).pk)
    client.force_login(owner)
    html = client.get(url("comparison", comparison, t=8)).content.decode()
    assert (said(html, "pairs"), said(html, "parts")) == ("46", "44 + 2 + 0 by dataset pair")
    assert (cell(html, 0, 2), cell(html, 2, 0), cell(html, 0, 1), cell(html, 1, 2)) == (43, 39, 0, 2)


def _compare_saints(project: Project, datasets: list[Dataset]) -> Comparison:
    from analysis.tasks import run_comparison
    from analysis.workspace import create_comparison

    comparison = create_comparison(project=project, datasets=datasets, signals={"phash-8": 8}, scope="across", by=None)
    run_comparison(comparison.pk)
    return comparison
