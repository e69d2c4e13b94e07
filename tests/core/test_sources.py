"""What a source lists and reads: the same from archives, folders and stored files, within the same limits."""

from __future__ import annotations

import lzma
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.core.archives import ArchiveSource
from catalog.core.errors import RefusedArchive, RefusedImage
from catalog.core.sources import FolderSource, Source, StoredFilesSource, open_source, readable
from tests.core.packing import SMALL, TAR_MODES, contents, make_folder, make_tar, make_zip, stored

FILES = {"cat/1.jpg": b"one" * 400, "cat/2.jpg": b"two", "dog/ü.jpg": b"", "labels.json": b"{}"}


def every_kind(tmp_path: Path, files: dict[str, bytes]) -> list[Source]:
    sources: list[Source] = [
        open_source(make_zip(tmp_path / "a.bin", files)),
        open_source(make_folder(tmp_path / "folder", files)),
        StoredFilesSource(stored(files)),
    ]
    sources += [open_source(make_tar(tmp_path / f"{i}.bin", files, mode)) for i, mode in enumerate(TAR_MODES)]
    return sources


def test_every_source_lists_and_reads_the_same(tmp_path: Path) -> None:
    for source in every_kind(tmp_path, FILES | {"__MACOSX/cat/._1.jpg": b"x", ".git/a": b"x", "cat/Thumbs.db": b"x"}):
        with source:
            assert [entry.path for entry in source.entries()] == sorted(FILES)
            assert {entry.path: entry.size for entry in source.entries()} == {p: len(d) for p, d in FILES.items()}
            assert contents(source) == FILES
            assert dict(source.iterate(list(FILES))) == FILES
            assert (source.left_out, list(source.refused)) == (3, [])
            with source.open("cat/2.jpg") as stream:
                assert stream.read(2) == b"tw"
            with pytest.raises(KeyError):
                source.read("absent")


def test_archives_are_iterated_in_their_own_order(tmp_path: Path) -> None:
    files = {"z": b"1", "a": b"2", "m": b"3"}
    for path in (make_zip(tmp_path / "a", files), make_tar(tmp_path / "b", files, "w:gz")):
        with ArchiveSource(path) as source:
            assert [path for path, _ in source.iterate(["a", "m", "z"])] == ["z", "a", "m"]


def test_scratch_space_is_given_and_given_back(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = make_tar(tmp_path / "a", FILES, "w:xz")
    with ArchiveSource(path, scratch=scratch) as source:
        assert contents(source) == FILES
        assert list(scratch.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        ArchiveSource(path, scratch=tmp_path / "absent")


@settings(max_examples=30, deadline=None)
@given(
    files=st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\\:/.\0", exclude_categories=["Cc"]), min_size=1),
        st.binary(max_size=2000),
        max_size=6,
    ),
    mode=st.sampled_from(["zip", *TAR_MODES]),
)
def test_what_is_packed_is_read(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], mode: str) -> None:
    path = tmp_path_factory.mktemp("a") / "archive"
    files = {f"f_{name}": data for name, data in files.items()}
    with open_source(make_zip(path, files) if mode == "zip" else make_tar(path, files, mode)) as source:
        assert contents(source) == files


def test_a_tar_that_holds_a_zip_is_a_tar(tmp_path: Path) -> None:
    inner = make_zip(tmp_path / "i", {"x.jpg": b"1"}).read_bytes()
    with ArchiveSource(make_tar(tmp_path / "a", {"inner.zip": inner})) as source:
        assert contents(source) == {"inner.zip": inner}


def test_xz_streams_one_after_another(tmp_path: Path) -> None:
    plain = make_tar(tmp_path / "a", {"a.jpg": os.urandom(3000)}).read_bytes()
    half = len(plain) // 2
    (tmp_path / "b").write_bytes(lzma.compress(plain[:half]) + bytes(8) + lzma.compress(plain[half:]) + bytes(4))
    with ArchiveSource(tmp_path / "b") as source:
        assert source.entries()[0].path == "a.jpg"


def test_names_that_macos_packs_without_saying_utf8(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"zz.jpg": b"1", "ü.jpg": b"2"})
    flagged = path.read_bytes()
    unflagged = flagged.replace(struct.pack("<HH", 0x800, 8), struct.pack("<HH", 0, 8))
    assert unflagged != flagged
    path.write_bytes(unflagged)
    with ArchiveSource(path) as source:
        assert contents(source) == {"zz.jpg": b"1", "ü.jpg": b"2"}


def test_links_in_a_folder_are_refused_one_by_one(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "f", FILES)
    (folder / "out").symlink_to(tmp_path)
    (folder / "cat" / "l.jpg").symlink_to("1.jpg")
    os.mkfifo(folder / "pipe")
    source = FolderSource(folder)
    assert contents(source) == FILES
    assert [(r.path, r.code) for r in source.refused] == [
        ("cat/l.jpg", "link"),
        ("out", "link"),
        ("pipe", "special-file"),
    ]
    (folder / "cat" / "1.jpg").unlink()
    (folder / "cat" / "1.jpg").symlink_to("/etc/passwd")
    (folder / "cat" / "2.jpg").write_bytes(b"new")
    files = source.iterate(["cat/1.jpg", "cat/2.jpg"])
    with pytest.raises(RefusedImage):
        next(files)
    assert next(files) == ("cat/2.jpg", b"new")


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    source = FolderSource(make_folder(tmp_path / "f", FILES))
    [first, *rest] = sorted(FILES)
    (tmp_path / "f" / first).unlink()
    told: list[RefusedImage] = []
    assert dict(readable(source, list(FILES), told.append)) == {path: FILES[path] for path in rest}
    assert [error.code for error in told] == ["unreadable"]
    assert first in str(told[0])


def test_limits_of_loose_files(tmp_path: Path) -> None:
    too_many = {f"{i}.jpg": b"" for i in range(21)}
    with pytest.raises(RefusedArchive, match="more than 20 files"):
        FolderSource(make_folder(tmp_path / "a", too_many), limits=SMALL)
    with pytest.raises(RefusedArchive, match="more than 20 files"):
        StoredFilesSource(stored(too_many), limits=SMALL)
    with pytest.raises(RefusedArchive, match="more than 30 kB"):
        StoredFilesSource(stored({f"{i}": bytes(4000) for i in range(8)}), limits=SMALL)
    source = FolderSource(make_folder(tmp_path / "b", {"big.jpg": bytes(5001), "ok.jpg": b"1"}), limits=SMALL)
    assert [refusal.code for refusal in source.refused] == ["too-large"]
    grown = StoredFilesSource(stored({"a": bytes(6000)}), sizes={"a": 10}, limits=SMALL)
    with pytest.raises(RefusedImage, match="more than 5 kB"):
        grown.read("a")
    with pytest.raises(RefusedArchive, match="no folder"):
        FolderSource(tmp_path / "absent")
