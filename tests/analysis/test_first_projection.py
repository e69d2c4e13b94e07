"""The projection that nobody asked for: made when vectors are brought, and kept up until people make their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analysis.core.projection import Pca
from analysis.models import Projection
from analysis.pipeline.project import compute_projection
from analysis.signals import signal
from analysis.tasks import run_projection
from analysis.workspace import first_projection, request_projection
from catalog.core.errors import BrokenTable
from catalog.models import Dataset, Project
from catalog.tasks import import_upload
from catalog.workspace import add_part, begin_upload, dataset_for, finish_upload

Bring = Callable[[str, Mapping[str, bytes]], Dataset]
Commits = Callable[..., AbstractContextManager[list[Any]]]
DIM = 6


def vectors(count: int, seed: int = 0, *, broken: bool = False) -> dict[str, bytes]:
    """A table of so many vectors, named by the seed."""
    rows = np.random.default_rng(seed).normal(size=(count, DIM)).round(3).tolist()
    lines = [f'{seed}-{n},"{json.dumps(row)}"' for n, row in enumerate(rows)]
    return {"clip.csv": "\n".join(["name,embedding", *lines, *(['x,"[nan]"'] if broken else [])]).encode()}


@pytest.fixture
def bring(import_files: Bring, django_capture_on_commit_callbacks: Commits) -> Bring:
    """As imports by a command: what is to follow them is done before they end."""

    def brought(name: str, files: Mapping[str, bytes]) -> Dataset:
        with django_capture_on_commit_callbacks(execute=True):
            return import_files(name, files)

    return brought


def held(projection: Projection) -> tuple[str, str, int, set[str]]:
    projection.refresh_from_db()
    names = set(projection.datasets.values_list("name", flat=True))
    return projection.method, projection.status, projection.n_images, names


def test_vectors_are_laid_out_with_their_import(bring: Bring, project: Project, viewer: User, client: Client) -> None:
    bring("A", vectors(20))
    (first,) = Projection.objects.all()
    assert held(first) == ("pca", "done", 20, {"A"})
    client.force_login(viewer)
    answer = client.get(reverse("explore", args=[project.slug]), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("projection", args=[project.slug, first.pk])
    assert answer.context["count"] == 20


def test_it_takes_in_what_comes_later_at_the_same_address(bring: Bring) -> None:
    bring("A", vectors(20))
    bring("B", vectors(10, 1))
    bring("A", vectors(5, 2))
    (first,) = Projection.objects.all()
    assert held(first) == ("pca", "done", 35, {"A", "B"})
    finished = first.finished_at
    bring("A", vectors(5, 2))
    first.refresh_from_db()
    assert (first.finished_at, Projection.objects.count()) == (finished, 1)
    bring("B", {"other.csv": vectors(10, 1)["clip.csv"]})
    assert held(Projection.objects.latest("id")) == ("pca", "done", 10, {"B"})
    assert Projection.objects.count() == 2


def test_nothing_is_laid_out_where_no_vectors_were_taken(bring: Bring, picture: Callable[..., bytes]) -> None:
    bring("Prints", {"a.png": picture(1)})
    with pytest.raises(BrokenTable):
        bring("A", vectors(20, broken=True))
    assert not Projection.objects.exists()


def test_what_people_make_is_left_to_them(bring: Bring, project: Project, owner: User) -> None:
    dataset = bring("A", vectors(20))
    known = signal(Projection.objects.get().signal.name)
    Projection.objects.all().delete()
    made = request_projection(project=project, signal_name=known.name, datasets=[dataset], method=Pca(), by=owner)
    bring("B", vectors(10, 1))
    assert Projection.objects.get() == made
    assert held(made)[3] == {"A"}


def test_one_that_waits_takes_in_more_without_another_message(import_files: Bring, project: Project) -> None:
    import_files("A", vectors(20))
    known = signal(f"vectors:{project.pk}/clip-{DIM}")
    first = first_projection(project=project, known=known)
    assert first is not None
    import_files("B", vectors(10, 1))
    assert first_projection(project=project, known=known) is None
    run_projection(first.pk)
    assert held(first) == ("pca", "done", 30, {"A", "B"})


def test_one_that_is_being_computed_goes_on_with_what_came_meanwhile(
    import_files: Bring,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Commits,
) -> None:
    import_files("A", vectors(20))
    known = signal(f"vectors:{project.pk}/clip-{DIM}")
    first = first_projection(project=project, known=known)
    assert first is not None
    sent: list[int] = []

    def slow(projection: Projection, progress: Any) -> None:
        compute_projection(projection, progress)
        if not Dataset.objects.filter(name="B").exists():
            import_files("B", vectors(10, 1))
        assert first_projection(project=project, known=known) is None

    monkeypatch.setattr(run_projection, "delay", sent.append)
    with monkeypatch.context() as patched, django_capture_on_commit_callbacks(execute=True):
        patched.setattr("analysis.tasks.compute_projection", slow)
        run_projection(first.pk)
    assert sent == [first.pk]
    assert held(first) == ("pca", "queued", 20, {"A", "B"})
    run_projection(first.pk)
    assert held(first) == ("pca", "done", 30, {"A", "B"})
    assert sent == [first.pk]


def test_a_worker_leaves_it_to_the_queue(
    project: Project, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Commits
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(run_projection, "delay", sent.append)
    upload = begin_upload(
        dataset=dataset_for(project=project, name="A", by=None),
        kind="folder",
        source_name="a",
        bytes_expected=0,
        by=None,
    )
    add_part(upload=upload, number=0, content=vectors(20)["clip.csv"], path="clip.csv")
    finish_upload(upload=upload)
    with django_capture_on_commit_callbacks(execute=True):
        import_upload.apply((upload.pk,))
    first = Projection.objects.get()
    assert held(first) == ("pca", "queued", 0, {"A"})
    assert sent == [first.pk]
