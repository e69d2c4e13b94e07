"""Imports: nothing disappears, nothing is half done, running twice changes nothing."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from analysis.models import Hash
from catalog.core.errors import CatalogError, Conflict, RefusedArchive
from catalog.core.sources import open_source
from catalog.ingest import ingest
from catalog.jobs import work_on
from catalog.models import Dataset, Image, Label, Project, Upload
from catalog.tasks import import_upload
from catalog.workspace import add_part, begin_upload, create_dataset, delete_dataset, finish_upload
from tests.core.packing import zipped
from tests.shared import shared_data

Draw = Callable[..., bytes]
Bring = Callable[[str, dict[str, bytes]], Dataset]


def send(dataset: Dataset, content: bytes, *, part: int = 1 << 20, name: str = "a.zip") -> Upload:
    upload = begin_upload(dataset=dataset, kind="archive", source_name=name, bytes_expected=len(content), by=None)
    for offset in range(0, len(content), part):
        add_part(upload=upload, number=offset, content=content[offset : offset + part])
    return finish_upload(upload=upload)


@pytest.fixture
def dataset(project: Project) -> Dataset:
    return create_dataset(project=project, name="Prints", by=None)


def test_images_plus_refused_files_are_the_files_seen(dataset: Dataset, picture: Draw) -> None:
    good = picture(1, format="JPEG")
    files = {
        "ships/one.png": picture(2),
        "ships/two.jpg": good,
        "birds/copy of two.jpg": good,
        "birds/cut.jpg": good[: len(good) // 2],
        "birds/words.jpg": b"these are words",
        "birds/one.gif": picture(3, format="GIF"),
        "ships/one.jpg": picture(4, format="JPEG"),
        "notes.pdf": b"%PDF-1.4",
        "__MACOSX/x": b"",
    }
    upload = send(dataset, zipped(files), part=1000)
    import_upload(upload.pk)
    upload.refresh_from_db()
    dataset.refresh_from_db()
    assert upload.status == "done", upload.error
    assert (upload.files_seen, upload.images_taken, upload.files_refused) == (8, 4, 4)
    refused = {row.path: row.code for row in upload.refused.all()}
    assert refused == {
        "birds/cut.jpg": "truncated",
        "birds/words.jpg": "not-an-image",
        "ships/one.png": "same-name",
        "notes.pdf": refused["notes.pdf"],
    }
    assert all(row.reason for row in upload.refused.all())
    assert dataset.image_count == dataset.file_count == 4
    assert Image.objects.get(name="ships/two").sha256 == Image.objects.get(name="birds/copy of two").sha256
    assert set(Label.objects.values_list("name", flat=True)) == {"ships", "birds"}
    assert Hash.objects.count() == 4 * 9
    assert not upload.parts.exists()


def test_running_an_import_twice_changes_nothing(dataset: Dataset, picture: Draw) -> None:
    upload = send(dataset, zipped({f"{n}.png": picture(n) for n in range(5)}))
    import_upload(upload.pk)
    import_upload(upload.pk)
    dataset.refresh_from_db()
    assert dataset.image_count == Image.objects.count() == 5


def test_an_interrupted_import_is_taken_up_where_it_stopped(
    dataset: Dataset, picture: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog import ingest

    upload = send(dataset, zipped({f"{n}.png": picture(n) for n in range(6)}))
    monkeypatch.setattr(ingest, "CHUNK_FILES", 2)
    written = ingest._write

    class KilledError(BaseException):
        """As a worker dies: no handler of ours runs."""

    def dies_at_the_second_chunk(upload: Upload, taken: object, *rest: object) -> None:
        written(upload, taken, *rest)  # type: ignore[arg-type]
        if Image.objects.count() == 4:
            raise KilledError

    monkeypatch.setattr(ingest, "_write", dies_at_the_second_chunk)
    with pytest.raises(KilledError):
        import_upload(upload.pk)
    assert Image.objects.count() == 4
    monkeypatch.setattr(ingest, "_write", written)
    Upload.objects.update(status="queued", files_seen=0, images_taken=0)
    import_upload(upload.pk)
    upload.refresh_from_db()
    dataset.refresh_from_db()
    assert (upload.status, upload.images_taken, upload.files_refused, dataset.image_count) == ("done", 6, 0, 6)


@pytest.mark.parametrize("path", ["../escape.png", "/etc/passwd.png", "a/../../b.png"])
def test_an_archive_with_path_traversal_is_refused_whole(dataset: Dataset, picture: Draw, path: str) -> None:
    upload = send(dataset, zipped({"fine.png": picture(1), path: picture(2)}))
    with pytest.raises(RefusedArchive):
        import_upload(upload.pk)
    upload.refresh_from_db()
    assert upload.status == "failed"
    assert path.rsplit("/", maxsplit=1)[-1] in upload.error
    assert not Image.objects.exists()
    assert not upload.parts.exists()


def test_an_archive_with_a_link_is_refused_whole(dataset: Dataset, picture: Draw) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("link.png")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    upload = send(dataset, out.getvalue(), name="a.tar.gz")
    with pytest.raises(RefusedArchive):
        import_upload(upload.pk)
    assert not Image.objects.exists()


def test_a_broken_label_file_names_its_line_and_nothing_remains(dataset: Dataset, picture: Draw) -> None:
    rows = '{"file_name": "1.png", "label": "a"}\n{"file_name": "2.png", "label": }\n'
    upload = send(dataset, zipped({"1.png": picture(1), "2.png": picture(2), "metadata.jsonl": rows.encode()}))
    with pytest.raises(CatalogError):
        import_upload(upload.pk)
    upload.refresh_from_db()
    dataset.refresh_from_db()
    assert "metadata.jsonl" in upload.error
    assert "line 2" in upload.error
    assert dataset.image_count == Image.objects.count() == 0


def test_fingerprints_of_wrong_length_are_named_and_nothing_remains(dataset: Dataset) -> None:
    files = {"2_test.txt": b"one\ntwo\n", "perceptual_hashes.json": json.dumps(["0" * 16, "0" * 15]).encode()}
    upload = send(dataset, zipped(files))
    with pytest.raises(CatalogError):
        import_upload(upload.pk)
    upload.refresh_from_db()
    assert "two" in upload.error
    assert not Image.objects.exists()


def test_a_missing_part_is_named(dataset: Dataset) -> None:
    upload = begin_upload(dataset=dataset, kind="archive", source_name="a.zip", bytes_expected=30, by=None)
    add_part(upload=upload, number=0, content=b"0" * 10)
    add_part(upload=upload, number=20, content=b"0" * 10)
    with pytest.raises(CatalogError, match="10 to 20"):
        finish_upload(upload=upload)
    add_part(upload=upload, number=10, content=b"0" * 10)
    add_part(upload=upload, number=10, content=b"1" * 10)
    assert finish_upload(upload=upload).status == "queued"
    with pytest.raises(Conflict):
        add_part(upload=upload, number=30, content=b"0")


def test_images_of_a_later_upload_join_the_dataset_and_same_names_are_refused(
    import_files: Bring, picture: Draw
) -> None:
    import_files("Prints", {"a.png": picture(1)})
    dataset = import_files("Prints", {"a.png": picture(2), "b.png": picture(3)})
    assert dataset.image_count == 2
    refused = Upload.objects.latest("id").refused.get()
    assert (refused.path, refused.code) == ("a.png", "same-name")


def test_deleting_a_dataset_removes_its_files(import_files: Bring, picture: Draw) -> None:
    dataset = import_files("Prints", {"a.png": picture(1), "b.png": picture(2)})
    keys = [str(key) for pair in Image.objects.values_list("file", "thumbnail") for key in pair]
    assert all(default_storage.exists(key) for key in keys)
    delete_dataset(dataset=dataset)
    assert not any(default_storage.exists(key) for key in keys)
    assert not Image.objects.exists()


@pytest.mark.shared_data
def test_odd_formats_are_taken_and_the_corrupt_one_refused(import_files: Bring) -> None:
    folder = shared_data() / "formats"
    import_files("Formats", {path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    upload = Upload.objects.get()
    refused = {row.path: row.code for row in upload.refused.all()}
    assert "ukbench09268_corrupt.jpg" in refused
    assert "ukbench09380.svg" in refused
    assert upload.images_taken + upload.files_refused == upload.files_seen == 12


def test_a_file_that_vanishes_meanwhile_is_refused_and_the_rest_goes_on(
    dataset: Dataset, picture: Draw, tmp_path: Path
) -> None:
    for n in range(4):
        (tmp_path / f"{n}.png").write_bytes(picture(n))
    upload = begin_upload(dataset=dataset, kind="folder", source_name="loose", bytes_expected=0, by=None)
    with work_on(upload, expected=()) as progress, open_source(tmp_path) as source:
        (tmp_path / "1.png").unlink()
        (tmp_path / "3.png").unlink()
        ingest(upload, source, progress)
    upload.refresh_from_db()
    assert (upload.files_seen, upload.images_taken) == (4, 2)
    assert list(upload.refused.order_by("path").values_list("path", flat=True)) == ["1.png", "3.png"]


def test_an_archive_that_breaks_off_leaves_no_file_behind(
    dataset: Dataset, picture: Draw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from catalog import ingest as module

    monkeypatch.setattr(module, "CHUNK_FILES", 2)
    content = bytearray(zipped({f"{n}.png": picture(n) for n in range(7)}))
    # One byte in the middle of the last member's data, which its checksum betrays.
    content[content.rindex(b"IEND") - 40] ^= 0xFF
    upload = send(dataset, bytes(content))
    with pytest.raises(RefusedArchive):
        import_upload(upload.pk)
    assert not Image.objects.exists()
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


def test_an_archive_with_a_bombs_ratio_is_refused_whole(dataset: Dataset, picture: Draw) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fine.png", picture(1))
        archive.writestr("zeros.png", bytes(20_000_000))
    upload = send(dataset, out.getvalue())
    with pytest.raises(RefusedArchive):
        import_upload(upload.pk)
    upload.refresh_from_db()
    assert (upload.status, Image.objects.count()) == ("failed", 0)
    assert "times" in upload.error or "unpack" in upload.error
