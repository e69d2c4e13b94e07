"""The pages of datasets: images found, names that are only text, deletion, the next step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog import workspace
from catalog.models import Dataset, Image, Project, Upload
from tests.web.catalog.addresses import addresses

Picture = Callable[..., bytes]
ImportFiles = Callable[[str, dict[str, bytes]], Dataset]
HOSTILE = "<img src=x onerror=alert(1)>"


def queries_of(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_images_are_found_by_label_and_name(client: Client, dataset: Dataset, viewer: User) -> None:
    client.force_login(viewer)
    path = f"/p/{dataset.project.slug}/datasets/{dataset.slug}/"

    def names(query: str) -> list[str]:
        rows = client.get(path + query).context["page"].rows
        return [image.name for image in rows]

    assert names("") == ["Jerome/0", "Jerome/1", "Peter/9"]
    assert names("?label=Peter") == ["Peter/9"]
    assert names("?name=JEROME") == ["Jerome/0", "Jerome/1"]
    assert names("?name=nothing") == []
    assert "Show all images" in client.get(f"{path}?name=nothing").content.decode()
    for odd in ("?after=x", "?after=-1", f"?after={10**40}", "?after=²"):
        assert client.get(path + odd).status_code == 200


def test_pages_of_images_hold_each_image_once(
    client: Client, dataset: Dataset, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.views.datasets.IMAGES_ON_A_PAGE", 2)
    client.force_login(viewer)
    path = f"/p/{dataset.project.slug}/datasets/{dataset.slug}/"
    first = client.get(f"{path}?name=e").context["page"]
    second = client.get(path + first.following).context["page"]
    assert "name=e" in first.following
    assert [image.name for image in (*first.rows, *second.rows)] == ["Jerome/0", "Jerome/1", "Peter/9"]
    assert (first.first, second.following) == ("", "")


def test_the_number_of_queries_does_not_grow_with_rows(
    client: Client, import_files: ImportFiles, picture: Picture, project: Project, owner: User
) -> None:
    client.force_login(owner)
    import_files("A", {"x/0.png": picture(0), "x/bad.png": b"bad"})
    upload = Upload.objects.get()
    base = f"/p/{project.slug}"
    pages = [f"{base}/", f"{base}/datasets/a/", f"{base}/uploads/{upload.pk}/", f"{base}/settings", "/"]
    before = [queries_of(client, path) for path in pages]
    import_files("A", {f"{n}/{n}.png": picture(n) for n in range(1, 6)} | {f"bad{n}.png": b"bad" for n in range(5)})
    for name in ("B", "C"):
        import_files(name, {"0.png": picture(7)})
    workspace.create_project(name="Another", owner=owner)
    assert [queries_of(client, path) for path in pages] == before


def test_hostile_names_are_text_everywhere(
    client: Client, project: Project, owner: User, import_files: ImportFiles, picture: Picture
) -> None:
    from catalog.models import RefusedFile

    client.force_login(owner)
    client.post(f"/p/{project.slug}/settings", {"name": HOSTILE, "description": HOSTILE})
    dataset = import_files(HOSTILE, {f"{HOSTILE}/1.png": picture(1), "Peter/2.png": picture(2)})
    upload = dataset.uploads.get()
    Upload.objects.update(source_name=HOSTILE, warnings=[HOSTILE], layout=HOSTILE, error=HOSTILE)
    RefusedFile.objects.create(upload=upload, path=HOSTILE, code=HOSTILE[:40], reason=HOSTILE)
    paths = addresses(dataset)
    labels = [image.labels.get().name for image in Image.objects.all()]
    label = next(name for name in labels if "onerror" in name)
    for name in ("project", "dataset", "image", "upload", "settings", "delete"):
        text = client.get(paths[name]).content.decode()
        assert "onerror" in text, name
        assert "<img src=x" not in text, name
    found = client.get(paths["dataset"], {"label": label, "name": HOSTILE}).content.decode()
    assert "<img src=x" not in found
    assert "<img src=x" not in client.get("/").content.decode()
    menu = client.get("/", headers={"HX-Request": "true"}).content.decode()
    assert "onerror" in menu
    assert "<img src=x" not in menu


def test_deleting_asks_for_the_name_and_takes_everything(
    client: Client, dataset: Dataset, owner: User, tmp_path: Path
) -> None:
    client.force_login(owner)
    path = f"/p/{dataset.project.slug}/datasets/{dataset.slug}/delete"
    page = client.get(path).content.decode()
    assert "its 3 images" in page
    assert "all verdicts on them" in page
    wrong = client.post(path, {"name": "artdl"})
    assert wrong.status_code == 422
    assert Dataset.objects.exists()
    assert client.post(path, {"name": "ArtDL"})["Location"] == f"/p/{dataset.project.slug}/"
    assert not Dataset.objects.exists()
    assert not Image.objects.exists()


def test_the_next_step_is_offered_when_there_are_two_datasets(
    client: Client, dataset: Dataset, owner: User, import_files: ImportFiles, picture: Picture
) -> None:
    client.force_login(owner)
    path = f"/p/{dataset.project.slug}/"
    assert "Compare datasets" not in client.get(path).content.decode()
    import_files("wikidata", {"1.png": picture(1)})
    assert "Compare datasets" in client.get(path).content.decode()
