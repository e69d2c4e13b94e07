"""Who may see and do what with datasets, images and uploads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalog import workspace
from catalog.models import Dataset, Image
from tests.web.catalog.addresses import addresses


def test_members_see_every_page(client: Client, dataset: Dataset, viewer: User) -> None:
    client.force_login(viewer)
    for name, path in addresses(dataset).items():
        expected = 403 if name in {"settings", "delete"} else 200
        assert client.get(path).status_code == expected, name


def test_strangers_see_nothing(client: Client, dataset: Dataset, stranger: User) -> None:
    client.force_login(stranger)
    for name, path in addresses(dataset).items():
        assert client.get(path).status_code == 404, name
    assert "Saints in art" not in client.get("/").content.decode()


def test_who_is_not_signed_in_is_asked_to_sign_in(client: Client, dataset: Dataset) -> None:
    for name, path in addresses(dataset).items():
        answer = client.get(path)
        assert answer.status_code == 302, name
        assert answer["Location"].startswith("/sign-in"), name


def test_an_image_of_another_project_is_not_shown_under_this_one(client: Client, dataset: Dataset, owner: User) -> None:
    other = workspace.create_project(name="Other", owner=owner)
    image = Image.objects.filter(dataset=dataset).first()
    upload = dataset.uploads.first()
    assert image is not None
    assert upload is not None
    client.force_login(owner)
    assert client.get(f"/p/{other.slug}/images/{image.pk}/").status_code == 404
    assert client.get(f"/p/{other.slug}/uploads/{upload.pk}/").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "annotator"])
def test_small_roles_may_not_write(client: Client, dataset: Dataset, member: Callable[[str], User], role: str) -> None:
    client.force_login(member(role))
    base = f"/p/{dataset.project.slug}"
    upload = dataset.uploads.first()
    assert upload is not None
    for path in (
        f"{base}/uploads/",
        f"{base}/uploads/{upload.pk}/parts?offset=0",
        f"{base}/uploads/{upload.pk}/finish",
        f"{base}/uploads/{upload.pk}/",
        f"{base}/datasets/{dataset.slug}/delete",
        f"{base}/settings",
        f"{base}/members",
        f"{base}/members/1/remove",
    ):
        assert client.post(path, b"{}", content_type="application/json").status_code == 403, path
    page = client.get(f"{base}/").content.decode()
    assert "data-upload" not in page


def test_editors_upload_but_do_not_delete(client: Client, dataset: Dataset, editor: User) -> None:
    client.force_login(editor)
    assert "data-upload" in client.get(f"/p/{dataset.project.slug}/").content.decode()
    assert client.get(f"/p/{dataset.project.slug}/datasets/{dataset.slug}/delete").status_code == 403
