"""Pictures as they are served: our own JPEGs to look at, originals as downloads, turned where asked."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from PIL import ExifTags, ImageOps
from PIL import Image as Pillow

from catalog import workspace
from catalog.models import Dataset, Image, Project

Picture = Callable[..., bytes]
ImportFiles = Callable[[str, dict[str, bytes]], Dataset]


def test_thumb_and_view_are_jpegs_of_our_own(client: Client, dataset: Dataset, viewer: User) -> None:
    client.force_login(viewer)
    image = Image.objects.filter(dataset=dataset).first()
    assert image is not None
    for variant in ("thumb", "view"):
        answer = client.get(f"/images/{image.pk}/{variant}")
        assert answer["Content-Type"] == "image/jpeg"
        assert "Content-Disposition" not in answer or answer["Content-Disposition"].startswith("inline")
        shown = Pillow.open(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]
        assert (shown.format, shown.size) == ("JPEG", (96, 80))
    kept = f"views/{dataset.pk}/{image.sha256[:2]}/{image.sha256}.jpg"
    assert default_storage.exists(kept)
    assert client.get(f"/images/{image.pk}/other").status_code == 404


def test_large_pictures_are_shown_at_1600(
    client: Client, import_files: ImportFiles, picture: Picture, owner: User
) -> None:
    import_files("Large", {"1.png": picture(1, size=(3000, 1000))})
    client.force_login(owner)
    answer = client.get(f"/images/{Image.objects.get().pk}/view")
    assert Pillow.open(io.BytesIO(b"".join(answer.streaming_content))).size == (1600, 533)  # type: ignore[attr-defined]


def test_the_original_is_always_a_download(
    client: Client, import_files: ImportFiles, picture: Picture, owner: User
) -> None:
    content = picture(3)
    import_files("A", {'odd "name"\r.png': content, "plain.png": picture(4)})
    client.force_login(owner)
    for image in Image.objects.all():
        answer = client.get(f"/images/{image.pk}/original")
        assert answer["Content-Disposition"].startswith("attachment;")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Type"] == "image/png"
        assert "sandbox" in answer["Content-Security-Policy"]
        body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
        assert len(body) == image.bytes


def test_pictures_are_kept_by_the_browser_alone_and_checked_by_content(
    client: Client, dataset: Dataset, viewer: User, stranger: User
) -> None:
    image = Image.objects.filter(dataset=dataset).first()
    assert image is not None
    client.force_login(viewer)
    path = f"/images/{image.pk}/thumb"
    answer = client.get(path)
    assert answer["Cache-Control"].startswith("private, max-age=")
    assert image.sha256 in answer["ETag"]
    assert client.get(path, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    client.force_login(stranger)
    assert client.get(path, headers={"If-None-Match": answer["ETag"]}).status_code == 404


def test_an_image_of_which_only_fingerprints_exist_has_no_file(client: Client, project: Project, owner: User) -> None:
    dataset = workspace.create_dataset(project=project, name="Secret", by=owner)
    image = Image.objects.create(dataset=dataset, name="a", path="a")
    Dataset.objects.filter(pk=dataset.pk).update(image_count=1)
    client.force_login(owner)
    for variant in ("thumb", "view", "original"):
        assert client.get(f"/images/{image.pk}/{variant}").status_code == 404
    assert "cannot be shown" not in client.get(f"/p/{project.slug}/").content.decode().split("<main")[0]
    for path in (f"/p/{project.slug}/datasets/secret/", f"/p/{project.slug}/images/{image.pk}/"):
        page = client.get(path)
        assert 'class="placeholder"' in page.content.decode()
    assert "fingerprints only" in client.get(f"/p/{project.slug}/").content.decode()


@pytest.mark.parametrize("turn", range(2, 9))
def test_a_picture_is_served_turned_as_exif_would(
    client: Client, owner: User, import_files: ImportFiles, turn: int
) -> None:
    drawn = Pillow.new("RGB", (40, 24), "white")
    drawn.paste((200, 30, 30), (0, 0, 20, 6))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    image = import_files("Drawn", {"one.png": out.getvalue()}).images.get()
    client.force_login(owner)
    response = client.get(f"/images/{image.pk}/view", {"turn": turn})
    tagged, exif = io.BytesIO(), Pillow.Exif()
    exif[ExifTags.Base.Orientation] = turn
    drawn.save(tagged, "PNG", exif=exif)
    wanted = ImageOps.exif_transpose(Pillow.open(tagged))
    turned = Pillow.open(io.BytesIO(response.content))
    assert turned.size == wanted.size
    assert np.abs(np.asarray(turned, np.int16) - np.asarray(wanted, np.int16)).mean() < 8
    assert response["ETag"].endswith(f'-view{turn}"')


def test_only_real_turns_are_served(client: Client, owner: User, dataset: Dataset) -> None:
    image = dataset.images.all()[0]
    client.force_login(owner)
    for turn in ("1", "9", "x", "-2"):
        assert client.get(f"/images/{image.pk}/view", {"turn": turn}).status_code == 404
    assert client.get(f"/images/{image.pk}/original", {"turn": "2"}).status_code == 404
