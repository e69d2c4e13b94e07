"""The choice of what to review, as far as models are compared (comparisons of datasets: `test_review`)."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analysis import queries
from analysis.models import ModelComparison
from analysis.pipeline.review import judge, withdraw
from catalog.models import Image, Project
from catalog.workspace import create_project
from tests.analysis.test_compare_models import Bench


@pytest.fixture
def bench(project: Project) -> Bench:
    return Bench(project)


def entries(client: Client, project: Project) -> list[Any]:
    context = client.get(reverse("review-index", args=[project.slug])).context
    return list(context["entries"])


def test_the_pairs_on_which_models_differ_are_listed_with_how_many_are_judged(
    bench: Bench, annotator: User, client: Client
) -> None:
    done = bench.made()
    client.force_login(annotator)
    (entry,) = entries(client, bench.project)
    pairs = {side: queries.different_pairs(done, side) for side in queries.SIDES}
    assert [(queue.total, queue.judged) for queue in entry.queues] == [(len(each), 0) for each in pairs.values()]
    taken_back = judge(one=pairs["a"][0].row.a, other=pairs["a"][0].row.b, annotator=annotator, choice="detail")
    for pair in pairs["a"][1:3]:
        judge(one=pair.row.a, other=pair.row.b, annotator=annotator, choice="different")
    withdraw(verdict=taken_back, annotator=annotator)
    (entry,) = entries(client, bench.project)
    assert [queue.judged for queue in entry.queues] == [2, 0]
    page = client.get(reverse("review-index", args=[bench.project.slug])).content.decode()
    review = reverse("model-review", args=[bench.project.slug, done.pk])
    assert f'href="{review}?near=a">' in page
    words = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())
    assert f"Continue: {len(pairs['a']) - 2} left" in words
    for address in re.findall(rf'href="({review}[^"]*)"', page):
        assert client.get(html.unescape(address)).status_code == 200


def test_pairs_of_deleted_images_are_not_counted(bench: Bench, viewer: User, client: Client) -> None:
    done = bench.made()
    client.force_login(viewer)
    Image.objects.filter(pk__in={pair.row.a.pk for pair in queries.different_pairs(done, "a")[:2]}).delete()
    (entry,) = entries(client, bench.project)
    for side, queue in zip(queries.SIDES, entry.queues, strict=True):
        assert queue.total == len(queries.different_pairs(done, side))
    assert "Look<" in client.get(reverse("review-index", args=[bench.project.slug])).content.decode()


def test_only_what_is_done_and_of_the_project_is_listed(
    bench: Bench, owner: User, stranger: User, client: Client
) -> None:
    bench.ask()
    client.force_login(owner)
    assert entries(client, bench.project) == []
    bench.made(k=3)
    assert len(entries(client, bench.project)) == 1
    other = create_project(name="Elsewhere", owner=stranger)
    client.force_login(stranger)
    assert entries(client, other) == []


def test_the_number_of_queries_does_not_grow_with_model_comparisons(bench: Bench, owner: User, client: Client) -> None:
    client.force_login(owner)
    counts = []
    for k in (5, 4, 3):
        bench.made(k=k)
        with CaptureQueriesContext(connection) as seen:
            found = entries(client, bench.project)
        counts.append(len(seen))
    assert len(found) == ModelComparison.objects.count() == 3
    assert counts[1] == counts[2]
