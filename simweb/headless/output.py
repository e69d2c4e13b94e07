"""The folder that results are written into: all of a run or nothing of it, in the place of the run before."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

from analysis.core.report import ReportFile

SUMMARY = "overlap_summary.json"
"""Written last, so that a folder that has it is complete; names every other file of the run."""


class Output:
    """Files are made beside their places and moved there together; a run that stops leaves the folder as it was.

    A context manager.

    Args:
        out: the folder; made where it is not there.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._made = not out.exists()
        self._written: list[str] = []
        self._stage = out

    def __enter__(self) -> Self:
        self._out.mkdir(parents=True, exist_ok=True)
        # In the folder itself: only there is moving a file certain not to be copying it.
        self._stage = Path(tempfile.mkdtemp(prefix=".writing-", dir=self._out))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._stage, ignore_errors=True)
        if self._made and not any(self._out.iterdir()):
            self._out.rmdir()

    @property
    def written(self) -> Sequence[str]:
        """The files so far, in order."""
        return tuple(self._written)

    def write(self, file: ReportFile) -> None:
        """Make a file."""
        self._written.append(file.path)
        place = self._stage / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as stream:
            stream.writelines(file.chunks())

    def commit(self, summary: dict[str, Any]) -> None:
        """Put everything into its place, and take away what an earlier run wrote and this one did not."""
        before = _files_of(self._out / SUMMARY)
        (self._out / SUMMARY).unlink(missing_ok=True)
        for path in self._written:
            place = self._out / path
            place.parent.mkdir(parents=True, exist_ok=True)
            (self._stage / path).replace(place)
        for path in before - set(self._written):
            self._remove(path)
        staged = self._stage / SUMMARY
        staged.write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        staged.replace(self._out / SUMMARY)

    def _remove(self, path: str) -> None:
        place = self._out / path
        if place.is_symlink() or not place.is_file() or not place.resolve().is_relative_to(self._out.resolve()):
            return
        place.unlink()
        for folder in place.relative_to(self._out).parents:
            if folder == Path() or any((self._out / folder).iterdir()):
                return
            (self._out / folder).rmdir()


def _files_of(summary: Path) -> set[str]:
    """The files that an earlier run says it wrote; nothing where the summary is not one of ours."""
    try:
        files = json.loads(summary.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    if not isinstance(files, list):
        return set()
    paths = [PurePosixPath(path) for path in files if isinstance(path, str)]
    return {str(path) for path in paths if not path.is_absolute() and ".." not in path.parts and path.parts}
