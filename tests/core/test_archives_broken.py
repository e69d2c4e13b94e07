"""Archives that are broken or lie of themselves: refused whole, with words, and without costing memory."""

from __future__ import annotations

import gzip
import lzma
import os
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.core.packing import TAR_MODES, add, make_tar, make_zip, refused


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
