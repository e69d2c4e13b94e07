"""The dashboard of a comparison: thresholds, what was judged, who may, while it runs and when it fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analysis.models import Comparison, Hash, Measurement, Verdict
from analysis.pipeline.review import judge
from catalog.models import Image, Project
from tests.web.overlap.reading import cell, said, url
from tests.web.overlap_data import USUAL_PAIRS, compare


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
def test_a_deleted_dataset_keeps_its_place_in_the_stored_overlap(client: Client, project: Project, owner: User) -> None:
    comparison = compare(project)
    project.datasets.get(name="B").delete()
    client.force_login(owner)
    html = client.get(url("comparison", comparison, t=12)).content.decode()
    assert "deleted dataset" in html
    assert cell(html, 0, 2) == 2


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
