"""Members that no archive may have: names that leave the folder, links, devices, secrets, too many or too large."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.core._entries import UnsafePathError, normalise
from catalog.core.archives import ArchiveSource
from catalog.core.errors import RefusedArchive
from catalog.core.sources import FolderSource, Limits, StoredFilesSource
from tests.core.packing import SMALL, TAR_MODES, add, make_folder, make_tar, make_zip, refused, stored

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


def test_sparse_members_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a", "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("s.jpg")
        info.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": "900000000000", "GNU.sparse.numblocks": "1"}
        archive.addfile(info)
    assert "'s.jpg' is stored as a sparse file" in refused(tmp_path / "a")


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


def test_a_directory_of_too_many_members_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "a", {f"{i}.jpg": b"" for i in range(30)})
    made = []
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *args: made.append(args))
    assert "more than 20 members" in refused(path, SMALL)
    assert made == []
