"""The operator's own checkpoints of architectures that a library knows, one folder for each architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from analysis.core.encoders import _local, _local_model
from analysis.core.encoders._local import LocalFile
from analysis.core.encoders._local_model import LocalModel
from analysis.core.encoders._protocol import Encoder
from analysis.core.encoders._sidecar import Fields
from analysis.core.encoders._weights import SUFFIXES
from analysis.core.encoders._words import PART
from analysis.core.errors import ModelUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCheckpoint(LocalModel):
    """One checkpoint file in the folder of its architecture.

    What is declared of it is preprocessing, in the library's words; where nothing is, the library's own holds.

    Attributes:
        architecture: the library's name of it, which is the folder's.
    """

    architecture: str


def preprocessing(fields: Fields, interpolations: Sequence[str]) -> dict[str, Any]:
    """What a description says of mean, standard deviation and interpolation; nothing where it leaves them out.

    Raises:
        ModelUnavailable: a field is wrong.
    """
    declared: dict[str, Any] = {}
    for field in ("mean", "std"):
        if fields.has(field):
            declared[field] = fields.channels(field, None, positive=field == "std")
    if fields.has("interpolation"):
        declared["interpolation"] = fields.choice("interpolation", interpolations)
    return declared


Make = Callable[[str, LocalFile], OwnCheckpoint]
"""From architecture and file; raises ModelUnavailable where they do not fit."""


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
            yield from _local_model.present(_local.files(folder, below, SUFFIXES), partial(make, below.name))
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
    below = folder / family / architecture
    files = _local.files(folder, below, SUFFIXES) if PART.fullmatch(architecture) else ()
    return _local_model.find(f"{family}:{rest}", weights, files, partial(make, architecture), below=below)
