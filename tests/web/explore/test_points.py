"""What the script draws: points, the groups that colour them, the card under the pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analysis.core.palette import GROUPS, REST
from analysis.models import Embedding, Projection
from analysis.pipeline.review import judge
from analysis.plots import Plot
from analysis.signals import KnownSignal
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Dataset, Image, ImageLabel, Label, Project
from catalog.workspace import create_project
from tests.web.explore.plot import HOSTILE, at, grouped, points_of


def test_points_come_once_and_again_only_when_they_change(
    client: Client, project: Project, pca: Projection, viewer: User
) -> None:
    client.force_login(viewer)
    address = at("projection-points", project, pca.pk)
    first = client.get(address)
    ids, points = points_of(first.content)
    plot = Plot(pca)
    assert ids == plot.ids.tolist() == list(Image.objects.order_by("dataset_id", "id").values_list("pk", flat=True))
    np.testing.assert_array_equal(points, plot.points)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert client.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert f'"{client.get(at("projection-groups", project, pca.pk)).json()["version"]}"' == first.headers["ETag"]
    Image.objects.get(pk=ids[3]).delete()
    after = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert after.status_code == 200
    kept, still = points_of(after.content)
    assert kept == [pk for pk in ids if pk != ids[3]]
    np.testing.assert_array_equal(still, np.delete(points, 3, axis=0))
    # The frame is that of the stored points, so that an outline means what it meant.
    assert after.content[8:32] == first.content[8:32]
    Dataset.objects.filter(name="B").delete()
    assert len(points_of(client.get(address).content)[0]) == 27 - 9 - 1


def test_groups_by_dataset_and_label(client: Client, project: Project, pca: Projection, viewer: User) -> None:
    client.force_login(viewer)
    images = Image.objects.select_related("dataset").prefetch_related("labels")
    assert grouped(client, project, pca, "dataset") == {image.pk: image.dataset.name for image in images}
    labelled = grouped(client, project, pca, "label")
    assert labelled == {image.pk: str(image.labels.get()) for image in images}
    # Of several labels the most frequent one counts; none is a group, too.
    first, second = images[0], images[1]
    ImageLabel.objects.create(image=first, label=Label.objects.get(name="label 1"))
    second.labels.clear()
    labelled = grouped(client, project, pca, "label")
    assert labelled[first.pk] == "label 1"
    assert labelled[second.pk] == "no label"
    said = client.get(at("projection-groups", project, pca.pk, by="label")).json()
    assert "several labels" in said["note"]
    assert [group["count"] for group in said["groups"][:-1]] == sorted(
        (group["count"] for group in said["groups"][:-1]), reverse=True
    )
    assert said["groups"][-1]["color"] == REST


def test_many_labels_share_a_colour_and_very_many_a_group(
    client: Client, project: Project, pca: Projection, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ImageLabel.objects.all().delete()
    for n, image in enumerate(Image.objects.order_by("pk")):
        ImageLabel.objects.create(image=image, label=Label.objects.create(project=project, name=f"own {n}"))
    client.force_login(viewer)
    said = client.get(at("projection-groups", project, pca.pk, by="label")).json()
    assert [group["color"] for group in said["groups"]] == [*GROUPS, *[REST] * (27 - len(GROUPS) + 1)]
    monkeypatch.setattr("analysis.core.projection.groups.MOST_GROUPS", 5)
    said = client.get(at("projection-groups", project, pca.pk, by="label")).json()
    assert [(group["name"], group["count"]) for group in said["groups"][5:]] == [("other labels", 22), ("no label", 0)]


def test_groups_by_verdict_and_cluster(
    client: Client, project: Project, pca: Projection, owner: User, known: KnownSignal, datasets: list[Dataset]
) -> None:
    client.force_login(owner)
    a, b, c, d, e = Image.objects.order_by("pk")[:5]
    judge(one=a, other=b, annotator=owner, choice="same_object")
    judge(one=b, other=c, annotator=owner, choice="detail")
    judge(one=c, other=d, annotator=owner, choice="different")
    verdicts = grouped(client, project, pca, "verdict")
    assert [verdicts[each.pk] for each in (a, b, c, d, e)] == [
        *["in an accepted pair"] * 3,
        "judged, none accepted",
        "not judged",
    ]
    clusters = grouped(client, project, pca, "cluster")
    assert {clusters[each.pk] for each in (a, b, c)} == {"3 images with A-0"}
    assert {clusters[each.pk] for each in (d, e)} == {"in no cluster"}
    # By the pairs of a comparison, judged or not.
    comparison = create_comparison(project=project, datasets=datasets, signals={known.name: 0.3}, scope="both", by=None)
    run_comparison(comparison.pk)
    page = client.get(at("projection", project, pca.pk)).content.decode()
    assert f"cluster:{known.name}" in page
    found = grouped(client, project, pca, f"cluster:{known.name}")
    vectors = {each.image_id: np.array(each.vector) for each in Embedding.objects.all()}
    near = [(p, q) for p in vectors for q in vectors if p < q and 1 - vectors[p] @ vectors[q] <= known.default_distance]
    assert near
    for p, q in near:
        assert found[p] == found[q] != "in no cluster"
    apart = set(vectors) - {pk for pair in near for pk in pair}
    assert all(found[pk] == "in no cluster" for pk in apart)


@pytest.mark.parametrize("by", ["size", "dataset:x", "cluster:nothing", "cluster:phash-8x"])
def test_what_it_cannot_be_coloured_by_is_said(
    client: Client, project: Project, pca: Projection, viewer: User, by: str
) -> None:
    client.force_login(viewer)
    assert client.get(at("projection-groups", project, pca.pk, by=by)).status_code == 404
    # The page itself falls back to datasets.
    assert 'value="dataset" selected' in client.get(at("projection", project, pca.pk, by=by)).content.decode()


def test_the_card_of_an_image(
    client: Client,
    project: Project,
    datasets: list[Dataset],
    viewer: User,
    stranger: User,
    import_files: Callable[..., Any],
    picture: Callable[..., bytes],
) -> None:
    client.force_login(viewer)
    image = Image.objects.filter(dataset=datasets[0]).order_by("pk")[0]
    said = client.get(at("explore-card", project, image.pk)).content.decode()
    assert "A-0" in said
    assert "fingerprint only" in said
    assert HOSTILE not in said
    assert "&lt;img" in said
    shown = import_files("P", {"1.png": picture(1)}).images.get()
    assert (
        reverse("image-file", args=[shown.pk, "thumb"])
        in client.get(at("explore-card", project, shown.pk)).content.decode()
    )
    other = create_project(name="Other", owner=viewer)
    assert client.get(at("explore-card", other, image.pk)).status_code == 404
    client.force_login(stranger)
    assert client.get(at("explore-card", project, image.pk)).status_code == 404
