"""The operator's own model files: which there are, and names that change with what is in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.core.encoders import _checksums
from analysis.core.encoders._protocol import Advance, Weights, silent
from analysis.core.encoders._words import PART
from analysis.core.errors import ModelUnavailable

SIDECARS = (".json", ".toml")
DIGITS = 8
"""Hexadecimal digits of the content in a name."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A model file in the models folder.

    Attributes:
        path: the file.
        folder: the models folder.
        sidecar: the description beside it; None where there is none.
    """

    path: Path
    folder: Path
    sidecar: Path | None

    @property
    def on_disk(self) -> bool:
        """Whether the file is still there."""
        return self.path.is_file()

    def digest(self, declared: dict[str, Any]) -> str:
        """The end of the name: digits of the file's content and of what is declared of its computation.

        Raises:
            ModelUnavailable: the file cannot be read.
        """
        content = self._sha256()
        if declared:
            text = content + json.dumps(declared, sort_keys=True)
            content = hashlib.sha256(text.encode()).hexdigest()
        return content[:DIGITS]

    def require(self, name: str, declared: dict[str, Any]) -> None:
        """Refuse a file that is gone or has been replaced since the name was made.

        Raises:
            ModelUnavailable: naming the file.
        """
        self.fetch()
        if not name.endswith(f"~{self.digest(declared)}"):
            raise ModelUnavailable(
                f"{self.path} has been replaced: it is no longer {name}.",
                remedy="Put the former file back, or compute again under the new name.",
            )

    def weights(self) -> Weights | None:
        """The file and its description."""
        if not self.on_disk:
            return None
        files = (self.path, self.sidecar) if self.sidecar else (self.path,)
        checksum = "beside it" if self._stated.is_file() else "none"
        return Weights(files, sum(file.stat().st_size for file in files), checksum)

    def verify(self) -> str:
        """Compare the file, read again, with the checksum in a file beside it, if there is one."""
        if not self.on_disk:
            raise ModelUnavailable(f"{self.path} is gone.", remedy="Put it back.")
        if not self._stated.is_file():
            return f"there is no {self._stated.name} to compare it with"
        stated = self._stated.read_text().split()
        found = _checksums.compute(self.path)
        if not stated or stated[0].lower() != found:
            raise ModelUnavailable(
                f"{self.path} has another checksum than {self._stated.name} states.",
                remedy="Copy the file again from where it came from.",
            )
        return f"it has the checksum of {self._stated.name}"

    def fetch(self, advance: Advance = silent) -> None:
        """Nothing to do while the file is there."""
        if not self.on_disk:
            raise ModelUnavailable(
                f"{self.path} is gone, and it is no published model that could be downloaded.", remedy="Put it back."
            )

    @property
    def _stated(self) -> Path:
        return self.path.with_name(f"{self.path.name}.sha256")

    def _sha256(self) -> str:
        try:
            return _checksums.sha256_of(self.path, self.folder)
        except OSError as error:
            raise ModelUnavailable(
                f"{self.path} cannot be read: {error.strerror}.", remedy="Check its rights."
            ) from error


def files(folder: Path, below: Path, suffixes: Sequence[str]) -> Iterator[LocalFile | ModelUnavailable]:
    """The model files of one folder, by name, and what is wrong with those that cannot be used.

    Args:
        folder: the models folder.
        below: the folder in it that is looked through; it need not exist.
        suffixes: what model files end in.
    """
    try:
        for path in inside(below):
            if path.suffix in suffixes and not path.is_dir():
                try:
                    yield local_file(folder, path)
                except ModelUnavailable as problem:
                    yield problem
    except ModelUnavailable as problem:
        yield problem


def inside(below: Path) -> list[Path]:
    """What a folder holds, by name, but for hidden files; nothing where there is no folder.

    Raises:
        ModelUnavailable: it may not be read.
    """
    try:
        return sorted(path for path in below.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ModelUnavailable(f"{below} cannot be read: {error.strerror}.", remedy="Check its rights.") from error


def local_file(folder: Path, path: Path) -> LocalFile:
    """The model file at this place.

    Raises:
        ModelUnavailable: its name cannot stand in an encoder's name, or two descriptions lie beside it.
    """
    if not path.exists():
        raise ModelUnavailable(f"{path} points to a file that is not there.", remedy="Mend the link, or remove it.")
    if not PART.fullmatch(path.stem):
        raise ModelUnavailable(
            f"{path} cannot be named: letters, digits, dots, dashes and underscores are allowed.",
            remedy="Rename the file.",
        )
    beside = [path.with_suffix(suffix) for suffix in SIDECARS if path.with_suffix(suffix).is_file()]
    if len(beside) > 1:
        raise ModelUnavailable(
            f"{path} has two descriptions, {beside[0].name} and {beside[1].name}.", remedy="Remove one of them."
        )
    return LocalFile(path, folder, beside[0] if beside else None)
