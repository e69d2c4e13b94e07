"""The overlap pages: list, form, dashboard. Numbers are compared with counts made from the pairs one by one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import charts, queries, tasks
from analysis.core.arrays import Pairs
from analysis.core.overlap_count import overlap_curve
from analysis.models import Comparison, Hash, Measurement, Verdict
from analysis.pipeline.review import judge
from catalog.models import Dataset, Image, Project, Upload
from tests.conftest import ROOT
from tests.shared import shared_data
from tests.web.overlap_data import USUAL, USUAL_PAIRS, compare, sketch_dataset


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    """Row ids come again in another test; what was kept under them must not."""
    cache.clear()


def url(name: str, comparison: Comparison, **query: object) -> str:
    path = reverse(name, args=[comparison.project.slug, comparison.pk])
    return path + ("?" + "&".join(f"{key}={value}" for key, value in query.items()) if query else "")


def said(html: str, name: str) -> str:
    """The text of the element that the script addresses by this name."""
    found = re.search(rf'data-text="{name}"[^>]*>(.*?)<', html, re.S)
    assert found, f"nothing is called {name}"
    return found[1].strip()


def cell(html: str, row: int, column: int) -> int:
    found = re.search(rf'data-cell="{row}-{column}".*?<b>([\d,]+)</b>', html, re.S)
    assert found
    return int(found[1].replace(",", ""))


# ---- numbers ----


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
def test_the_script_counts_as_the_server_does(client: Client, project: Project, owner: User, tmp_path: Any) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, which runs the page's script here")
    comparison = compare(project, scope="both")
    client.force_login(owner)
    config = client.get(url("comparison", comparison)).context["config"]
    data = client.get(url("comparison-curve", comparison)).json()
    (tmp_path / "in.json").write_text(json.dumps({"config": config, "data": data}))
    script = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ Overlap }} from "{(ROOT / "simweb/assets/js/curve.js").as_uri()}";
        const {{ config, data }} = JSON.parse(readFileSync("{tmp_path / "in.json"}"));
        const overlap = new Overlap(data, config);
        console.log(JSON.stringify([...Array(13).keys()].map((t) => overlap.at(t))));
    """
    ran = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    curve, datasets = data["curve"], list(comparison.datasets.all())
    for step, seen in enumerate(json.loads(ran.stdout)):
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


# ---- the dashboard ----


@pytest.mark.django_db
def test_the_dashboard_shows_the_address_s_threshold_without_a_script(
    client: Client, project: Project, viewer: User
) -> None:
    comparison = compare(project)
    client.force_login(viewer)
    for t in (0, 2, 4, 6, 12):
        html = client.get(url("comparison", comparison, t=t)).content.decode()
        within = {pair for pair, distance in USUAL_PAIRS.items() if distance <= t}
        assert said(html, "t") == str(t)
        assert said(html, "pairs") == str(len(within))
        assert said(html, "images") == str(len({image for pair in within for image in pair}))
        assert cell(html, 0, 1) == len({a for a, b in within if a[0] == "A" and b[0] == "B"})
        assert cell(html, 1, 0) == len({b for a, b in within if a[0] == "A" and b[0] == "B"})
    assert said(html, "pairs") == "6"
    assert "A × B × C" in html
    # Picture 2 is Peter in A and Paul in B.
    assert said(html, "differ").startswith("1 pair carries")


@pytest.mark.django_db
def test_the_usual_distance_is_where_a_bare_address_stands(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    client.force_login(owner)
    assert said(client.get(url("comparison", comparison)).content.decode(), "t") == "8"
    assert said(client.get(url("comparison", comparison, t=99)).content.decode(), "t") == "12"
    assert client.get(url("comparison", comparison, t="x")).status_code == 422
    assert client.get(url("comparison", comparison, signal="none")).status_code == 422


@pytest.mark.django_db
def test_confirmed_counts_accepted_pairs_alone(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    a, b, c = (Image.objects.get(name=name) for name in ("A-0", "B-0", "C-0"))
    judge(one=a, other=b, annotator=owner, choice="same_image")
    client.force_login(owner)
    html = client.get(url("comparison", comparison, count="confirmed")).content.decode()
    assert (said(html, "pairs"), said(html, "judged"), said(html, "found")) == ("1", "1", "5")
    judge(one=a, other=c, annotator=owner, choice="related")
    judge(one=b, other=c, annotator=owner, choice="detail")
    html = client.get(url("comparison", comparison, count="confirmed", t=12)).content.decode()
    assert (said(html, "pairs"), said(html, "judged"), said(html, "verdicts")) == ("2", "3", "2 accepted · 1 related")
    assert said(html, "review") == "Review 3 pairs"
    curve = client.get(url("comparison-curve", comparison, count="confirmed")).json()
    assert curve["curve"]["steps"] == [0]
    assert curve["found"][-1] == 6
    assert curve["judged"] == [["same_image", 4.0, 1], ["detail", 6.0, 1], ["related", 10.0, 1]]


@pytest.mark.django_db
def test_the_curve_carries_a_diagram_for_every_threshold(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    client.force_login(owner)
    venn = client.get(url("comparison-curve", comparison)).json()["venn"]
    assert len(venn["steps"]) == 13
    first, last = (venn["layouts"][venn["steps"][step]] for step in (0, 12))
    assert [region["mask"] for region in first["regions"]] == [1, 2, 4]
    assert [region["mask"] for region in last["regions"]] == [1, 2, 3, 4, 7]


@pytest.mark.django_db
def test_pages_show_strangers_nothing_and_let_viewers_change_nothing(
    client: Client, project: Project, viewer: User, stranger: User
) -> None:
    comparison = compare(project)
    reads = [url("comparison", comparison), url("comparison-curve", comparison), url("comparison-status", comparison)]
    reads += [reverse("comparisons", args=[project.slug])]
    writes = [url("comparison-again", comparison), url("comparison-delete", comparison)]
    writes += [reverse("comparison-new", args=[project.slug]), reverse("example-load", args=[project.slug])]
    client.force_login(stranger)
    assert {client.get(path).status_code for path in reads} == {404}
    assert {client.post(path).status_code for path in writes} == {404}
    client.force_login(viewer)
    assert {client.get(path).status_code for path in reads} == {200}
    assert {client.post(path).status_code for path in writes} == {403}
    html = client.get(reads[0]).content.decode()
    assert "Run it again" not in html
    assert Comparison.objects.count() == 1


@pytest.mark.django_db
def test_queries_do_not_grow_with_pairs_and_never_read_measurements_at_large(
    client: Client, project: Project, owner: User
) -> None:
    few = compare(project)
    many = compare(project, {"D": [(1, n % 3, "x") for n in range(30)], "E": [(1, n % 5, "y") for n in range(30)]})
    assert Measurement.objects.filter(dataset_a__name="D").count() == 900
    client.force_login(owner)
    counts = []
    for comparison in (few, many):
        client.get(url("comparison", comparison))
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get(url("comparison", comparison)).status_code == 200
        counts.append(len(seen))
        for query in (each["sql"] for each in seen if "analysis_measurement" in each["sql"]):
            assert "LIMIT 9" in query or "JOIN analysis_decision" in query
    assert counts[0] == counts[1] <= 15


@pytest.mark.django_db
def test_while_it_runs_the_page_follows_it(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project, run=False)
    client.force_login(owner)
    html = client.get(url("comparison", comparison)).content.decode()
    assert f'hx-get="{url("comparison-status", comparison)}"' in html
    assert "data-overlap" not in html
    assert client.get(url("comparison-curve", comparison)).status_code == 404
    Comparison.objects.update(status="running", stage="Comparing under phash-8", done=3, total=31)
    answer = client.get(url("comparison-status", comparison))
    assert "3 of 31" in answer.content.decode()
    assert "HX-Refresh" not in answer
    Comparison.objects.update(status="done")
    assert client.get(url("comparison-status", comparison))["HX-Refresh"] == "true"


@pytest.mark.django_db
def test_a_run_again_keeps_the_earlier_numbers_in_sight(
    client: Client, project: Project, owner: User, django_capture_on_commit_callbacks: Any
) -> None:
    comparison = compare(project)
    Comparison.objects.update(data_changed_at=timezone.now())
    client.force_login(owner)
    assert "The data changed" in client.get(url("comparison", comparison)).content.decode()
    with django_capture_on_commit_callbacks() as callbacks:
        assert client.post(url("comparison-again", comparison)).status_code == 302
    assert len(callbacks) == 1
    html = client.get(url("comparison", comparison)).content.decode()
    assert "hx-get" in html
    assert said(html, "pairs") == "5"


@pytest.mark.django_db
def test_a_failure_says_why_and_can_be_tried_again(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project, run=False)
    Comparison.objects.update(status="failed", error="The worker ran out of memory.")
    client.force_login(owner)
    html = client.get(url("comparison", comparison)).content.decode()
    assert "The worker ran out of memory." in html
    assert "Try again" in html


@pytest.mark.django_db
def test_a_deleted_dataset_keeps_its_place_in_the_stored_overlap(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    project.datasets.get(name="B").delete()
    client.force_login(owner)
    html = client.get(url("comparison", comparison, t=12)).content.decode()
    assert "deleted dataset" in html
    assert cell(html, 0, 2) == 2


# ---- the list ----


@pytest.mark.django_db
def test_the_list_says_what_was_found_in_as_many_queries_for_many(
    client: Client, project: Project, owner: User
) -> None:
    path = reverse("comparisons", args=[project.slug])
    client.force_login(owner)
    html = client.get(path).content.decode()
    assert "Bring the datasets first" in html
    sketch_dataset(project, "Z", [(9, 0, "")])
    assert "Compare 1 dataset<" in client.get(path).content.decode()
    compare(project)
    client.get(path)
    with CaptureQueriesContext(connection) as one:
        html = client.get(path).content.decode()
    assert "<b>6</b>" in html
    for n in range(3):
        compare(project, {f"{name}{n}": images for name, images in USUAL.items()}, scope="both")
    with CaptureQueriesContext(connection) as four:
        html = client.get(path).content.decode()
    assert len(one) == len(four)
    # Both adds the two images of picture 1 in A.
    assert html.count("<b>7</b>") == 3


# ---- the form ----


def submitted(project: Project, **changed: Any) -> dict[str, Any]:
    datasets = [dataset.pk for dataset in project.datasets.all()]
    return {"datasets": datasets, "scope": "across", "signal": ["phash-8"], "distance-phash-8": "12", **changed}


@pytest.mark.django_db
def test_the_form_makes_what_it_says(
    client: Client, project: Project, editor: User, django_capture_on_commit_callbacks: Any
) -> None:
    for name, images in USUAL.items():
        sketch_dataset(project, name, images)
    client.force_login(editor)
    path = reverse("comparison-new", args=[project.slug])
    html = client.get(path).content.decode()
    assert html.count('name="datasets"') == 3
    assert "fingerprints only: pHash, 64 bits" in html
    with django_capture_on_commit_callbacks() as callbacks:
        answer = client.post(path, submitted(project, name="  Saints  "))
    made = Comparison.objects.get()
    assert answer["Location"] == url("comparison", made)
    assert len(callbacks) == 1
    assert (made.name, made.scope, made.status, made.created_by) == ("Saints", "across", "queued", editor)
    assert [(row.signal.name, row.max_distance) for row in made.signals.all()] == [("phash-8", 12.0)]
    again = client.get(f"{path}?from={made.pk}").content.decode()
    assert re.search(r'name="distance-phash-8"[^>]*value="12"', again)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"datasets": []}, "Choose the datasets to compare."),
        ({"signal": []}, "Choose at least one signal"),
        ({"scope": "sideways"}, "sideways"),
        ({"distance-phash-8": "33"}, "Give a whole number of bits from 0 to 32."),
        ({"distance-phash-8": "a few"}, "Give a whole number of bits from 0 to 32."),
        ({"signal": ["dhash-8"]}, "brought fingerprints only, and none of these"),
    ],
)
def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(
    client: Client, project: Project, editor: User, changed: dict[str, Any], message: str
) -> None:
    for name, images in USUAL.items():
        sketch_dataset(project, name, images)
    client.force_login(editor)
    answer = client.post(reverse("comparison-new", args=[project.slug]), submitted(project, name="Mine", **changed))
    html = answer.content.decode()
    assert answer.status_code == 422
    assert message in html
    assert 'value="Mine"' in html
    assert f'value="{changed.get("distance-phash-8", "12")}"' in html
    assert not Comparison.objects.exists()


@pytest.mark.django_db
def test_one_dataset_cannot_be_compared_across(client: Client, project: Project, editor: User) -> None:
    sketch_dataset(project, "A", USUAL["A"])
    client.force_login(editor)
    path = reverse("comparison-new", args=[project.slug])
    assert re.search(r'value="within" checked', client.get(path).content.decode())
    assert "Across needs two datasets" in client.post(path, submitted(project)).content.decode()


# ---- the published study ----


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


@pytest.mark.django_db
def test_pairs_inside_datasets_are_not_drawn_as_sets(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project, scope="within")
    client.force_login(owner)
    html = client.get(url("comparison", comparison, t=12)).content.decode()
    assert "data-sets" not in html
    assert (said(html, "pairs"), cell(html, 0, 0)) == ("1", 2)
    assert 'data-cell="0-1"' not in html


@pytest.mark.django_db
def test_images_that_take_no_part_are_named(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    client.force_login(owner)
    page = client.get(url("comparison", comparison))
    assert page.context["compared"] == 5 * 3 + 5 * 2 + 3 * 2
    assert "take part" not in page.content.decode()
    Hash.objects.filter(image__name__in=["A-3", "A-4"]).delete()
    page = client.get(url("comparison", comparison))
    assert page.context["compared"] == 3 * 3 + 3 * 2 + 3 * 2
    assert "2 of 5 images of A." in page.content.decode()


@pytest.mark.django_db
def test_deleting_a_comparison_keeps_measurements_and_verdicts(client: Client, project: Project, editor: User) -> None:
    comparison = compare(project)
    judge(one=Image.objects.get(name="A-0"), other=Image.objects.get(name="B-0"), annotator=editor, choice="detail")
    client.force_login(editor)
    Comparison.objects.update(status="running")
    assert client.post(url("comparison-delete", comparison)).status_code == 422
    Comparison.objects.update(status="done")
    answer = client.post(url("comparison-delete", comparison), follow=True)
    assert "is deleted" in answer.content.decode()
    assert not Comparison.objects.exists()
    assert (Measurement.objects.count(), Verdict.objects.count()) == (6, 1)


@pytest.mark.django_db
def test_the_example_is_seen_at_once_and_drawn_by_a_worker(
    client: Client,
    project: Project,
    editor: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(tasks.load_example, "delay", lambda *keys: sent.append(keys))
    client.force_login(editor)
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(reverse("example-load", args=[project.slug]), follow=True)
        assert "Picture library" in answer.content.decode()
    assert list(Upload.objects.values_list("status", flat=True)) == ["queued"] * 3
    tasks.load_example(*sent[0])
    assert set(Upload.objects.values_list("status", flat=True)) == {"done"}
    assert list(project.datasets.values_list("image_count", flat=True)) == [120, 80, 60]
    assert Comparison.objects.get().status == "done"
    # The second click found nothing left to do.
    tasks.load_example(*sent[1])
    assert Comparison.objects.count() == 1
    assert Image.objects.count() == 260
