"""The operator's own checkpoints of architectures that a library knows, one folder for each architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.core.encoders import _local
from analysis.core.encoders._declared import ForPeople
from analysis.core.encoders._local import LocalFile
from analysis.core.encoders._memory import check_room
from analysis.core.encoders._protocol import Advance, Encoder, LoadedEncoder, Weights, silent
from analysis.core.encoders._weights import SUFFIXES
from analysis.core.encoders._words import PART
from analysis.core.errors import ModelUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCheckpoint(ABC):
    """One checkpoint file in the folder of its architecture.

    Attributes:
        name: family, architecture, the file's stem, ``~`` and digits of its content and of `declared`.
        architecture: the library's name of it, which is the folder's.
        file: the checkpoint.
        people: what a description beside it says to people.
        declared: what a description beside it says of preprocessing, in the library's words; empty where it says
            nothing and the library's own holds.
    """

    name: str
    architecture: str
    file: LocalFile
    people: ForPeople
    declared: dict[str, Any]

    has_text = False

    @property
    def title(self) -> str:
        """As described; else file and architecture."""
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
        """Load it."""
        self.file.require(self.name, self.declared)
        check_room(self.name, self.file.path.stat().st_size)
        return self.build(device)

    @abstractmethod
    def build(self, device: str | None) -> LoadedEncoder:
        """The model with the weights of this file."""


Make = Callable[[Path, str, LocalFile], OwnCheckpoint]
"""From models folder, architecture and file; raises ModelUnavailable where they do not fit."""


def present(folder: Path, family: str, make: Make) -> Iterator[Encoder | ModelUnavailable]:
    """The checkpoints of every architecture of a family, and what is wrong with those that cannot be used."""
    root = folder / family
    try:
        inside = _local.inside(root)
    except ModelUnavailable as problem:
        yield problem
        return
    for below in inside:
        if below.is_dir():
            yield from _of(folder, below, make)
        elif below.suffix in SUFFIXES:
            yield ModelUnavailable(
                f"{below} stands outside a folder, so its architecture is not known.",
                remedy=f"Put it into {root}/ARCHITECTURE/.",
            )


def find(folder: Path, family: str, rest: str, make: Make) -> Encoder:
    """The checkpoint of this architecture, stem and content.

    Raises:
        ModelUnavailable, UnknownName: see `Family.find`.
    """
    architecture, _, weights = rest.partition("/")
    stem, _ = _local.split_name(weights)
    below = folder / family / architecture
    now = []
    for file in _local.files(folder, below, SUFFIXES) if PART.fullmatch(architecture) else []:
        if isinstance(file, LocalFile) and file.path.stem == stem:
            found = make(folder, architecture, file)
            if found.name == f"{family}:{rest}":
                return found
            now.append(found.name)
    raise _local.changed(f"{family}:{rest}", now, below)


def _of(folder: Path, below: Path, make: Make) -> Iterator[Encoder | ModelUnavailable]:
    for file in _local.files(folder, below, SUFFIXES):
        try:
            yield make(folder, below.name, file) if isinstance(file, LocalFile) else file
        except ModelUnavailable as problem:
            yield problem
