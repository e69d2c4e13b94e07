"""The pages and addresses of projections, as members of a project and strangers meet them; the same by the API."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from numpy.typing import NDArray
from PIL import Image as Picture

from analysis.core.palette import GROUPS, REST
from analysis.core.projection import Pca, Tsne
from analysis.models import Embedding, Projection
from analysis.pipeline.review import judge
from analysis.plots import Plot
from analysis.signals import KnownSignal
from analysis.tasks import run_comparison, run_projection
from analysis.workspace import create_comparison, request_projection
from catalog.models import Dataset, Image, ImageLabel, Label, Project
from catalog.workspace import create_project
from tests.analysis.embedded import around, describe, embedded, vectors_of
from tests.web.script import Script

HOSTILE = "<img src=x onerror=alert(1)>"
EVERYTHING = "00000000ffff0000ffffffff0000ffff"
CENTRES = np.random.default_rng(2).normal(size=(3, 16))
SIZES = {"A": 12, "B": 9, "C": 6}


@pytest.fixture
def known(project: Project) -> KnownSignal:
    return vectors_of(project, 16)


@pytest.fixture
def datasets(project: Project, known: KnownSignal) -> list[Dataset]:
    """Three datasets around three centres; the first image of each carries a label that could be markup."""
    return [
        embedded(
            project,
            name,
            around(CENTRES, [i % 3 for i in range(n)], seed=n),
            known,
            labels=[HOSTILE, *(f"label {i % 3}" for i in range(1, n))],
        )
        for name, n in SIZES.items()
    ]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr("analysis.tasks.run_projection.delay", found.append)
    return found


@pytest.fixture
def pca(project: Project, datasets: list[Dataset], known: KnownSignal) -> Projection:
    made = request_projection(project=project, signal_name=known.name, datasets=datasets, method=Pca(), by=None)
    run_projection(made.pk)
    made.refresh_from_db()
    return made


def at(name: str, project: Project, *args: Any, **query: Any) -> str:
    found = reverse(name, args=[project.slug, *args])
    pairs = [
        f"{key}={value}"
        for key, values in query.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return f"{found}?{'&'.join(pairs)}" if pairs else found


def points_of(raw: bytes) -> tuple[list[int], NDArray[np.float32]]:
    n = struct.unpack_from("<I", raw, 4)[0]
    ids = np.frombuffer(raw, "<f8", n, 32).astype(int).tolist()
    return ids, np.frombuffer(raw, "<f4", 2 * n, 32 + 8 * n).reshape(n, 2)


def grouped(client: Client, project: Project, projection: Projection, by: str) -> dict[int, str]:
    """Image id → name of its group, as the page would show it."""
    import base64

    ids, _ = points_of(client.get(at("projection-points", project, projection.pk)).content)
    said = client.get(at("projection-groups", project, projection.pk, by=by)).json()
    codes = np.frombuffer(base64.b64decode(said["codes"]), "<u2").tolist()
    assert [group["count"] for group in said["groups"]] == np.bincount(codes, minlength=len(said["groups"])).tolist()
    return {pk: said["groups"][code]["name"] for pk, code in zip(ids, codes, strict=True)}


# ---- where there is nothing yet ----


def test_an_empty_project_is_told_what_to_bring(client: Client, project: Project, owner: User) -> None:
    client.force_login(owner)
    assert "Bring images first" in client.get(at("explore", project)).content.decode()
    assert "no projection yet" in client.get(at("explore-all", project)).content.decode()
    assert "no embeddings yet" in client.get(at("explore-new", project)).content.decode()


def test_images_without_embeddings_say_where_embeddings_come_from(
    client: Client, project: Project, owner: User, viewer: User, hashed_images: None
) -> None:
    client.force_login(owner)
    assert "Compare with a model" in client.get(at("explore", project)).content.decode()
    client.force_login(viewer)
    shown = client.get(at("explore", project)).content.decode()
    assert "Compare with a model" not in shown
    assert "An editor of the project can" in shown


@pytest.fixture
def hashed_images(project: Project, import_files: Callable[..., Any], picture: Callable[..., bytes]) -> None:
    import_files("A", {"1.png": picture(1)})


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


# ---- the page of one ----


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


# ---- points ----


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


# ---- groups ----


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
    monkeypatch.setattr("analysis.plots.MOST_GROUPS", 5)
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


# ---- the image under the pointer ----


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


# ---- selection ----


def listed(html: str, project: Project) -> list[int]:
    import re

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


# ---- files ----


def test_files_for_download(client: Client, project: Project, pca: Projection, viewer: User) -> None:
    client.force_login(viewer)
    answers = {
        kind: client.get(at("projection-download", project, pca.pk, kind, by="label"))
        for kind in ("csv", "png", "html")
    }
    for kind, answer in answers.items():
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert f"saints-in-art-pca-brought-vectors-clip-16-dimensions.{kind}" in answer.headers["Content-Disposition"]
        assert answer.headers["Cache-Control"] == "private, no-store"
    rows = list(csv.DictReader(io.StringIO(answers["csv"].content.decode())))
    assert [row["image"] for row in rows] == list(
        Image.objects.order_by("dataset_id", "id").values_list("name", flat=True)
    )
    assert rows[0]["label"] == HOSTILE
    plot = Plot(pca)
    np.testing.assert_allclose([[float(row["x"]), float(row["y"])] for row in rows], plot.points, rtol=1e-6)
    with Picture.open(io.BytesIO(answers["png"].content)) as image:
        assert image.format == "PNG"
    html = answers["html"].content.decode()
    assert HOSTILE not in html
    held = json.loads(html.split('id="data">')[1].split("</script>")[0])
    assert held["shown"] == "label"
    assert [each["key"] for each in held["colorings"]] == ["dataset", "label", "verdict", "cluster"]
    assert client.get(at("projection-download", project, pca.pk, "exe")).status_code == 404


def test_small_pictures_go_into_the_page_where_there_are_few(
    client: Client,
    project: Project,
    known: KnownSignal,
    viewer: User,
    import_files: Callable[..., Any],
    picture: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client.force_login(viewer)
    dataset = import_files("P", {f"{n}.png": picture(n) for n in range(4)})
    describe(dataset, list(dataset.images.order_by("pk")), around(CENTRES, [0, 1, 2, 0]), known)
    made = request_projection(project=project, signal_name=known.name, datasets=[dataset], method=Pca(), by=None)
    run_projection(made.pk)
    address = at("projection-download", project, made.pk, "html")

    def pictures() -> Sequence[str]:
        found: list[str] = json.loads(
            client.get(address).content.decode().split('id="data">')[1].split("</script>")[0]
        )["pictures"]
        return found

    assert [bool(each) for each in pictures()] == [True] * 4
    monkeypatch.setattr("analysis.views.explore_data.MOST_PICTURES", 3)
    assert pictures() == []


# ---- who may ----


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


# ---- API ----


def test_a_script_makes_a_projection_and_reads_it(
    project: Project,
    datasets: list[Dataset],
    known: KnownSignal,
    owner: User,
    viewer: User,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    script, reader = Script(owner), Script(viewer)
    body = {"signal": known.name, "method": "tsne", "parameters": {"perplexity": 4}}
    assert "viewer" in reader.post("/projects/saints-in-art/projections", body, expect=403)["detail"]
    # Datasets that have no such embeddings are left out where none are named.
    embedded(project, "Bare", around(CENTRES, [0]), vectors_of(project, 16, "other"))
    with django_capture_on_commit_callbacks(execute=True):
        made = script.post("/projects/saints-in-art/projections", body)
    assert made["datasets"] == ["a", "b", "c"]
    assert (made["status"], made["n_images"], made["explained"]) == ("queued", 0, None)
    assert made["parameters"] == {"perplexity": 4.0, "seed": 0}
    assert sent == [made["id"]]
    at_points = f"/projects/saints-in-art/projections/{made['id']}/points"
    assert "not there yet" in reader.get(at_points, expect=409)["detail"]
    run_projection(made["id"])
    done = reader.get(f"/projects/saints-in-art/projections/{made['id']}")
    assert (done["status"], done["n_images"]) == ("done", 27)
    assert "umap-learn" in done["versions"]
    assert script.post("/projects/saints-in-art/projections", body)["id"] == made["id"]
    points = reader.get(at_points)
    plot = Plot(Projection.objects.get(pk=made["id"]))
    assert points["image"] == plot.ids.tolist()
    np.testing.assert_array_equal(np.array([points["x"], points["y"]], np.float32).T, plot.points)
    assert points["name"][:2] == ["A-0", "A-1"]
    assert points["dataset"][-1] == "C"
    rows = reader.call("GET", f"{at_points}.csv").content.decode().splitlines()
    assert rows[0] == "image,dataset,label,x,y"
    assert len(rows) == 28
    assert [each["id"] for each in reader.get("/projects/saints-in-art/projections")["items"]] == [made["id"]]
    with django_capture_on_commit_callbacks(execute=True):
        again = script.post(f"/projects/saints-in-art/projections/{made['id']}/run", None, expect=202)
    assert again["status"] == "queued"
    assert sent == [made["id"]] * 2
    assert reader.call("DELETE", f"/projects/saints-in-art/projections/{made['id']}").status_code == 403
    assert script.call("DELETE", f"/projects/saints-in-art/projections/{made['id']}").status_code == 204
    reader.get(at_points, expect=404)


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"method": "mds"}, 422, "method"),
        ({"parameters": {"neighbours": 5}}, 422, "t-SNE has no parameter “neighbours”"),
        ({"parameters": {"perplexity": 30}}, 422, "there are 27"),
        ({"signal": "nothing"}, 404, "nothing"),
        ({"signal": "phash-8"}, 422, "embeddings"),
        ({"datasets": ["nobodys"]}, 422, "no dataset “nobodys”"),
    ],
)
def test_a_script_is_told_what_is_wrong(
    datasets: list[Dataset], known: KnownSignal, owner: User, changes: dict[str, Any], status: int, says: str
) -> None:
    body = {"signal": known.name, "method": "tsne", "parameters": {"perplexity": 4}} | changes
    assert says in Script(owner).post("/projects/saints-in-art/projections", body, expect=status)["detail"]
    assert not Projection.objects.exists()


def test_a_script_of_a_stranger_finds_nothing(pca: Projection, stranger: User) -> None:
    script = Script(stranger)
    for end in ("", f"/{pca.pk}", f"/{pca.pk}/points", f"/{pca.pk}/points.csv"):
        script.get(f"/projects/saints-in-art/projections{end}", expect=404)
