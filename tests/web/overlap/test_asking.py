"""The list of comparisons and how one comes about: the form, and the example."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analysis import tasks
from analysis.models import Comparison
from catalog.models import Image, Project, Upload
from tests.web.overlap.reading import url
from tests.web.overlap_data import USUAL, compare, sketch_dataset


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
