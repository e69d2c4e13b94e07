"""Pages of splits: what each role sees and may do, what the form says before and after, the download."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analysis.core.splits import Recipe
from analysis.models import Comparison, Split
from analysis.tasks import make_split, run_comparison
from analysis.workspace import create_comparison, create_split
from catalog.models import Dataset, Project


@pytest.fixture
def birds(import_files: Callable[..., Dataset], picture: Callable[..., bytes]) -> Dataset:
    """Three classes of four pictures, the first of each with a copy."""
    files = {}
    for c, label in enumerate(["crow", "duck", "<b>gull"]):
        for i in range(4):
            files[f"{label}/{i}.png"] = picture(100 * c + i)
        files[f"{label}/copy.jpg"] = picture(100 * c, format="JPEG")
    return import_files("Birds", files)


@pytest.fixture
def compared(project: Project, birds: Dataset) -> Dataset:
    comparison = create_comparison(project=project, datasets=[birds], signals={"phash-8": 8}, scope="within", by=None)
    run_comparison(comparison.pk)
    return birds


def made(dataset: Dataset, **recipe: Any) -> Split:
    chosen = Recipe(**{"n_way": 2, "k_shot": 1, "n_query": 2, **recipe})
    split = create_split(dataset=dataset, recipe=chosen, seed=3, by=None, signal_name="phash-8", max_distance=8)
    make_split(split.pk)
    split.refresh_from_db()
    return split


def at(name: str, project: Project, *args: Any) -> str:
    return reverse(name, args=[project.slug, *args])


def form(dataset: Dataset, **changed: Any) -> dict[str, Any]:
    values = {"dataset": dataset.slug, "source": "phash-8", "t": 8, "clusters": "together", "n_way": 2, "k_shot": 1}
    return {**values, "n_query": 2, "seed": 5, "name": "Mine", **changed}


def test_the_empty_list_says_what_to_do(client: Client, project: Project, editor: User, viewer: User) -> None:
    client.force_login(editor)
    assert "Bring a dataset with labels first" in client.get(at("splits", project)).content.decode()
    client.force_login(viewer)
    assert client.get(at("splits", project)).status_code == 200


def test_a_split_is_made_shown_and_downloaded(
    client: Client,
    project: Project,
    compared: Dataset,
    editor: User,
    viewer: User,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("analysis.tasks.make_split.delay", sent.append)
    client.force_login(editor)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(at("split-new", project), form(compared))
    split = Split.objects.get()
    assert answer.headers["Location"] == at("split", project, split.pk)
    assert sent == [split.pk]
    assert (split.name, split.seed, split.created_by) == ("Mine", 5, editor)
    waiting = client.get(at("split", project, split.pk)).content.decode()
    assert at("split-status", project, split.pk) in waiting
    make_split(split.pk)
    split.refresh_from_db()
    assert client.get(at("split-status", project, split.pk)).headers["HX-Refresh"] == "true"

    client.force_login(viewer)
    page = client.get(at("split", project, split.pk)).content.decode()
    assert "Clusters on both sides" in page
    assert split.archive_sha256 in page
    assert "<b>gull" not in page
    assert page.count('class="im"') == 2
    answer = client.get(at("split-download", project, split.pk))
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert int(answer.headers["Content-Length"]) == len(content)
    assert hashlib.sha256(content).hexdigest() == split.archive_sha256
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mine.zip"'
    assert "private" in answer.headers["Cache-Control"]
    assert "Mine" in client.get(at("splits", project)).content.decode()


def test_strangers_find_nothing_and_viewers_write_nothing(
    client: Client, project: Project, compared: Dataset, stranger: User, viewer: User, annotator: User
) -> None:
    split = made(compared)
    pages = [
        at("splits", project),
        at("split-new", project),
        *(at(name, project, split.pk) for name in ("split", "split-status", "split-download")),
    ]
    for page in pages:
        assert client.get(page).status_code == 302
    client.force_login(stranger)
    for page in pages:
        assert client.get(page).status_code == 404
    for person in (viewer, annotator):
        client.force_login(person)
        assert client.get(at("split-new", project)).status_code == 403
        assert client.post(at("split-new", project), form(compared)).status_code == 403
        assert client.post(at("split", project, split.pk)).status_code == 403
    assert Split.objects.count() == 1


def test_a_split_of_another_project_is_not_found(
    client: Client, project: Project, compared: Dataset, editor: User
) -> None:
    from catalog.workspace import create_project

    other = create_project(name="Other", owner=editor)
    split = made(compared)
    client.force_login(editor)
    for name in ("split", "split-status", "split-download"):
        assert client.get(at(name, other, split.pk)).status_code == 404
    assert client.post(at("split-new", other), form(compared)).status_code == 422


def test_the_form_shows_what_the_data_allows(client: Client, project: Project, compared: Dataset, editor: User) -> None:
    client.force_login(editor)

    def said(**values: Any) -> str:
        answer = client.get(at("split-new", project), form(compared, **values), headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert "<html" not in answer.content.decode()
        return " ".join(answer.content.decode().split())

    assert '<b class="num">3</b> <span class="muted">of 3 classes' in said()
    assert '<b class="num">3</b>' in said(n_query=3)
    assert '<b class="num">0</b>' in said(n_query=4)
    # Without the pairs of the hash, a copy counts as a picture of its own.
    assert '<b class="num">3</b>' in said(n_query=4, source="accepted")
    assert "known up to 8 of 64 bits" in said(t=9)
    assert "Fill in the form" in said(k_shot="")
    page = client.get(at("split-new", project) + "?signal=phash-8&t=6").content.decode()
    assert '<option value="phash-8" selected>' in page
    assert 'name="t" value="6"' in page


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"n_way": 9}, "Ask for fewer classes or images"),
        ({"k_shot": 0}, "greater than or equal to 1"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"seed": 2**63}, "less than or equal to"),
        ({"t": 99}, "is no distance under phash-8"),
        ({"t": 30}, "Compare it within itself now"),
        ({"dataset": "nothing"}, "Select a valid choice"),
        ({"source": "unknown"}, "Select a valid choice"),
        ({"n_query": "x"}, "Enter a whole number"),
    ],
)
def test_errors_stand_beside_their_fields_and_values_are_kept(
    client: Client, project: Project, compared: Dataset, editor: User, changed: dict[str, Any], says: str
) -> None:
    client.force_login(editor)
    answer = client.post(at("split-new", project), {**form(compared, name="Kept name"), **changed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    assert 'value="Kept name"' in page
    assert 'class="error"' in page
    assert not Split.objects.exists()


def test_the_missing_comparison_is_one_click_away(
    client: Client,
    project: Project,
    birds: Dataset,
    editor: User,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("analysis.tasks.run_comparison.delay", sent.append)
    client.force_login(editor)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(at("split-new", project), form(birds, compare="1"))
    comparison = Comparison.objects.get()
    assert answer.headers["Location"] == at("comparison", project, comparison.pk)
    assert sent == [comparison.pk]
    run_comparison(comparison.pk)
    assert client.post(at("split-new", project), form(birds)).headers["Location"].startswith("/p/")


def test_a_failed_split_can_be_tried_again_and_a_made_one_stays(
    client: Client,
    project: Project,
    compared: Dataset,
    editor: User,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("analysis.tasks.make_split.delay", sent.append)
    client.force_login(editor)
    split = made(compared)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(at("split", project, split.pk))
    assert (Split.objects.get().status, sent) == ("done", [])
    Split.objects.update(status="failed", error="It broke.")
    assert "It broke." in client.get(at("split", project, split.pk)).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(at("split", project, split.pk))
    assert (Split.objects.get().status, sent) == ("queued", [split.pk])


def test_the_number_of_queries_does_not_grow(client: Client, project: Project, compared: Dataset, editor: User) -> None:
    client.force_login(editor)

    def queries(page: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert client.get(page).status_code == 200
        return len(found)

    small, large = made(compared, n_way=1), made(compared, n_way=3, n_query=3)
    client.get(at("split", project, small.pk))
    assert queries(at("split", project, small.pk)) == queries(at("split", project, large.pk))
    few = queries(at("splits", project))
    made(compared)
    assert queries(at("splits", project)) == few
