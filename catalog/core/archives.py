"""ZIP and TAR archives that nobody vouches for: listed, checked and read without writing a single name to disk.

Headers are checked before anything is read, and read data against the headers, because headers lie. An archive that
breaks one rule is refused whole: what else is in it cannot be trusted, and half a dataset is worse than none.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from catalog.core._archive import PACK_OTHERWISE, Member, check_total, refuse, refuse_count
from catalog.core._entries import (
    Entry,
    Limits,
    Refusal,
    UnsafePathError,
    in_bytes,
    is_system_file,
    normalise,
    shown,
)
from catalog.core._tar import BLOCK, COMPRESSIONS, TarReader, is_tar_header, unpacked
from catalog.core._zip import MAGICS, ZipReader

__all__ = ["ArchiveSource", "Limits"]

_FOREIGN = {b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!\x1a\x07": "a RAR archive"}


class _Reader(Protocol):
    def members(self) -> Iterator[Member]: ...

    def read(self, member: Member) -> bytes: ...

    def close(self) -> None: ...


class ArchiveSource:
    """The files of a ZIP (stored or Deflate) or a TAR (plain, gzip, bzip2, xz), told by content, not by suffix.

    A compressed TAR is unpacked once, into one unnamed scratch file, so that any member can be read at any time and
    nothing is left behind even when the process is killed. An archive inside the archive is a file like any other.

    Args:
        path: the archive.
        limits: how much is taken; the defaults of `Limits` otherwise.
        scratch: folder on whose disk a compressed TAR is unpacked; the system's temporary folder otherwise.

    Raises:
        RefusedArchive: broken, cut short, hostile, beyond the limits, or no archive.
        OSError: the disk fails or is full.
    """

    def __init__(self, path: Path, *, limits: Limits | None = None, scratch: Path | None = None) -> None:
        limits = limits or Limits()
        self._members: dict[str, Member] = {}
        self.refused: Sequence[Refusal] = ()
        self.left_out = 0
        self._reader = _open_reader(path, limits, scratch)
        try:
            self._list(path.stat().st_size, limits)
        except BaseException:
            self._reader.close()
            raise

    def _list(self, packed: int, limits: Limits) -> None:
        system: set[str] = set()
        total = 0
        for number, member in enumerate(self._reader.members(), start=1):
            if number > limits.max_members:
                refuse_count(limits)
            path = _safe_path(member, limits)
            if member.is_folder:
                continue
            if path in self._members or path in system:
                refuse(f"The archive holds {shown(path)!r} twice.", "Remove one of the two and pack again.")
            if member.size > limits.max_member_bytes:
                limit = in_bytes(limits.max_member_bytes)
                refuse(
                    f"The member {shown(path)!r} has {in_bytes(member.size)}; at most {limit} are read.",
                    "Remove it, or store it smaller.",
                )
            total += member.size
            check_total(total, packed, limits)
            if is_system_file(path):
                system.add(path)
            else:
                self._members[path] = member
        self.left_out = len(system)

    def entries(self) -> Sequence[Entry]:
        """The files, sorted by path."""
        return [Entry(path, self._members[path].size) for path in sorted(self._members)]

    def read(self, path: str) -> bytes:
        """The content of one member, checked against its header.

        Raises:
            KeyError: the archive lists no such path.
            RefusedArchive: the archive is broken here.
        """
        return self._reader.read(self._members[path])

    def open(self, path: str) -> BinaryIO:
        """The content of one member as a stream, held in memory; errors as `read`."""
        return io.BytesIO(self.read(path))

    def iterate(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """These members in the order in which they lie in the archive; errors as `read`."""
        for path in sorted(set(paths), key=lambda path: self._members[path].offset):
            yield path, self.read(path)

    def close(self) -> None:
        """Close the archive and give its scratch space back."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _safe_path(member: Member, limits: Limits) -> str:
    try:
        path = normalise(member.name, max_bytes=limits.max_path_bytes)
        if not path and not member.is_folder:
            raise UnsafePathError("is empty")
    except UnsafePathError as error:
        refuse(
            f"The name of the member {shown(member.name)!r} {error}.",
            "Rename that file and pack again, from inside the folder and with relative names.",
        )
    return path


def _open_reader(path: Path, limits: Limits, scratch: Path | None) -> _Reader:
    with path.open("rb") as file:
        head = file.read(BLOCK)
    if head.startswith(MAGICS):
        return ZipReader(path, limits)
    for magic in COMPRESSIONS:
        if head.startswith(magic):
            return TarReader(unpacked(path, magic, limits, scratch))
    if is_tar_header(head):
        return TarReader(io.FileIO(path))
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            refuse(f"This is {name}, which is not read here.", PACK_OTHERWISE)
    refuse("The file is neither a ZIP nor a TAR archive.", f"{PACK_OTHERWISE} Or upload the folder itself.")
