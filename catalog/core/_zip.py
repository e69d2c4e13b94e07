"""Reading ZIP archives, stored or Deflate."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from catalog.core._archive import (
    PACK_AGAIN,
    UPLOAD_AGAIN,
    GuardedFile,
    Member,
    OversizedReadError,
    broken_member,
    raise_real_io_error,
    refuse,
    refuse_count,
)
from catalog.core._entries import Limits, shown
from catalog.core.errors import RefusedArchive

MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
MAX_DIRECTORY_BYTES = 512 * 10**6
"""The central directory is read into memory at once: about 250 bytes a member at two million members."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNIX_SYSTEMS = (3, 19)
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


class ZipReader:
    """The members of one ZIP archive.

    Raises:
        RefusedArchive: the central directory cannot be read, or lists too many members.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._packed = path.stat().st_size
        self._file = GuardedFile(io.FileIO(path))
        self._file.limit = MAX_DIRECTORY_BYTES
        # Every record of the central directory begins so; counting them is cheap, an object for each is not.
        self._file.mark = (b"PK\x01\x02", limits.max_members)
        try:
            self._zip = zipfile.ZipFile(self._file)
        except OversizedReadError:
            self._file.close()
            refuse_count(limits)
        except _ERRORS as error:
            self._file.close()
            raise_real_io_error(error)
            raise RefusedArchive(
                "The ZIP archive is broken or cut short: its directory cannot be read.", remedy=UPLOAD_AGAIN
            ) from error
        self._file.limit = None

    def members(self) -> Iterator[Member]:
        """The members in order of the directory, each checked by its header."""
        packed = 0
        for info in self._zip.infolist():
            name = _name(info)
            _check_kind(info, name)
            packed += info.compress_size
            if packed > self._packed:
                refuse(
                    f"The members overlap at {shown(name)!r}, as in archives that are made to fill a disk.", PACK_AGAIN
                )
            yield Member(name, info.file_size, info.header_offset, name.endswith("/"), info)

    def read(self, member: Member) -> bytes:
        """The content of a member, checked against its size and checksum."""
        if member.info is None:
            raise TypeError(f"{member.name} is no member of a ZIP archive")
        try:
            with self._zip.open(member.info) as stream:
                # With a size the library unpacks no more than that, whatever the data hold.
                data = stream.read(member.size + 1)
        except _ERRORS as error:
            raise_real_io_error(error)
            raise broken_member(member) from error
        if len(data) != member.size:
            raise broken_member(member)
        return data

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()
        self._file.close()


def _check_kind(info: zipfile.ZipInfo, name: str) -> None:
    if info.flag_bits & _ENCRYPTED:
        refuse(f"The member {shown(name)!r} is encrypted.", "Pack the files again without a password.")
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system in _UNIX_SYSTEMS else 0
    if kind == stat.S_IFLNK:
        refuse(f"The member {shown(name)!r} is a symbolic link.", "Pack the file itself in its place.")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        refuse(f"The member {shown(name)!r} is a device or pipe, not a file.", "Remove it and pack again.")
    if info.compress_type not in _METHODS:
        # The standard library unpacks the other methods without a bound on memory.
        refuse(
            f"The member {shown(name)!r} is compressed by a method that is not read here.",
            "Pack the files again as ZIP with the usual method (Deflate), or as .tar.gz.",
        )


def _name(info: zipfile.ZipInfo) -> str:
    """The name as it was packed: macOS writes UTF-8 without saying so, which the library reads as code page 437."""
    name = info.orig_filename
    if info.flag_bits & _UTF8_NAME or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name
