"""ZIP archives whose bytes follow from their content alone: no clock, no user, no system in them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_PERMISSIONS = 0o100644 << 16
_NAME_BYTES = 120
# Letters and digits of every script, and marks that no shell, Windows or archive tool treats as a path.
_UNSAFE = re.compile(r"[^\w \-.()+,=@&']")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class ArchiveWriter:
    """Writes members one after another into a ZIP file.

    Args:
        stream: where the archive goes; seekable.
        compress: whether members are deflated. Stored members make the bytes independent of the version of zlib.
    """

    def __init__(self, stream: BinaryIO, *, compress: bool) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED)

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def write(self, path: str, content: bytes | Iterable[bytes]) -> tuple[str, int]:
        """Add one file.

        Returns:
            SHA-256 in hexadecimal, and number of bytes.
        """
        info = zipfile.ZipInfo(path, _EPOCH)
        info.create_system, info.external_attr, info.compress_type = _UNIX, _PERMISSIONS, self._zip.compression
        digest, size = hashlib.sha256(), 0
        # The length is not known before: a file may exceed what the short header can say.
        with self._zip.open(info, "w", force_zip64=True) as member:
            for chunk in [content] if isinstance(content, bytes) else content:
                member.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        return digest.hexdigest(), size


class SafeNames:
    """Gives file names that stay in their folder on every system, each once (whatever case is ignored)."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, wanted: str, suffix: str = "") -> str:
        """A name as close to `wanted` as is safe; a number is added where it is taken.

        Args:
            wanted: any text; slashes and whatever a path could mean become ``_``.
            suffix: such as ``.jpg``, kept at the end.
        """
        text = _UNSAFE.sub("_", unicodedata.normalize("NFC", wanted)).strip(" .")
        text = text.encode()[:_NAME_BYTES].decode(errors="ignore").rstrip(" .") or "_"
        if _RESERVED.fullmatch(text):
            text = f"_{text}"
        number, found = 1, f"{text}{suffix}"
        while found.casefold() in self._taken:
            number += 1
            found = f"{text}~{number}{suffix}"
        self._taken.add(found.casefold())
        return found


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
