"""What a source lists, and the rules that every listed path obeys wherever it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass

SYSTEM_FOLDERS = frozenset({"__MACOSX", "$RECYCLE.BIN", "System Volume Information", "@eaDir"})
SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a source.

    Attributes:
        path: relative POSIX path in the source, without ``.`` and ``..``; unique in the source.
        size: bytes when read.
    """

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """One file that was seen and is not taken, with the reason.

    Attributes:
        path: its path in the source; characters that cannot be stored are escaped.
        code: a short stable key of the reason, e.g. ``link``, ``not-an-image``, ``same-name``.
        message: the reason and what to do about it, for people.
    """

    path: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one upload may hold. What goes beyond is refused before it can fill memory or disk.

    Attributes:
        max_members: files and folders together.
        max_total_bytes: all files, unpacked; of a compressed TAR with its headers.
        max_member_bytes: one file, unpacked.
        max_ratio: unpacked bytes per byte of the archive.
        ratio_floor_bytes: unpacked totals up to this are never called a bomb, whatever their ratio: a few blank
            pictures compress a thousandfold.
        max_path_bytes: UTF-8 bytes of one path; database indexes hold no more than about 2,700.
    """

    max_members: int = 2_000_000
    max_total_bytes: int = 200 * 10**9
    max_member_bytes: int = 512 * 10**6
    max_ratio: float = 200.0
    ratio_floor_bytes: int = 10 * 10**6
    max_path_bytes: int = 1024


class UnsafePathError(ValueError):
    """A path that no source may list; the text completes "the name of ..."."""


def normalise(raw: str, *, max_bytes: int) -> str:
    """The relative POSIX path for a raw one, empty for the root itself.

    Raises:
        UnsafePathError: the path leaves its root, is absolute, or cannot be stored.
    """
    if not raw:
        raise UnsafePathError("is empty")
    if _CONTROL.search(raw.removesuffix("Icon\r")):
        raise UnsafePathError("holds a control character")
    try:
        encoded = raw.encode()
    except UnicodeEncodeError:
        raise UnsafePathError("is not UTF-8 text") from None
    if len(encoded) > max_bytes:
        raise UnsafePathError(f"is {len(encoded):,} bytes long, more than {max_bytes:,}")
    if "\\" in raw:
        raise UnsafePathError("holds a backslash")
    if raw.startswith("/"):
        raise UnsafePathError("is an absolute path")
    parts = [part for part in raw.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UnsafePathError("leads out of its folder (..)")
    path = "/".join(parts)
    if _DRIVE.match(path):
        raise UnsafePathError("begins with a drive letter")
    return path


def is_system_file(path: str) -> bool:
    """Whether a normalised path is housekeeping of an operating system: hidden, or known by name."""
    *folders, name = path.split("/")
    return (
        any(part.startswith(".") or part in SYSTEM_FOLDERS for part in folders)
        or name.startswith(".")
        or name.casefold() in SYSTEM_FILES
    )


def shown(path: str, *, longest: int = 200) -> str:
    """The path as it can be stored and shown: what is no printable text is escaped, and the end is cut."""
    text = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", path)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def in_bytes(size: float) -> str:
    """A size for people, decimal units: ``1.5 MB``."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} GB" if size < 1000 else f"{size:,.0f} GB"
