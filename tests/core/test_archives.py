import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.core._entries import UnsafePathError, normalise
from catalog.core.archives import ArchiveSource
from catalog.core.errors import RefusedArchive, RefusedImage
from catalog.core.sources import FolderSource, Limits, Source, StoredFilesSource, open_source

FILES = {"cat/1.jpg": b"one" * 400, "cat/2.jpg": b"two", "dog/ü.jpg": b"", "labels.json": b"{}"}
SMALL = Limits(max_members=20, max_total_bytes=30_000, max_member_bytes=5_000, max_ratio=20, ratio_floor_bytes=2_000)
TAR_MODES = ["w", "w:gz", "w:bz2", "w:xz"]


def make_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            add(archive, name, data)
    return path


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(data))


def make_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def stored(files: dict[str, bytes]) -> dict[str, Callable[[], BinaryIO]]:
    return {name: lambda data=data: io.BytesIO(data) for name, data in files.items()}  # type: ignore[misc]


def contents(source: Source) -> dict[str, bytes]:
    return {entry.path: source.read(entry.path) for entry in source.entries()}


def refused(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(RefusedArchive) as caught, ArchiveSource(path, limits=limits) as source:
        contents(source)
    assert caught.value.remedy
    return caught.value.message


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


UNSAFE = ["../a.jpg", "a/../../b.jpg", "/etc/passwd", "C:/a.jpg", "./c:a.jpg", "a\\b.jpg", "..", "a\nb.jpg", "x" * 1025]


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    assert "name of the member" in refused(make_zip(tmp_path / "a", {"ok.jpg": b"", name: b""}))
    for mode in TAR_MODES:
        assert "name of the member" in refused(make_tar(tmp_path / "a", {"ok.jpg": b"", name: b""}, mode))


def test_unsafe_names_of_loose_files_are_refused_one_by_one(tmp_path: Path) -> None:
    source = StoredFilesSource(stored(dict.fromkeys([*UNSAFE, "\0", "", "./ok.jpg", "ok.jpg"], b"")))
    assert [entry.path for entry in source.entries()] == ["ok.jpg"]
    assert len(source.refused) == len(UNSAFE) + 3
    assert {refusal.code for refusal in source.refused} == {"unsafe-path", "same-path"}
    assert not any("\0" in refusal.path for refusal in source.refused)
    folder = make_folder(tmp_path / "f", {"a\\b.jpg": b"", "ok.jpg": b""})
    (folder / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    loose = FolderSource(folder)
    assert [refusal.path for refusal in loose.refused] == ["\\udcff.jpg", "a\\b.jpg"]


@settings(deadline=None)
@given(st.text(max_size=30) | st.lists(st.sampled_from(["..", ".", "", "a", "C:", "\\", "\0"])).map("/".join))
def test_a_normalised_path_stays_below_its_root(raw: str) -> None:
    try:
        path = normalise(raw, max_bytes=1024)
    except UnsafePathError:
        return
    root = Path("/root/of/all")
    assert Path(os.path.normpath(root / path)).is_relative_to(root)
    assert normalise(path, max_bytes=1024) == path if path else True


def test_a_name_cut_by_nul_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"a.jpg_x": b""})
    path.write_bytes(path.read_bytes().replace(b"a.jpg_x", b"a.jpg\0x"))
    assert "control character" in refused(path)


def test_names_that_macos_packs_without_saying_utf8(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"zz.jpg": b"1", "ü.jpg": b"2"})
    flagged = path.read_bytes()
    unflagged = flagged.replace(struct.pack("<HH", 0x800, 8), struct.pack("<HH", 0, 8))
    assert unflagged != flagged
    path.write_bytes(unflagged)
    with ArchiveSource(path) as source:
        assert contents(source) == {"zz.jpg": b"1", "ü.jpg": b"2"}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"V"]
)
def test_links_and_devices_in_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a", "w") as archive:
        add(archive, "ok.jpg", b"x")
        add(archive, "evil.jpg", type=kind, linkname="/etc/passwd")
    what = "link" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    assert f"'evil.jpg' is a {what}" in refused(tmp_path / "a").replace("is neither a", "is a")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_zip_are_refused(tmp_path: Path, mode: int) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        info = zipfile.ZipInfo("evil.jpg")
        info.create_system = 3
        info.external_attr = (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    what = "symbolic link" if mode == stat.S_IFLNK else "device"
    assert f"'evil.jpg' is a {what}" in refused(tmp_path / "a")


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


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"secret.jpg": b"x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "'secret.jpg' is encrypted" in refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_a_bound_on_memory_are_refused(tmp_path: Path, method: int) -> None:
    assert "method" in refused(make_zip(tmp_path / "a", {"a.jpg": b"x"}, method))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_path_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr("a/b.jpg", b"1")
        archive.writestr("a//b.jpg", b"2")
    assert "'a/b.jpg' twice" in refused(tmp_path / "a")
    with tarfile.open(tmp_path / "a", "w") as tar:
        add(tar, "a/b.jpg", b"1")
        add(tar, "./a/b.jpg", b"2")
    assert "'a/b.jpg' twice" in refused(tmp_path / "a")


@pytest.mark.parametrize(
    "pack", [make_zip, make_tar, lambda p, f: make_tar(p, f, "w:gz"), lambda p, f: make_tar(p, f, "w:xz")]
)
def test_limits(tmp_path: Path, pack: Callable[[Path, dict[str, bytes]], Path]) -> None:
    noise = os.urandom(4_999)
    assert "more than 20 members" in refused(
        pack(tmp_path / "a", {f"{i}.jpg": b"" for i in range(21)}), Limits(max_members=20)
    )
    assert "'big.jpg' has" in refused(pack(tmp_path / "a", {"big.jpg": os.urandom(5_001)}), SMALL)
    assert "more than 30 kB" in refused(pack(tmp_path / "a", {f"{i}.jpg": noise[i:] for i in range(8)}), SMALL)
    with ArchiveSource(pack(tmp_path / "a", {"a.jpg": noise[:4000]}), limits=SMALL) as source:
        assert len(source.entries()) == 1


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_tar_is_measured_while_it_is_unpacked(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    (tmp_path / "a").write_bytes(compress(bytes(20_000_000)))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(RefusedArchive, match="200 times"):
        ArchiveSource(tmp_path / "a", scratch=scratch, limits=Limits(ratio_floor_bytes=10**6))
    assert list(scratch.iterdir()) == []


def test_a_zip_bomb_is_refused_by_its_headers(tmp_path: Path) -> None:
    assert "20 times" in refused(make_zip(tmp_path / "a", {"a.jpg": bytes(4_000)}), SMALL)


def lie_about_size(path: Path, size: int) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x03\x04") + 22, size)
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, size)
    path.write_bytes(data)


@pytest.mark.parametrize("size", [3, 100_000])
def test_a_zip_header_that_lies_about_the_size(tmp_path: Path, size: int) -> None:
    path = make_zip(tmp_path / "a", {"liar.jpg": bytes(5_000_000)})
    lie_about_size(path, size)
    assert "broken at 'liar.jpg'" in refused(path)


def test_a_zip_header_that_lies_costs_no_memory(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"liar.jpg": bytes(50_000_000)})
    lie_about_size(path, 1000)
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_zip_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"liar.jpg": b"x" * 100})
    lie_about_size(path, 200)
    assert "broken at 'liar.jpg'" in refused(path)


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"a.jpg": os.urandom(1000), "b.jpg": os.urandom(1000)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    struct.pack_into("<II", data, second + 20, 2000, 2000)
    path.write_bytes(data)
    assert "overlap at 'b.jpg'" in refused(path)


def test_a_wrong_checksum_is_found(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a", {"a.jpg": b"untouched"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"untouched", b"tampered!"))
    assert "broken at 'a.jpg'" in refused(path)


@pytest.mark.parametrize("mode", ["zip", *TAR_MODES])
def test_an_archive_cut_anywhere_is_refused(tmp_path: Path, mode: str) -> None:
    files = {f"{i}.jpg": os.urandom(700) for i in range(4)}
    path = tmp_path / "a"
    whole = (make_zip(path, files) if mode == "zip" else make_tar(path, files, mode)).read_bytes()
    # A plain TAR ends with zeros up to 10 kB, of which one block is enough.
    end = len(whole) if mode != "w" else 4 * (512 + 1024) + 512
    for length in range(0, end, 61):
        path.write_bytes(whole[:length])
        refused(path)


def test_a_header_broken_in_the_middle_does_not_hide_what_follows(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a", {"a.jpg": b"1", "b.jpg": b"2", "c.jpg": b"3"})
    data = bytearray(path.read_bytes())
    data[1024 + 10] ^= 0xFF
    path.write_bytes(data)
    assert "after the member 'a.jpg'" in refused(path)


def test_a_header_of_negative_size_does_not_loop(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a", "w", format=tarfile.PAX_FORMAT) as archive:
        add(archive, "a.jpg", b"1")
        info = tarfile.TarInfo("b.jpg")
        # From the end of its own header back to the begin of its extended one.
        info.pax_headers = {"size": "-1536"}
        archive.addfile(info)
    assert "broken or cut short after the member 'a.jpg'" in refused(tmp_path / "a")


def test_a_huge_extended_header_is_not_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a", "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a.jpg")
        info.pax_headers = {"comment": "x" * 2_000_000}
        archive.addfile(info)
    assert "header is larger" in refused(tmp_path / "a")


def test_a_directory_of_too_many_members_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "a", {f"{i}.jpg": b"" for i in range(30)})
    made = []
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *args: made.append(args))
    assert "more than 20 members" in refused(path, SMALL)
    assert made == []


def test_sparse_members_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a", "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("s.jpg")
        info.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": "900000000000", "GNU.sparse.numblocks": "1"}
        archive.addfile(info)
    assert "'s.jpg' is stored as a sparse file" in refused(tmp_path / "a")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "neither"),
        (b"\xff\xd8\xff\xe0 a jpeg", "neither"),
        (b"Rar!\x1a\x07\x01\x00", "RAR"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"PK\x03\x04 cut", "broken"),
        (gzip.compress(b"only text", mtime=0), "no TAR"),
        (b"\x1f\x8b garbage", "broken"),
        (b"BZh9 garbage", "broken"),
        (b"\xfd7zXZ\x00 garbage", "broken"),
    ],
)
def test_what_is_no_archive_says_so(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    assert what in refused(tmp_path / "a.zip")


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


def test_xz_that_asks_for_gigabytes_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    data = bytearray(lzma.compress(bytes(10_000), filters=filters))
    # The dictionary size is one byte of the block header, which ends with its CRC32.
    size = (data[12] + 1) * 4
    assert data[15] == 1
    data[16] = 40
    struct.pack_into("<I", data, 12 + size - 4, zlib.crc32(data[12 : 12 + size - 4]))
    (tmp_path / "a").write_bytes(data)
    assert "cannot be unpacked" in refused(tmp_path / "a")


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
