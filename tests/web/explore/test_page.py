"""The page of a projection and the list of all: what came since, what is deleted, who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analysis.core.projection import Tsne
from analysis.models import Embedding, Projection
from analysis.signals import KnownSignal
from analysis.tasks import run_projection
from analysis.workspace import request_projection
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_project
from tests.analysis.embedded import around, describe
from tests.web.explore.plot import CENTRES, at, points_of


def test_while_one_is_made_the_last_one_is_shown(
    client: Client, project: Project, pca: Projection, known: KnownSignal, datasets: list[Dataset], viewer: User
) -> None:
    client.force_login(viewer)
    waiting = request_projection(
        project=project, signal_name=known.name, datasets=datasets, method=Tsne(perplexity=5), by=None
    )
    shown = client.get(at("projection", project, waiting.pk)).content.decode()
    assert "meanwhile" in shown
    assert at("projection-points", project, pca.pk) in shown
    assert client.get(at("projection-points", project, waiting.pk)).status_code == 404
    Projection.objects.filter(pk=waiting.pk).update(status="failed", error="It broke. Mend it.")
    assert "It broke. Mend it." in client.get(at("projection", project, waiting.pk)).content.decode()


def test_images_that_came_or_went_are_said_and_it_is_computed_again(
    client: Client,
    project: Project,
    pca: Projection,
    known: KnownSignal,
    datasets: list[Dataset],
    editor: User,
    viewer: User,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    client.force_login(editor)
    assert "came since" not in client.get(at("projection", project, pca.pk)).content.decode()
    late = [Image.objects.create(dataset=datasets[0], name=f"late {n}", path="x") for n in range(2)]
    describe(datasets[0], late, around(CENTRES, [0, 1], seed=8), known)
    Image.objects.filter(dataset=datasets[1]).first().delete()  # type: ignore[union-attr]
    shown = client.get(at("projection", project, pca.pk)).content.decode()
    assert "2 images with embeddings came since" in shown
    assert "1 image was deleted since" in shown
    with django_capture_on_commit_callbacks(execute=True):
        client.post(at("projection", project, pca.pk))
    assert sent == [pca.pk]
    # Its old coordinates are shown meanwhile.
    assert "explore-config" in client.get(at("projection", project, pca.pk)).content.decode()
    run_projection(pca.pk)
    assert "came since" not in client.get(at("projection", project, pca.pk)).content.decode()
    assert len(points_of(client.get(at("projection-points", project, pca.pk)).content)[0]) == 28
    client.force_login(viewer)
    assert client.post(at("projection", project, pca.pk)).status_code == 403


def test_words_say_what_the_picture_does_not_show(
    client: Client, project: Project, pca: Projection, viewer: User
) -> None:
    client.force_login(viewer)
    first, second = pca.versions["explained"]
    shown = client.get(at("projection", project, pca.pk)).content.decode()
    assert f"Component 1: {100 * first:.1f} % of the variance" in shown
    assert f"The two axes hold {100 * (first + second):.1f} %" in shown


def test_projections_are_listed_page_by_page_and_deleted(
    client: Client, project: Project, pca: Projection, editor: User, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.views.explore.PAGE", 1)
    other = Projection.objects.create(project=project, signal=pca.signal, method="umap", parameters={"seed": 1})
    client.force_login(editor)
    first = client.get(at("explore-all", project)).content.decode()
    assert at("projection", project, other.pk) in first
    assert at("projection", project, pca.pk) not in first
    assert f"?before={other.pk}" in first
    assert at("projection", project, pca.pk) in client.get(at("explore-all", project, before=other.pk)).content.decode()
    Projection.objects.filter(pk=other.pk).update(status="running")
    assert client.post(at("projection-delete", project, other.pk)).status_code == 409
    assert client.post(at("projection-delete", project, pca.pk)).status_code == 302
    assert list(Projection.objects.all()) == [other]
    assert Embedding.objects.exists()
    client.force_login(viewer)
    assert client.post(at("projection-delete", project, other.pk)).status_code == 403


def test_strangers_and_other_projects_find_nothing(
    client: Client, project: Project, pca: Projection, viewer: User, stranger: User
) -> None:
    other = create_project(name="Other", owner=viewer)
    places: list[tuple[str, list[Any]]] = [
        *(
            (name, [pca.pk])
            for name in (
                "projection",
                "projection-points",
                "projection-groups",
                "projection-images",
                "projection-status",
            )
        ),
        ("projection-download", [pca.pk, "csv"]),
    ]
    for user, of in ((viewer, other), (stranger, project)):
        client.force_login(user)
        for name, args in places:
            assert client.get(at(name, of, *args)).status_code == 404, name
