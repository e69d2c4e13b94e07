"""From a lasso to its images and the pairs among them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analysis.core.projection import Pca
from analysis.models import Projection
from analysis.plots import Plot
from analysis.signals import KnownSignal
from analysis.tasks import run_comparison, run_projection
from analysis.workspace import create_comparison, request_projection
from catalog.models import Dataset, Image, Project
from tests.analysis.embedded import around, describe
from tests.web.explore.plot import CENTRES, EVERYTHING, at


def listed(html: str, project: Project) -> list[int]:
    return [
        int(pk) for pk in re.findall(rf'<li><a href="{reverse("project", args=[project.slug])}images/(\d+)/"', html)
    ]


def test_a_lasso_leads_to_its_images(
    client: Client, project: Project, pca: Projection, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(viewer)
    plot = Plot(pca)
    address = at("projection-images", project, pca.pk, lasso=EVERYTHING)
    html = client.get(address).content.decode()
    assert "27 selected images" in html
    assert sorted(listed(html, project)) == sorted(plot.ids.tolist())
    # A part of the plot: everything left of the middle.
    half = "00000000800000008000ffff0000ffff"
    wanted = sorted(plot.ids[plot.frame.enclosed(plot.points, [half])].tolist())
    assert 0 < len(wanted) < 27
    assert listed(client.get(at("projection-images", project, pca.pk, lasso=half)).content.decode(), project) == wanted
    # Without a hidden group.
    html = client.get(
        at("projection-images", project, pca.pk, lasso=EVERYTHING, by="dataset", hide="a,c")
    ).content.decode()
    assert listed(html, project) == list(Image.objects.filter(dataset__name="B").values_list("pk", flat=True))
    # Page by page, in order of the images.
    monkeypatch.setattr("analysis.views.explore_data.PAGE", 20)
    first = client.get(address).content.decode()
    assert len(listed(first, project)) == 20
    rest = client.get(f"{address}&after={listed(first, project)[-1]}").content.decode()
    assert listed(first, project) + listed(rest, project) == sorted(plot.ids.tolist())
    assert "Next page" not in rest


def test_the_panel_shows_the_first_of_them_pictures_before_fingerprints(
    client: Client,
    project: Project,
    pca: Projection,
    viewer: User,
    known: KnownSignal,
    import_files: Callable[..., Any],
    picture: Callable[..., bytes],
) -> None:
    client.force_login(viewer)
    pictures = import_files("P", {f"{n}.png": picture(n) for n in range(2)})
    images = list(pictures.images.order_by("pk"))
    describe(pictures, images, around(CENTRES, [0, 1], seed=5), known)
    made = request_projection(
        project=project, signal_name=known.name, datasets=list(project.datasets.all()), method=Pca(), by=None
    )
    run_projection(made.pk)
    address = at("projection-images", project, made.pk, lasso=EVERYTHING)
    html = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html
    assert listed(html, project)[:2] == [image.pk for image in images]
    assert len(listed(html, project)) == 12
    assert "Go to these 29 images" in html
    none = client.get(at("projection-images", project, made.pk), headers={"HX-Request": "true"}).content.decode()
    assert "No image lies in there" in none
    assert "Nothing is selected" in client.get(at("projection-images", project, made.pk)).content.decode()


def test_pairs_among_selected_images_are_shown_the_closest_first(
    client: Client,
    project: Project,
    pca: Projection,
    known: KnownSignal,
    datasets: list[Dataset],
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client.force_login(owner)
    comparison = create_comparison(project=project, datasets=datasets, signals={known.name: 0.3}, scope="both", by=None)
    run_comparison(comparison.pk)
    address = at("projection-images", project, pca.pk, lasso=EVERYTHING)
    html = client.get(address).content.decode()
    assert "among them" in html
    assert "(similarity 0.9" in html
    assert "/pairs/" in html
    monkeypatch.setattr("analysis.views.explore_data.MOST_COMPARED", 26)
    assert "among at most 26 images" in client.get(address).content.decode()


@pytest.mark.parametrize("lasso", ["x", "0000", EVERYTHING.upper(), [EVERYTHING] * 9])
def test_an_address_that_holds_no_outline_is_refused(
    client: Client, project: Project, pca: Projection, viewer: User, lasso: str | list[str]
) -> None:
    client.force_login(viewer)
    answer = client.get(at("projection-images", project, pca.pk, lasso=lasso))
    assert answer.status_code == 422
    assert "Draw around the images anew" in answer.content.decode()
