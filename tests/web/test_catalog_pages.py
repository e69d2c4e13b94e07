"""The catalogue's pages: who may see and do what, the upload protocol, pictures, hostile names."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import ExifTags, ImageOps
from PIL import Image as Pillow

from catalog import workspace
from catalog.core.errors import CatalogError
from catalog.models import Dataset, Image, Membership, Project, Upload
from catalog.tasks import import_upload

pytestmark = pytest.mark.django_db

Picture = Callable[..., bytes]
ImportFiles = Callable[[str, dict[str, bytes]], Dataset]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def dataset(import_files: ImportFiles, picture: Picture) -> Dataset:
    """Three images with two labels, and one file that is refused."""
    pictures = {f"{name}.png": picture(seed) for seed, name in enumerate(("Jerome/0", "Jerome/1", "Peter/9"))}
    return import_files("ArtDL", pictures | {"Peter/bad.png": b"no image"})


def queries_of(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


# ---- who may see and do what


def addresses(dataset: Dataset) -> dict[str, str]:
    image, upload = Image.objects.filter(dataset=dataset).first(), dataset.uploads.first()
    assert image is not None
    assert upload is not None
    base = f"/p/{dataset.project.slug}"
    return {
        "project": f"{base}/",
        "dataset": f"{base}/datasets/{dataset.slug}/",
        "image": f"{base}/images/{image.pk}/",
        "upload": f"{base}/uploads/{upload.pk}/",
        "thumb": f"/images/{image.pk}/thumb",
        "view": f"/images/{image.pk}/view",
        "original": f"/images/{image.pk}/original",
        "settings": f"{base}/settings",
        "delete": f"{base}/datasets/{dataset.slug}/delete",
    }


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


# ---- projects and members


def test_the_first_project_is_made_and_opens(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    assert "Create your first project" in client.get("/").content.decode()
    refused = client.post("/projects/new", {"name": " "})
    assert "This field is required" in refused.content.decode()
    made = client.post("/projects/new", {"name": "  Birds   of  Europe", "description": "two lists"})
    assert made["Location"] == "/p/birds-of-europe/"
    page = client.get(made["Location"]).content.decode()
    assert "Drop the first dataset here" in page
    assert "Load the example" in page
    assert "owner" in client.get("/").content.decode()


def test_members_come_change_and_go(client: Client, project: Project, owner: User, stranger: User) -> None:
    client.force_login(owner)
    base = f"/p/{project.slug}"
    unknown = client.post(f"{base}/members", {"username": "nobody", "role": "viewer"})
    assert unknown.status_code == 422
    assert "Nobody here signs in as “nobody”" in unknown.content.decode()
    assert 'value="nobody"' in unknown.content.decode()
    assert client.post(f"{base}/members", {"username": "sven", "role": "editor"}).status_code == 302
    assert Membership.objects.get(user=stranger).role == "editor"
    assert client.post(f"{base}/members", {"username": "sven", "role": "king"}).status_code == 422
    last_owner = client.post(f"{base}/members", {"username": "olga", "role": "viewer"})
    assert "A project needs an owner" in last_owner.content.decode()
    client.post(f"{base}/members/{owner.pk}/remove")
    assert "A project needs an owner" in client.get(f"{base}/settings").content.decode()
    client.post(f"{base}/members/{stranger.pk}/remove")
    assert not Membership.objects.filter(user=stranger).exists()


def test_a_refused_name_leaves_the_old_one_on_the_page(client: Client, project: Project, owner: User) -> None:
    client.force_login(owner)
    page = client.post(f"/p/{project.slug}/settings", {"name": ""})
    assert page.status_code == 422
    assert '<span class="clip">Saints in art</span>' in page.content.decode()
    client.post(f"/p/{project.slug}/settings", {"name": "Saints", "description": "new"})
    project.refresh_from_db()
    assert (project.name, project.slug) == ("Saints", "saints-in-art")


# ---- the upload protocol


def begin(client: Client, project: Project, **asked: Any) -> dict[str, Any]:
    body = {"dataset": "ArtDL", "kind": "archive", "source_name": "a.zip", "bytes_expected": 0} | asked
    answer = client.post(f"/p/{project.slug}/uploads/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def archive_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return out.getvalue()


def send(client: Client, begun: dict[str, Any], data: bytes, offset: int) -> Any:
    return client.post(f"{begun['part_url']}?offset={offset}", data, content_type="application/octet-stream")


def test_an_archive_in_parts_one_of_them_broken(
    client: Client, project: Project, owner: User, picture: Picture
) -> None:
    client.force_login(owner)
    data = archive_of({f"{n}.png": picture(n) for n in range(3)})
    third = len(data) // 3
    begun = begin(client, project, bytes_expected=len(data))
    assert send(client, begun, data[:third], 0).status_code == 200
    # The second part breaks off, the third arrives: the gap is named.
    assert send(client, begun, data[third : third + 10], third).status_code == 200
    assert send(client, begun, data[2 * third :], 2 * third).status_code == 200
    gap = client.post(begun["finish_url"])
    assert gap.status_code == 422
    assert gap.json()["detail"] == f"The archive lacks the bytes {third + 10:,} to {2 * third:,}."
    # Sent again, the whole part counts, and sending it twice more changes nothing.
    for _ in range(3):
        assert send(client, begun, data[third : 2 * third], third).status_code == 200
    for _ in range(2):
        assert client.post(begun["finish_url"]).json()["status"] == "queued"
    late = send(client, begun, data[:third], 0)
    assert late.status_code == 409
    assert "takes no more files" in late.json()["detail"]
    import_upload(begun["id"])
    upload = Upload.objects.get(pk=begun["id"])
    assert (upload.status, upload.images_taken, upload.files_refused) == ("done", 3, 0)


def test_an_import_is_queued_when_the_upload_is_complete(
    client: Client,
    project: Project,
    owner: User,
    picture: Picture,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queued: list[int] = []
    monkeypatch.setattr(import_upload, "delay", queued.append)
    client.force_login(owner)
    data = archive_of({"1.png": picture(1)})
    begun = begin(client, project, bytes_expected=len(data))
    with django_capture_on_commit_callbacks(execute=True):
        send(client, begun, data[:-1], 0)
        assert client.post(begun["finish_url"]).status_code == 422
    assert not queued
    with django_capture_on_commit_callbacks(execute=True):
        send(client, begun, data, 0)
        client.post(begun["finish_url"])
    assert queued == [begun["id"]]


def test_a_folder_in_batches(client: Client, project: Project, owner: User, picture: Picture) -> None:
    client.force_login(owner)
    begun = begin(client, project, kind="folder", source_name="saints")
    files = [(path, picture(seed)) for seed, path in enumerate(("Jerome/0.png", "Jerome/1.png", "Peter/2.png"))]
    for start in (0, 2, 2):  # the second batch is sent twice
        batch = list(enumerate(files))[start : start + 2]
        answer = client.post(
            begun["part_url"],
            {
                "path[]": [path for _, (path, _) in batch],
                "number[]": [str(number) for number, _ in batch],
                "files": [SimpleUploadedFile("file", content) for _, (_, content) in batch],
            },
        )
        assert answer.status_code == 200, answer.content
    client.post(begun["finish_url"])
    import_upload(begun["id"])
    assert sorted(Image.objects.values_list("name", flat=True)) == ["Jerome/0", "Jerome/1", "Peter/2"]


def test_parts_that_cannot_be_right_are_refused_with_a_reason(client: Client, project: Project, owner: User) -> None:
    client.force_login(owner)
    begun = begin(client, project)
    for offset in ("", "-1", "x", str(2**60)):
        answer = client.post(f"{begun['part_url']}?offset={offset}", b"x", content_type="application/octet-stream")
        assert answer.status_code == 422, offset
        assert answer.json()["remedy"]
    assert send(client, begun, b"", 0).status_code == 422
    large = send(client, begun, b"x" * (workspace.PART_LIMIT + 1), 0)
    assert large.status_code == 413
    too_large_for_a_request = send(client, begun, b"x" * (13 * 2**20), 0)
    assert too_large_for_a_request.status_code == 413
    folder = begin(client, project, kind="folder")
    unequal = client.post(folder["part_url"], {"path[]": ["a", "b"], "number[]": ["0"], "files": []})
    assert unequal.status_code == 422
    nul = client.post(
        folder["part_url"], {"path[]": ["a\x00b"], "number[]": ["0"], "files": [SimpleUploadedFile("file", b"x")]}
    )
    assert nul.status_code == 422
    assert not Upload.objects.filter(parts__isnull=False).exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"dataset": "", "kind": "archive", "source_name": "a"}', b"\xff\xfe", b'"text"'],
)
def test_a_beginning_that_is_not_understood_leaves_nothing_behind(
    client: Client, project: Project, owner: User, body: bytes
) -> None:
    client.force_login(owner)
    answer = client.post(f"/p/{project.slug}/uploads/", body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert not Dataset.objects.exists()


def test_an_unknown_kind_makes_no_dataset(client: Client, project: Project, owner: User) -> None:
    client.force_login(owner)
    body = json.dumps({"dataset": "A", "kind": "fax", "source_name": "a", "bytes_expected": 1})
    assert client.post(f"/p/{project.slug}/uploads/", body, content_type="application/json").status_code == 422
    assert not Dataset.objects.exists()


def test_cancelling_leaves_nothing_behind(client: Client, project: Project, owner: User, tmp_path: Path) -> None:
    client.force_login(owner)
    begun = begin(client, project)
    send(client, begun, b"PK", 0)
    stored = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert len(stored) == 1
    client.post(begun["page_url"], {"action": "discard"})
    assert not Upload.objects.exists()
    assert not Dataset.objects.exists()
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


def test_cancelling_keeps_a_dataset_that_was_there_before(client: Client, dataset: Dataset, owner: User) -> None:
    client.force_login(owner)
    begun = begin(client, dataset.project, dataset="ArtDL")
    client.post(begun["page_url"], {"action": "discard"})
    assert Dataset.objects.get().image_count == 3
    done = dataset.uploads.get()
    client.post(f"/p/{dataset.project.slug}/uploads/{done.pk}/", {"action": "discard"})
    assert Upload.objects.filter(pk=done.pk).exists(), "a delivery that was imported is no draft"


def test_what_came_to_nothing_can_be_removed_with_the_dataset_made_for_it(
    client: Client, project: Project, owner: User, viewer: User
) -> None:
    client.force_login(owner)
    for content, status in ((b"no archive", "failed"), (archive_of({"notes.txt": b"words"}), "done")):
        begun = begin(client, project, bytes_expected=len(content))
        send(client, begun, content, 0)
        client.post(begun["finish_url"])
        with contextlib.suppress(CatalogError):
            import_upload(begun["id"])
        assert Upload.objects.get().status == status
        assert "Remove upload and dataset" in client.get(begun["page_url"]).content.decode()
        client.force_login(viewer)
        assert "Remove upload" not in client.get(begun["page_url"]).content.decode()
        assert client.post(begun["page_url"], {"action": "discard"}).status_code == 403
        client.force_login(owner)
        client.post(begun["page_url"], {"action": "discard"})
        assert not Dataset.objects.exists()
        assert not Upload.objects.exists()


# ---- the page of an upload


def test_the_page_follows_the_import_and_reloads_when_it_is_over(client: Client, dataset: Dataset, owner: User) -> None:
    client.force_login(owner)
    upload = dataset.uploads.get()
    path = f"/p/{dataset.project.slug}/uploads/{upload.pk}/"
    Upload.objects.filter(pk=upload.pk).update(
        status="running",
        stage="Reading images",
        done=1,
        total=4,
        unit="files",
        heartbeat_at="2026-01-01T00:00:04Z",
        stage_started_at="2026-01-01T00:00:00Z",
    )
    polled = client.get(f"{path}?was=running", headers={"HX-Request": "true"})
    text = polled.content.decode()
    assert "HX-Refresh" not in polled
    assert "1 of 4 files" in text
    assert "0.2 files a second" in text or "0.3 files a second" in text
    assert "about 12 s left" in text
    assert "width:25.00%" in text
    assert "<html" not in text
    Upload.objects.filter(pk=upload.pk).update(status="done")
    assert client.get(f"{path}?was=running", headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_the_page_accounts_for_every_file(client: Client, dataset: Dataset, viewer: User) -> None:
    client.force_login(viewer)
    upload = dataset.uploads.get()
    path = f"/p/{dataset.project.slug}/uploads/{upload.pk}/"
    text = client.get(path).content.decode()
    assert upload.images_taken + upload.files_refused == upload.files_seen == 4
    assert "One folder per class" in text
    assert "Peter/bad.png" in text
    code = upload.refused.get().code
    assert "Peter/bad.png" in client.get(f"{path}?code={code}").content.decode()
    assert "Peter/bad.png" not in client.get(f"{path}?code=link").content.decode()


def test_a_failed_upload_says_why_and_what_to_do(client: Client, project: Project, owner: User) -> None:
    client.force_login(owner)
    begun = begin(client, project)
    send(client, begun, b"this is no archive", 0)
    client.post(begun["finish_url"])
    with pytest.raises(Exception, match="archive"):
        import_upload(begun["id"])
    text = client.get(begun["page_url"]).content.decode()
    assert "This did not work." in text
    assert "Upload again" in text
    assert Upload.objects.get().status == "failed"


def test_a_crashed_import_can_be_run_again(client: Client, project: Project, owner: User, picture: Picture) -> None:
    client.force_login(owner)
    data = archive_of({"1.png": picture(1)})
    begun = begin(client, project)
    send(client, begun, data, 0)
    client.post(begun["finish_url"])
    Upload.objects.update(status="failed", error="Something went wrong on our side.")
    assert "Import again" in client.get(begun["page_url"]).content.decode()
    client.post(begun["page_url"], {"action": "again"})
    import_upload(begun["id"])
    upload = Upload.objects.get()
    assert (upload.status, upload.images_taken) == ("done", 1)


# ---- datasets and images


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


# ---- pictures


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


def test_the_next_step_is_offered_when_there_are_two_datasets(
    client: Client, dataset: Dataset, owner: User, import_files: ImportFiles, picture: Picture
) -> None:
    client.force_login(owner)
    path = f"/p/{dataset.project.slug}/"
    assert "Compare datasets" not in client.get(path).content.decode()
    import_files("wikidata", {"1.png": picture(1)})
    assert "Compare datasets" in client.get(path).content.decode()


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
