"""How a projection comes about: the first look, and the form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analysis.models import Projection
from analysis.signals import KnownSignal
from analysis.tasks import run_projection
from catalog.models import Dataset, Project
from tests.analysis.embedded import around, embedded, vectors_of
from tests.web.explore.plot import CENTRES, at

# ---- where there is nothing yet ----


def test_an_empty_project_is_told_what_to_bring(client: Client, project: Project, owner: User) -> None:
    client.force_login(owner)
    assert "Bring images first" in client.get(at("explore", project)).content.decode()
    assert "no projection yet" in client.get(at("explore-all", project)).content.decode()
    assert "no embeddings yet" in client.get(at("explore-new", project)).content.decode()


@pytest.fixture
def hashed_images(project: Project, import_files: Callable[..., Any], picture: Callable[..., bytes]) -> None:
    import_files("A", {"1.png": picture(1)})


def test_images_without_embeddings_say_where_embeddings_come_from(
    client: Client, project: Project, owner: User, viewer: User, hashed_images: None
) -> None:
    client.force_login(owner)
    assert "Compare with a model" in client.get(at("explore", project)).content.decode()
    client.force_login(viewer)
    shown = client.get(at("explore", project)).content.decode()
    assert "Compare with a model" not in shown
    assert "An editor of the project can" in shown


def test_the_first_look_makes_a_first_plot_for_whoever_looks(
    client: Client,
    project: Project,
    datasets: list[Dataset],
    viewer: User,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    client.force_login(viewer)
    page = client.get(at("explore", project)).content.decode()
    assert f'hx-post="{at("explore-begin", project)}" hx-trigger="load"' in page
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(at("explore-begin", project), headers={"HX-Request": "true"})
    made = Projection.objects.get()
    assert (made.method, made.datasets.count(), sent) == ("pca", 3, [made.pk])
    assert answer.headers["HX-Redirect"] == at("projection", project, made.pk)
    # Asked again, it is there already.
    assert client.post(at("explore-begin", project)).headers["Location"] == at("explore", project)
    assert client.get(at("explore", project)).headers["Location"] == at("projection", project, made.pk)
    waiting = client.get(at("projection", project, made.pk)).content.decode()
    assert 'hx-trigger="every 1s"' in waiting
    assert "HX-Refresh" not in client.get(at("projection-status", project, made.pk)).headers
    run_projection(made.pk)
    assert client.get(at("projection-status", project, made.pk)).headers["HX-Refresh"] == "true"
    assert "explore-config" in client.get(at("projection", project, made.pk)).content.decode()


# ---- a new one ----


def form(known: KnownSignal, **changes: Any) -> dict[str, Any]:
    return {
        "signal": known.name,
        "datasets": ["a", "b", "c"],
        "method": "tsne",
        "perplexity": "5",
        "seed": "3",
    } | changes


def test_an_editor_asks_for_a_projection(
    client: Client,
    project: Project,
    datasets: list[Dataset],
    known: KnownSignal,
    editor: User,
    viewer: User,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    client.force_login(viewer)
    assert client.post(at("explore-new", project), form(known)).status_code == 403
    client.force_login(editor)
    shown = client.get(at("explore-new", project)).content.decode()
    assert "12 images" in shown
    assert 'value="8.0"' in shown  # 27 images: a third of the others
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(at("explore-new", project), form(known))
    made = Projection.objects.get()
    assert answer.headers["Location"] == at("projection", project, made.pk)
    assert made.parameters == {"perplexity": 5.0, "seed": 3}
    assert (made.created_by, sent) == (editor, [made.pk])
    run_projection(made.pk)
    # The same again leads to the one that is there, and nothing is sent.
    with django_capture_on_commit_callbacks(execute=True):
        again = client.post(at("explore-new", project), form(known))
    assert again.headers["Location"] == at("projection", project, made.pk)
    assert sent == [made.pk]
    # The form repeats it on request; a parameter left empty stands at its usual value.
    repeated = client.get(at("explore-new", project, **{"from": made.pk})).content.decode()
    assert 'value="5.0"' in repeated
    assert 'value="tsne" checked' in repeated
    client.post(at("explore-new", project), form(known, method="umap", neighbours="", min_dist="0.2"))
    assert Projection.objects.get(method="umap").parameters == {"neighbours": 15, "min_dist": 0.2, "seed": 3}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"perplexity": "27"}, "more than 27 different images; there are 27"),
        ({"perplexity": "0"}, "Ensure this value is greater than or equal to 1"),
        ({"datasets": []}, "Choose at least one dataset"),
        ({"datasets": ["nobodys"]}, "nobodys is not one of the available choices"),
        ({"method": "mds"}, "mds is not one of the available choices"),
        ({"signal": "phash-8"}, "phash-8 is not one of the available choices"),
    ],
)
def test_what_cannot_be_made_is_said_in_the_form(
    client: Client,
    project: Project,
    datasets: list[Dataset],
    known: KnownSignal,
    editor: User,
    changes: dict[str, Any],
    says: str,
) -> None:
    client.force_login(editor)
    answer = client.post(at("explore-new", project), form(known, **changes))
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert says in shown
    assert not Projection.objects.exists()


def test_a_dataset_without_such_embeddings_cannot_be_ticked(
    client: Client, project: Project, datasets: list[Dataset], editor: User
) -> None:
    embedded(project, "Bare", around(CENTRES, [0]), vectors_of(project, 16, "other"))
    client.force_login(editor)
    shown = client.get(at("explore-new", project)).content.decode()
    assert shown.count("no such embeddings") == 1
    other = client.get(at("explore-new", project, signal=vectors_of(project, 16, "other").name)).content.decode()
    assert other.count("no such embeddings") == 3
