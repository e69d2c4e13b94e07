"""Published weights in the models folder: what `manage.py models fetch` downloads, with checksums that hold it there.

    fetched/<family>/<model>/.../   the files of one model
        SHA256SUMS                  checksums of the files, as sha256sum writes and checks them
        model.json                  what they are and where they are from

A folder that is copied to a machine without internet is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.core.encoders import _checksums
from analysis.core.encoders._download import Absent, Refused, Source, download
from analysis.core.encoders._protocol import Advance
from analysis.core.encoders._words import fetch_command
from analysis.core.errors import ModelUnavailable

FETCHED = "fetched"
_SUMS = "SHA256SUMS"
_ABOUT = "model.json"


@dataclass(frozen=True, slots=True)
class Store:
    """The place of one model's files.

    Attributes:
        folder: the models folder, which need not exist.
        key: family and model, e.g. ``timm/resnet18.a1_in1k``.
        name: the encoder that its files are fetched for, for messages.
    """

    folder: Path
    key: str
    name: str

    @property
    def home(self) -> Path:
        """The folder of the files."""
        return self.folder / FETCHED / self.key

    def about(self) -> dict[str, Any] | None:
        """What is known of the files; None where there are none."""
        try:
            read = json.loads((self.home / _ABOUT).read_text())
        except (OSError, ValueError):
            return None
        return read if isinstance(read, dict) and self._sums() else None

    def files(self) -> list[Path]:
        """The files, in the order in which they were fetched; none where they are not there."""
        return [self.home / name for name in self._sums()]

    def remember(self, more: dict[str, Any]) -> None:
        """Add to what is known of the files, where the models folder can be written."""
        about = self.about()
        if about is not None:
            with contextlib.suppress(OSError):
                self._write(about | more)

    def verify(self, *, again: bool) -> None:
        """Compare every file with its checksum.

        Args:
            again: read the files, even those that have not been touched since they were read last.

        Raises:
            ModelUnavailable: a file is missing or is not what was fetched.
        """
        for name, stated in self._sums().items():
            path = self.home / name
            try:
                found = _checksums.compute(path) if again else _checksums.sha256_of(path, self.folder)
            except OSError as error:
                raise ModelUnavailable(
                    f"{path} cannot be read: {error.strerror}.", remedy=f"Run: {fetch_command(self.name)}"
                ) from error
            if found != stated:
                raise ModelUnavailable(
                    f"{path} is not what was fetched: its checksum differs.",
                    remedy=f"Fetch it again: {fetch_command(self.name)}",
                )

    def fetch(self, sources: Sequence[Source], about: dict[str, Any], advance: Advance, *, optional: bool) -> None:
        """Download files, unless they are there and sound. One process fetches at a time, others wait for it.

        Args:
            sources: one for each file.
            about: what to remember of them.
            advance: told of progress.
            optional: each source may lack its file, but not all of them.

        Raises:
            ModelUnavailable: they cannot be downloaded.
        """
        try:
            self._fetch(sources, about, advance, optional=optional)
        except Refused as error:
            raise ModelUnavailable(
                f"{self.name} cannot be downloaded ({error}).",
                remedy=f"On a machine with internet run: {fetch_command(self.name)}; then copy its models folder here.",
            ) from error
        except OSError as error:
            raise ModelUnavailable(
                f"{self.home} cannot be written: {error.strerror or error}.",
                remedy="Check the rights of the models folder and the space that is left.",
            ) from error

    def _fetch(self, sources: Sequence[Source], about: dict[str, Any], advance: Advance, *, optional: bool) -> None:
        partial = self.folder / FETCHED / ".partial" / self.key
        partial.mkdir(parents=True, exist_ok=True)
        with _alone(partial.with_name(f"{partial.name}.lock")):
            if self._is_sound():
                return
            files, refused = [], []
            for source in sources:
                try:
                    files.append(download(source, partial, advance))
                except Refused as error:
                    refused.append(error)
                    if not (optional and isinstance(error, Absent)):
                        raise
            if not files:
                raise refused[0]
            # What is not in its place is not there; what is broken there now has been given up.
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir(parents=True)
            for file in files:
                file.path.replace(self.home / file.path.name)
            origins = {file.path.name: file.origin for file in files}
            (self.home / _SUMS).write_text("".join(f"{file.sha256}  {file.path.name}\n" for file in files))
            self._write(about | {"origin": origins})
            shutil.rmtree(partial, ignore_errors=True)

    def _write(self, about: dict[str, Any]) -> None:
        path = self.home / _ABOUT
        new = path.with_suffix(".new")
        new.write_text(json.dumps(about, indent=2) + "\n")
        new.replace(path)

    def _is_sound(self) -> bool:
        try:
            self.verify(again=False)
        except ModelUnavailable:
            return False
        return self.about() is not None

    def _sums(self) -> dict[str, str]:
        """File name → hexadecimal SHA-256."""
        try:
            lines = (self.home / _SUMS).read_text().splitlines()
        except OSError:
            return {}
        pairs = (line.split(maxsplit=1) for line in lines if line.strip())
        return {pair[1].lstrip("*"): pair[0].lower() for pair in pairs if len(pair) == 2 and "/" not in pair[1]}


def keys(folder: Path, family: str) -> Iterator[str]:
    """The models of a family that have been fetched, as keys without the family, by name."""
    root = folder / FETCHED / family
    for about in sorted(root.rglob(_ABOUT)):
        yield about.parent.relative_to(root).as_posix()


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the lock."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
