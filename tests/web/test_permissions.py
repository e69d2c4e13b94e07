"""Every address of a project, found in the URL configuration: nothing is shown to those who do not belong to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from analysis.core.splits import Recipe
from analysis.models import ModelComparison, Projection, Report, Split, VerificationRun
from analysis.signals import signal
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Dataset, Image, Project, Upload

OPEN = {"health", "sign-in", "sign-out"}


def named(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            # The API and the administration have their own ways in, and tests of their own.
            if pattern.app_name not in {"admin", "ninja"} and pattern.namespace not in {"admin", "api"}:
                yield from named(pattern.url_patterns)
        elif pattern.name:
            yield pattern


PAGES = sorted({(p.name or "", tuple(p.pattern.converters)) for p in named(get_resolver().url_patterns)})


@pytest.fixture
def arguments(
    project: Project,
    owner: User,
    import_files: Callable[[str, dict[str, bytes]], Dataset],
    picture: Callable[..., bytes],
) -> dict[str, Any]:
    """A value for every argument that an address takes, all of one project with something of everything."""
    datasets = [import_files(name, {f"{name}{n}.png": picture(n) for n in range(3)}) for name in "ab"]
    comparison = create_comparison(project=project, datasets=datasets, signals={"phash-8": 8}, scope="across", by=owner)
    run_comparison(comparison.pk)
    a, b = Image.objects.filter(name__in=["a0", "b0"]).order_by("dataset_id").values_list("pk", flat=True)
    recipe = asdict(Recipe(n_way=1, k_shot=1, n_query=1))
    split = Split.objects.create(project=project, dataset=datasets[0], name="s", recipe=recipe, seed=1)
    return {
        "project": project.slug,
        "dataset": datasets[0].slug,
        "upload": Upload.objects.earliest("id").pk,
        "image": a,
        "variant": "thumb",
        "comparison": comparison.pk,
        "a": a,
        "b": b,
        "verifier": "orb-1",
        "how": "whole",
        "layer": "second",
        "run": VerificationRun.objects.create(
            comparison=comparison, signal_id=signal("phash-8").id, max_distance=8, verifier="orb-1"
        ).pk,
        "report": Report.objects.create(comparison=comparison).pk,
        "split": split.pk,
        "model_comparison": ModelComparison.objects.create(
            project=project, signal_a_id=signal("phash-8").id, signal_b_id=signal("dhash-8").id, k=1
        ).pk,
        "projection": Projection.objects.create(project=project, signal_id=signal("phash-8").id, method="pca").pk,
        "kind": "csv",
        "user": owner.pk,
        "verdict": 1,
        "token": 1,
    }


def addresses(arguments: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for name, names in PAGES:
        yield name, reverse(name, kwargs={key: arguments[key] for key in names}), bool(names)


def test_who_is_not_signed_in_is_sent_to_sign_in(client: Client, arguments: dict[str, Any]) -> None:
    for name, address, _ in addresses(arguments):
        if name in OPEN:
            continue
        for ask in (client.get, client.post):
            response = ask(address)
            assert response.status_code == 302, (name, response.status_code)
            assert response["Location"].startswith("/sign-in"), name


def test_a_stranger_is_told_that_there_is_nothing(client: Client, arguments: dict[str, Any], stranger: User) -> None:
    client.force_login(stranger)
    for name, address, of_a_project in addresses(arguments):
        if not of_a_project:
            continue
        for ask in (client.get, client.post):
            response = ask(address)
            assert response.status_code in {404, 405}, (name, response.status_code)
        assert 404 in {client.get(address).status_code, client.post(address).status_code}, name


def test_a_member_of_another_project_cannot_reach_rows_through_their_own(
    client: Client, arguments: dict[str, Any], stranger: User
) -> None:
    from catalog.workspace import create_project

    own = create_project(name="Own", owner=stranger)
    client.force_login(stranger)
    for name, address, _ in addresses({**arguments, "project": own.slug}):
        names = set(dict(PAGES)[name])
        # People are no rows of a project; to remove someone who is no member does nothing.
        if "project" in names and names - {"project", "user"}:
            for ask in (client.get, client.post):
                assert ask(address).status_code in {404, 405}, name


MAY = {"report", "report-new", "explore-begin", "search", "look-up"}
"""A viewer downloads, and a report is made when someone wants to download it; the first plot, when someone looks. Of a
picture that is searched by, nothing is kept."""


def test_a_viewer_changes_nothing(client: Client, arguments: dict[str, Any], viewer: User) -> None:
    client.force_login(viewer)
    for name, address, of_a_project in addresses(arguments):
        if of_a_project and name not in MAY:
            status = client.post(address).status_code
            assert status in {403, 404, 405}, (name, status)


def pages(client: Client, arguments: dict[str, Any]) -> Iterator[tuple[str, HttpResponseBase, str]]:
    """Every whole page that there is: its name, the answer and its text."""
    for name, address, _ in addresses(arguments):
        if name not in {"health", "sign-out"}:
            response = client.get(address)
            if response.status_code == 200 and response["Content-Type"].startswith("text/html"):
                text = response.content.decode()
                if "<html" in text:
                    yield name, response, text


def test_every_page_carries_its_protections(client: Client, arguments: dict[str, Any], owner: User) -> None:
    client.force_login(owner)
    found = set()
    for name, response, text in pages(client, arguments):
        found.add(name)
        policy = response["Content-Security-Policy"]
        assert "script-src 'self'" in policy, name
        assert "frame-ancestors 'none'" in policy, name
        assert response["X-Content-Type-Options"] == "nosniff", name
        # Data for scripts lie in elements that no browser runs.
        assert not re.search(r"<script(?![^>]*\b(src=|type=\"application/json\"))", text), name
    assert {"projects", "project", "image", "comparison", "pairs", "pair", "review", "explore-new", "search"} <= found


def test_a_picture_can_be_looked_up_from_every_page_of_a_project(
    client: Client, arguments: dict[str, Any], viewer: User
) -> None:
    client.force_login(viewer)
    there = f'data-look-up="{reverse("look-up", args=[arguments["project"]])}"'
    shown = {name: there in text for name, _, text in pages(client, arguments)}
    with_it = {name for name, has_it in shown.items() if has_it}
    assert with_it == {name for name in shown if "project" in dict(PAGES)[name]}
    assert len(with_it) >= 15


def test_health_needs_no_sign_in(client: Client, db: None) -> None:
    assert client.get("/health").json()["database"] is True
