"""What an encoder promises, on disk and in memory, whatever family of models it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.errors import ModelUnavailable
from analysis.core.registry import Offered

DEFAULT_DISTANCE = 0.1
"""Cosine distance at which two images are worth a look, where nothing better is known of a model."""

Advance = Callable[[str, int, int], None]
"""Told of a download: the file's name, bytes that are there, bytes in all (0 where the sender does not say)."""


def silent(what: str, done: int, total: int) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of a model on this machine.

    Attributes:
        files: the files, the one with the weights first.
        size: bytes of all of them.
        checksum: what their checksums are known from: ``fetched`` (they are compared with what was downloaded),
            ``beside it`` (a ``.sha256`` file of the operator's), ``cache`` (the library's own), or ``none``.
    """

    files: tuple[Path, ...]
    size: int
    checksum: str


class LoadedEncoder(Protocol):
    """A model in memory. `prepare` may be called from many threads, the rest from one at a time."""

    @property
    def name(self) -> str:
        """The encoder's name."""
        ...

    @property
    def dim(self) -> int:
        """Number of dimensions of its vectors."""
        ...

    @property
    def device(self) -> str:
        """Where it computes: ``cpu``, ``cuda:0``, ``mps``."""
        ...

    @property
    def batch_size(self) -> int:
        """A sensible number of images at a time to begin with."""
        ...

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[Any]:
        """Preprocess one image, as the model was trained on it.

        Args:
            rgb: uint8, shape (height, width, 3).

        Returns:
            An array of one shape and dtype for all images, so that a batch can be stacked.
        """
        ...

    def encode(self, prepared: Sequence[NDArray[Any]] | NDArray[Any]) -> Vectors:
        """The vectors of one batch of prepared images, in their order.

        Raises:
            OutOfMemory: the batch does not fit; a smaller one may.
            ModelUnavailable: the model gives something that is no vector, such as values that are not finite.
        """
        ...

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, in the same space as those of images.

        Raises:
            ModelUnavailable: the model has no text tower, or its tokenizer is not on this machine.
        """
        ...


class Encoder(Offered, Protocol):
    """A model with its weights, not loaded: cheap to make, to list and to pass around."""

    @property
    def name(self) -> str:
        """Storage key that states family, model and weights, e.g. ``openclip:ViT-B-32/openai``.

        For the operator's own files it ends in ``~`` and 8 hexadecimal digits of the content of the file and of what
        is declared of its preprocessing: when either changes, so does the name.
        """
        ...

    @property
    def dim(self) -> int | None:
        """Number of dimensions; None where only loading tells."""
        ...

    @property
    def has_text(self) -> bool:
        """Whether it has a text tower."""
        ...

    @property
    def default_distance(self) -> float:
        """Cosine distance at which two images are worth a look."""
        ...

    @property
    def on_disk(self) -> bool:
        """Whether its weights are on this machine, in the models folder or in the library's cache."""
        ...

    def weights(self) -> Weights | None:
        """Its files on this machine; None where there are none."""
        ...

    def verify(self) -> str:
        """Read every file again and compare it with its checksum.

        Returns:
            What was compared, in words for people.

        Raises:
            ModelUnavailable: a file is missing or is not what it was; the message names it.
        """
        ...

    def fetch(self, advance: Advance = silent) -> None:
        """Download the weights into the models folder, with their checksums. Nothing happens where they are there.

        Raises:
            ModelUnavailable: they cannot be downloaded, or it is a file that only its owner can bring.
        """
        ...

    def load(self, device: str | None = None, *, may_fetch: bool = False) -> LoadedEncoder:
        """Load the model into memory.

        Args:
            device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None chooses by itself.
            may_fetch: download the weights where they are not on this machine. Never from a request of the web.

        Raises:
            ModelUnavailable: the weights are not there, are broken or not what they were, or do not fit into memory.
        """
        ...


class Family(Protocol):
    """One kind of models: one file of this package."""

    @property
    def name(self) -> str:
        """What the names of its encoders begin with, before the colon."""
        ...

    def find(self, rest: str, folder: Path) -> Encoder:
        """The encoder whose name goes on like this after the colon.

        Args:
            rest: the name without the family.
            folder: the models folder, which need not exist.

        Raises:
            UnknownName: there is no such model.
            ModelUnavailable: there is a file of this name, but it has changed or cannot be read.
        """
        ...

    def present(self, folder: Path) -> Iterator[Encoder | ModelUnavailable]:
        """Its encoders that are on this machine, and what is wrong with files that are none."""
        ...

    def recommended(self, folder: Path) -> Iterator[Encoder]:
        """Models of the family that most people want, on this machine or not."""
        ...
