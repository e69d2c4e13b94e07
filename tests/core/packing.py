"""Archives and folders of given files, and what a source reads of them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from catalog.core.archives import ArchiveSource
from catalog.core.errors import RefusedArchive
from catalog.core.sources import Limits, Source

SMALL = Limits(max_members=20, max_total_bytes=30_000, max_member_bytes=5_000, max_ratio=20, ratio_floor_bytes=2_000)
TAR_MODES = ["w", "w:gz", "w:bz2", "w:xz"]


def make_zip(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path.write_bytes(zipped(files, method))
    return path


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


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
