"""What the readers of ZIP and TAR share: members, refusals, and a file that bounds what a header can ask for."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from dataclasses import dataclass
from typing import NoReturn

from catalog.core._entries import Limits, in_bytes, shown
from catalog.core.errors import RefusedArchive

PACK_AGAIN = "Pack the files again and upload the new archive."
UPLOAD_AGAIN = "Upload it again; if that fails too, pack the files again."
PACK_OTHERWISE = "Pack the files as ZIP or .tar.gz."
DIVIDE = "Divide it into several datasets."


@dataclass(frozen=True, slots=True)
class Member:
    """One member as its header states it; `offset` orders members as they lie in the archive."""

    name: str
    size: int
    offset: int
    is_folder: bool = False
    info: zipfile.ZipInfo | None = None


class OversizedReadError(Exception):
    """A header asks for more memory than any honest one."""


class GuardedFile(io.BufferedReader):
    """A file that refuses large reads while the standard library parses headers that nobody vouches for.

    Attributes:
        limit: most bytes in one read; None once the headers are parsed.
        mark: (bytes, most occurrences in one read): counts directory records before objects are made of them.
    """

    limit: int | None = None
    mark: tuple[bytes, int] | None = None

    def read(self, size: int | None = -1) -> bytes:
        """As any file, within the limit.

        Raises:
            OversizedReadError: more than `limit` bytes, or more than the stated number of marks in them.
        """
        if self.limit is None:
            return super().read(size)
        if size is None or size < 0:
            size = max(0, os.fstat(self.fileno()).st_size - self.tell())
        if size > self.limit:
            raise OversizedReadError
        data = super().read(size)
        if self.mark is not None and data.count(self.mark[0]) > self.mark[1]:
            raise OversizedReadError
        return data


def refuse(message: str, remedy: str) -> NoReturn:
    """Refuse the archive whole."""
    raise RefusedArchive(message, remedy=remedy)


def refuse_count(limits: Limits) -> NoReturn:
    """Refuse the archive for the number of its members."""
    refuse(f"The archive has more than {limits.max_members:,} members.", DIVIDE)


def check_total(total: int, packed: int, limits: Limits) -> None:
    """Refuse the archive where `total` unpacked bytes are too many, or too many for its `packed` bytes."""
    if total > limits.max_total_bytes:
        refuse(f"The archive unpacks to more than {in_bytes(limits.max_total_bytes)}.", DIVIDE)
    if total > max(limits.ratio_floor_bytes, limits.max_ratio * packed):
        refuse(
            f"The archive has {in_bytes(packed)} and unpacks to more than {limits.max_ratio:g} times that, "
            "as archives do that are made to fill a disk.",
            "Remove large blank files, or upload the files as a folder.",
        )


def broken_member(member: Member) -> RefusedArchive:
    """The error for a member whose content contradicts its header."""
    return RefusedArchive(
        f"The archive is broken at {shown(member.name)!r}: its content does not agree with its header.",
        remedy=UPLOAD_AGAIN,
    )


def raise_real_io_error(error: Exception) -> None:
    """Raise again what the operating system reported; codecs use OSError without a number for broken data."""
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        raise error
