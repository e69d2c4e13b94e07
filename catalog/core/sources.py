"""Collections of files as people bring them: a folder, an archive, or the files a browser sent one by one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from catalog.core._archive import DIVIDE
from catalog.core._entries import Entry, Limits, Refusal, UnsafePathError, in_bytes, is_system_file, normalise, shown
from catalog.core.archives import ArchiveSource
from catalog.core.errors import RefusedArchive, RefusedImage

__all__ = [
    "ArchiveSource",
    "Entry",
    "FolderSource",
    "Limits",
    "Refusal",
    "Source",
    "StoredFilesSource",
    "open_source",
    "readable",
    "shown",
]


class Source(Protocol):
    """An opened collection of files; close it, or use it as a context manager. Not for several threads at once.

    Files seen = ``entries()`` + ``refused``. Housekeeping of operating systems is not seen, only counted.
    """

    @property
    def refused(self) -> Sequence[Refusal]:
        """Files that cannot be opened whatever they hold, such as links."""
        ...

    @property
    def left_out(self) -> int:
        """System files that were left out: hidden files, ``__MACOSX/``, ``Thumbs.db`` and the like."""
        ...

    def entries(self) -> Sequence[Entry]:
        """The files, sorted by path."""
        ...

    def read(self, path: str) -> bytes:
        """The content of one file.

        Raises:
            KeyError: the source lists no such path.
            RefusedArchive: the archive turns out to be broken here.
            RefusedImage: this one file cannot be read, the others can.
        """
        ...

    def open(self, path: str) -> BinaryIO:
        """The same content as a stream, which the caller closes; members of archives are held in memory."""
        ...

    def iterate(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """These files with their content, in the order in which the source reads fastest.

        Errors as `read`; after a RefusedImage the iterator goes on with the next file.
        """
        ...

    def close(self) -> None:
        """Let go of files and scratch space."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _LooseFiles:
    """What a folder and stored files share: a mapping of safe paths, each file opened by itself."""

    def __init__(self, what: str, limits: Limits) -> None:
        self._what = what
        self._limits = limits
        self._entries: dict[str, Entry] = {}
        self._total = 0
        self.refused: list[Refusal] = []
        self.left_out = 0

    def _take(self, path: str, size: int) -> bool:
        """List one file, or say why not; whether it is listed."""
        if size > self._limits.max_member_bytes:
            limit = in_bytes(self._limits.max_member_bytes)
            self.refused.append(Refusal(path, "too-large", f"The file has {in_bytes(size)}; at most {limit} are read."))
            return False
        self._entries[path] = Entry(path, size)
        self._total += size
        if self._total > self._limits.max_total_bytes:
            raise RefusedArchive(
                f"{self._what} holds more than {in_bytes(self._limits.max_total_bytes)}.", remedy=DIVIDE
            )
        return True

    def _check_count(self) -> None:
        if len(self._entries) + len(self.refused) + self.left_out >= self._limits.max_members:
            raise RefusedArchive(f"{self._what} holds more than {self._limits.max_members:,} files.", remedy=DIVIDE)

    def entries(self) -> Sequence[Entry]:
        return sorted(self._entries.values(), key=lambda entry: entry.path)

    def open(self, path: str) -> BinaryIO:
        raise NotImplementedError

    def read(self, path: str) -> bytes:
        limit = self._limits.max_member_bytes
        with self.open(path) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise RefusedImage("too-large", f"{shown(path)} has more than {in_bytes(limit)}.")
        return data

    def iterate(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        # A map, unlike a generator, can be asked for the next file after one that was refused.
        return map(self._with_content, sorted(set(paths)))

    def _with_content(self, path: str) -> tuple[str, bytes]:
        return path, self.read(path)

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FolderSource(_LooseFiles):
    """The files below a folder on this machine. Links are not followed; each is a refused file.

    Raises:
        RefusedArchive: `root` is no folder, or holds more than the limits allow.
    """

    def __init__(self, root: Path, *, limits: Limits | None = None) -> None:
        super().__init__(f"The folder {shown(str(root))}", limits or Limits())
        self._root = root
        if not root.is_dir():
            raise RefusedArchive(f"There is no folder {shown(str(root))}.", remedy="Check the path.")
        self._walk()
        self.refused.sort(key=lambda refusal: refusal.path)

    def _walk(self) -> None:
        waiting = [(self._root, "")]
        while waiting:
            folder, prefix = waiting.pop()
            with os.scandir(folder) as found:
                for item in found:
                    raw = prefix + item.name
                    if item.is_dir(follow_symlinks=False):
                        waiting.append((Path(item.path), f"{raw}/"))
                        continue
                    self._check_count()
                    try:
                        path = normalise(raw, max_bytes=self._limits.max_path_bytes)
                    except UnsafePathError as error:
                        self.refused.append(Refusal(shown(raw), "unsafe-path", f"The name {error}. Rename the file."))
                        continue
                    self._list(item, path)

    def _list(self, item: os.DirEntry[str], path: str) -> None:
        if is_system_file(path):
            self.left_out += 1
            return
        status = item.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            self._take(path, status.st_size)
            return
        if stat.S_ISLNK(status.st_mode):
            self.refused.append(
                Refusal(path, "link", "A symbolic link, which is not followed. Put the file itself in its place.")
            )
        else:
            self.refused.append(Refusal(path, "special-file", "A device, pipe or socket, not a file."))

    def open(self, path: str) -> BinaryIO:
        """The file itself.

        Raises:
            KeyError: the folder lists no such path.
            RefusedImage: the file is gone, has become a link, or may not be read.
        """
        if path not in self._entries:
            raise KeyError(path)
        try:
            # A file that became a link since it was listed is not followed either.
            return os.fdopen(os.open(self._root / path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        except OSError as error:
            raise RefusedImage(
                "unreadable", f"{shown(path)} cannot be read: {error.strerror}.", remedy="Check that it may be read."
            ) from error


class StoredFilesSource(_LooseFiles):
    """Files that a browser sent one by one and that lie in a store under keys of their own.

    Args:
        files: path as the browser gave it -> opens the stored file for reading.
        sizes: path -> bytes; a file without is opened and measured (its stream must then be seekable).
        limits: how much is taken.

    Raises:
        RefusedArchive: more than the limits allow.
    """

    def __init__(
        self,
        files: Mapping[str, Callable[[], BinaryIO]],
        *,
        sizes: Mapping[str, int] | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__("The upload", limits or Limits())
        self._open: dict[str, Callable[[], BinaryIO]] = {}
        for raw, opener in sorted(files.items()):
            self._check_count()
            try:
                path = normalise(raw, max_bytes=self._limits.max_path_bytes)
                if not path:
                    raise UnsafePathError("is empty")
            except UnsafePathError as error:
                self.refused.append(Refusal(shown(raw), "unsafe-path", f"The name {error}. Rename the file."))
                continue
            if is_system_file(path):
                self.left_out += 1
            elif path in self._open:
                self.refused.append(Refusal(shown(raw), "same-path", f"The upload holds {shown(path)} twice."))
            else:
                size = sizes[raw] if sizes is not None and raw in sizes else _measure(opener)
                if self._take(path, size):
                    self._open[path] = opener

    def open(self, path: str) -> BinaryIO:
        """The stored file; what its store raises is not caught."""
        return self._open[path]()


def _measure(opener: Callable[[], BinaryIO]) -> int:
    with opener() as stream:
        return stream.seek(0, os.SEEK_END)


def readable(
    source: Source, paths: Collection[str], refuse: Callable[[RefusedImage], None]
) -> Iterator[tuple[str, bytes]]:
    """The files of `Source.iterate` that can be read; `refuse` is told of each other one."""
    files = source.iterate(paths)
    while True:
        try:
            yield next(files)
        except StopIteration:
            return
        except RefusedImage as error:
            refuse(error)


def open_source(path: Path, *, limits: Limits | None = None, scratch: Path | None = None) -> Source:
    """Open a folder, or an archive by its content.

    Args:
        path: the folder or the archive file.
        limits: how much is taken; the defaults of `Limits` otherwise.
        scratch: folder on whose disk a compressed TAR is unpacked, into one unnamed file; the system's otherwise.

    Raises:
        RefusedArchive: broken, hostile, beyond the limits, or no archive at all.
    """
    if path.is_dir():
        return FolderSource(path, limits=limits)
    return ArchiveSource(path, limits=limits, scratch=scratch)
