"""Reading TAR archives, plain or compressed."""

from __future__ import annotations

import bz2
import gzip
import importlib
import importlib.util
import io
import lzma
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from catalog.core._archive import (
    PACK_AGAIN,
    PACK_OTHERWISE,
    UPLOAD_AGAIN,
    GuardedFile,
    Member,
    OversizedReadError,
    broken_member,
    check_total,
    raise_real_io_error,
    refuse,
)
from catalog.core._entries import Limits, in_bytes, shown
from catalog.core.errors import RefusedArchive

BLOCK = 512
MAX_HEADER_BYTES = 1 << 20
"""A header with its extensions is read into memory at once: a long name and a few attributes."""
MAX_XZ_MEMORY = 256 << 20
"""xz -9 needs 65 MiB to unpack; a hostile header can ask for 4 GiB."""

_CHUNK = 1 << 20


class TarReader:
    """The members of one plain TAR archive; takes over the file."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = GuardedFile(file)

    def members(self) -> Iterator[Member]:
        """The members in order, each checked by its header, then the end of the archive."""
        self._file.seek(0)
        self._file.limit = MAX_HEADER_BYTES
        end = 0
        last = ""
        try:
            with tarfile.TarFile(fileobj=self._file, mode="r") as tar:
                while (info := tar.next()) is not None:
                    # A negative size in an extended header leads back to an earlier one, forever.
                    if info.size < 0 or info.offset < end:
                        raise tarfile.ReadError("the headers go in a circle")
                    yield _member(info)
                    end = info.offset_data + (-(-info.size // BLOCK) * BLOCK if info.isreg() else 0)
                    last = f" after the member {shown(info.name)!r}"
                    # The library keeps every header it has read, a kilobyte each.
                    cast(Any, tar).members.clear()
        except OversizedReadError:
            refuse(f"A header{last} is larger than {in_bytes(MAX_HEADER_BYTES)}.", PACK_AGAIN)
        except (tarfile.TarError, ValueError, OverflowError, EOFError, RecursionError) as error:
            raise RefusedArchive(f"The TAR archive is broken or cut short{last}.", remedy=UPLOAD_AGAIN) from error
        # The library takes a broken header for the end of the archive; the true end is a block of zeros.
        self._file.seek(end)
        if self._file.read(BLOCK) != bytes(BLOCK):
            refuse(f"The TAR archive is broken or cut short{last}.", UPLOAD_AGAIN)
        self._file.limit = None

    def read(self, member: Member) -> bytes:
        """The content of a member."""
        self._file.seek(member.offset)
        data = self._file.read(member.size)
        if len(data) != member.size:
            raise broken_member(member)
        return data

    def close(self) -> None:
        """Close the archive; its scratch file vanishes."""
        self._file.close()


def _member(info: tarfile.TarInfo) -> Member:
    name = shown(info.name)
    if info.issym() or info.islnk():
        refuse(
            f"The member {name!r} is a link to {shown(info.linkname)!r}.",
            "Pack the files themselves: tar --dereference --hard-dereference.",
        )
    if info.isdev():
        refuse(f"The member {name!r} is a device or pipe, not a file.", "Remove it and pack again.")
    if info.issparse():
        refuse(f"The member {name!r} is stored as a sparse file.", "Pack again without --sparse.")
    if not (info.isreg() or info.isdir()):
        refuse(f"The member {name!r} is neither a file nor a folder.", PACK_AGAIN)
    return Member(info.name, info.size if info.isreg() else 0, info.offset_data, info.isdir())


def is_tar_header(block: bytes) -> bool:
    """Whether a first block of 512 bytes begins a TAR archive, be it an empty one."""
    if block == bytes(BLOCK):
        return True
    try:
        tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def unpacked(path: Path, magic: bytes, limits: Limits, scratch: Path | None) -> io.FileIO:
    """The plain TAR within a compressed one, in one unnamed file that vanishes when it is closed.

    Args:
        path: the compressed archive.
        magic: which of `COMPRESSIONS` it begins with.
        limits: checked while unpacking, chunk by chunk.
        scratch: the folder on whose disk the file is made.

    Raises:
        RefusedArchive: broken, cut short, beyond the limits, or no TAR within.
        OSError: the disk fails or is full.
    """
    packed = path.stat().st_size
    total = 0
    with path.open("rb") as file, tempfile.TemporaryFile(dir=scratch) as plain:
        for chunk in _checked(COMPRESSIONS[magic](file)):
            total += len(chunk)
            check_total(total, packed, limits)
            plain.write(chunk)
        plain.seek(0)
        if not is_tar_header(plain.read(BLOCK)):
            refuse("The file is compressed but holds no TAR archive.", PACK_OTHERWISE)
        return io.FileIO(os.dup(plain.fileno()))


def _checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks, with what the codecs raise turned into a refusal."""
    try:
        yield from chunks
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise_real_io_error(error)
        raise RefusedArchive(
            "The compressed archive is broken or cut short: it cannot be unpacked to its end.", remedy=UPLOAD_AGAIN
        ) from error


def _gzip(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(gzip.GzipFile(fileobj=file).read, _CHUNK), b"")


def _bzip2(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(bz2.BZ2File(file).read, _CHUNK), b"")


def _xz(file: BinaryIO) -> Iterator[bytes]:
    """Streams one after another, as `lzma.LZMAFile` reads them, but with a bound on memory."""
    data = file.read(_CHUNK)
    while data:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_XZ_MEMORY)
        yield stream.decompress(data, _CHUNK)
        while not stream.eof:
            more = file.read(_CHUNK) if stream.needs_input else b""
            if stream.needs_input and not more:
                raise EOFError("the stream is cut short")
            yield stream.decompress(more, _CHUNK)
        # Zeros may stand between and after streams.
        data = stream.unused_data.lstrip(b"\0")
        while not data and (more := file.read(_CHUNK)):
            data = more.lstrip(b"\0")


def _zstandard(file: BinaryIO) -> Iterator[bytes]:
    if importlib.util.find_spec("compression") is None:
        refuse("This is a Zstandard archive, which is not read here.", PACK_OTHERWISE)
    module = importlib.import_module("compression.zstd")
    return iter(partial(module.ZstdFile(file).read, _CHUNK), b"")


COMPRESSIONS: dict[bytes, Callable[[BinaryIO], Iterator[bytes]]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": _bzip2,
    b"\xfd7zXZ\x00": _xz,
    b"\x28\xb5\x2f\xfd": _zstandard,
}
"""First bytes of a compressed archive -> its content, chunk by chunk, within bounded memory."""
