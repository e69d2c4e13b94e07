"""Uploads, as the page's script sends them, and the page that follows one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog import workspace
from catalog.core.errors import CatalogError
from catalog.models import Dataset, Image, Project, Upload
from catalog.tasks import import_upload
from tests.core.packing import zipped

Picture = Callable[..., bytes]

# ---- the protocol ----


def begin(client: Client, project: Project, **asked: Any) -> dict[str, Any]:
    body = {"dataset": "ArtDL", "kind": "archive", "source_name": "a.zip", "bytes_expected": 0} | asked
    answer = client.post(f"/p/{project.slug}/uploads/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def send(client: Client, begun: dict[str, Any], data: bytes, offset: int) -> Any:
    return client.post(f"{begun['part_url']}?offset={offset}", data, content_type="application/octet-stream")


def test_an_archive_in_parts_one_of_them_broken(
    client: Client, project: Project, owner: User, picture: Picture
) -> None:
    client.force_login(owner)
    data = zipped({f"{n}.png": picture(n) for n in range(3)})
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
    data = zipped({"1.png": picture(1)})
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
    for content, status in ((b"no archive", "failed"), (zipped({"notes.txt": b"words"}), "done")):
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


# ---- the page ----


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
    data = zipped({"1.png": picture(1)})
    begun = begin(client, project)
    send(client, begun, data, 0)
    client.post(begun["finish_url"])
    Upload.objects.update(status="failed", error="Something went wrong on our side.")
    assert "Import again" in client.get(begun["page_url"]).content.decode()
    client.post(begun["page_url"], {"action": "again"})
    import_upload(begun["id"])
    upload = Upload.objects.get()
    assert (upload.status, upload.images_taken) == ("done", 1)
