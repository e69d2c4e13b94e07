"""Encoders in the operator's own files: what a checkpoint and a file with a description have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.core.encoders._declared import ForPeople
from analysis.core.encoders._local import LocalFile
from analysis.core.encoders._memory import check_room
from analysis.core.encoders._protocol import Advance, Encoder, LoadedEncoder, Weights, silent
from analysis.core.errors import ModelUnavailable, UnknownName


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel(ABC):
    """A model in one file of the models folder.

    Attributes:
        name: family, architecture where there is one, the file's stem, ``~`` and digits of its content and of
            `declared`.
        file: the file.
        people: what a description beside it says to people.
        declared: what a description beside it says that the vectors depend on.
    """

    name: str
    file: LocalFile
    people: ForPeople
    declared: dict[str, Any] = field(hash=False)  # a dictionary has none, and the name says the same

    has_text = False

    @property
    def title(self) -> str:
        """As described, or by the file."""
        return self.people.title

    @property
    def summary(self) -> str:
        """As described."""
        return self.people.summary

    @property
    def dim(self) -> int | None:
        """As described, where only loading tells."""
        return self.people.dim

    @property
    def default_distance(self) -> float:
        """As described."""
        return self.people.default_distance

    @property
    def on_disk(self) -> bool:
        """Whether the file is still there."""
        return self.file.on_disk

    def weights(self) -> Weights | None:
        """The file and its description."""
        return self.file.weights()

    def verify(self) -> str:
        """Compare the file with a checksum beside it."""
        return self.file.verify()

    def fetch(self, advance: Advance = silent) -> None:
        """Only its owner can bring it."""
        self.file.fetch(advance)

    def load(self, device: str | None = None, *, may_fetch: bool = False) -> LoadedEncoder:
        """Load it; the file must still be what it was."""
        self.file.require(self.name, self.declared)
        check_room(self.name, self.file.path.stat().st_size)
        return self.build(device)

    @abstractmethod
    def build(self, device: str | None) -> LoadedEncoder:
        """The model of this file, in memory.

        Raises:
            ModelUnavailable: the file is broken, or does not fit what is said of it.
        """


Make = Callable[[LocalFile], LocalModel]
"""From a file to its model; raises ModelUnavailable where it cannot be used."""

Files = Iterable[LocalFile | ModelUnavailable]
"""The files of one folder, as `_local.files` gives them."""


def present(files: Files, make: Make) -> Iterator[Encoder | ModelUnavailable]:
    """The models of the files, and what is wrong with those that cannot be used."""
    for file in files:
        try:
            yield make(file) if isinstance(file, LocalFile) else file
        except ModelUnavailable as problem:
            yield problem


def find(name: str, part: str, files: Files, make: Make, *, below: Path) -> Encoder:
    """The model of this name among the files of a folder.

    Args:
        name: the whole name.
        part: the file's part of it, stem and digits.
        files: the files.
        make: makes the model of a file; called for those of this stem.
        below: their folder, for messages.

    Raises:
        UnknownName: the name is none of a local file.
        ModelUnavailable: it is, but the file is gone, has changed or cannot be used.
    """
    stem = part.partition("~")[0]
    now = []
    for file in files:
        if isinstance(file, LocalFile) and file.path.stem == stem:
            found = make(file)
            if found.name == name:
                return found
            now.append(found.name)
    if now and "~" not in name:
        raise ModelUnavailable(
            f"{name} does not say which content of the file is meant.", remedy=f"It is {' or '.join(now)} now."
        )
    if now:
        raise ModelUnavailable(
            f"The file of {name} has been replaced, or what is declared of it: it is {' or '.join(now)} now.",
            remedy="Put the former file back, or compute again under the new name.",
        )
    if "~" in name:
        raise ModelUnavailable(f"The file of {name} is not on this machine.", remedy=f"Put it into {below} as it was.")
    raise UnknownName(
        f"There is no encoder {name!r}.", remedy="python manage.py models list shows those that are here."
    )
