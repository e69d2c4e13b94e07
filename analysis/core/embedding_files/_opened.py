"""An opened file of embeddings: what is the same whatever its format, and what every row of it must be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import UNIT_TOLERANCE, Vectors
from analysis.core.errors import AnalysisError

MAX_DIM = 16_000
"""Dimensions that pgvector stores."""
VECTOR_COLUMNS = ("embedding", "embeddings", "vector", "vectors", "features")
"""Columns of tables that hold embeddings; the first that is there counts."""
MODEL_COLUMN = "model"
BATCH_VALUES = 2_000_000
"""Numbers of one batch: 16 MB while its lengths are computed in double precision."""
LONGEST_STEM = 80
SHOWN = 60
"""Characters of a value or a name in a message."""

ONE_EACH = "Write one row for each name, in the order of the names."

_ROUNDING = 1e-6
"""What single precision loses of a length: rows this close to 1 stay as they are, so what we write reads unchanged."""

Rows = Iterator[NDArray[np.floating[Any]]]
"""Rows of a file, some at a time, shape (k, dim)."""


class BrokenEmbeddings(AnalysisError):
    """A file of embeddings that cannot be read; the message names the file, the row and the image."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the caller says of a file.

    Attributes:
        file_name: its name, for messages and, where it names no model, for the embeddings.
        names: the name of each row's image, in order.
    """

    file_name: str
    names: Sequence[str]

    def refuse(self, what: str, remedy: str, *, row: int | None = None) -> NoReturn:
        """Refuse the file for what is wrong with it, or with one of its rows (counted from 0)."""
        place = self.file_name
        if row is not None:
            place += f", row {row + 1:,}"
            if row < len(self.names):
                place += f" ({self.names[row][:SHOWN]!r})"
        raise BrokenEmbeddings(f"{place}: {what}.", remedy=remedy)

    def refuse_length(self, found: int, dim: int, *, row: int) -> NoReturn:
        """Refuse a row that is not as long as the others."""
        self.refuse(f"{found:,} numbers instead of {dim:,}", "Embeddings of one file are all equally long.", row=row)

    def check(self, dim: int, count: int | None = None) -> None:
        """Refuse a file for its dimensions, or for a number of rows that is not that of the names."""
        if count is not None and count != len(self.names):
            self.refuse(f"{count:,} rows for {len(self.names):,} names", ONE_EACH)
        if not self.names:
            self.refuse("no rows", "Write one embedding for each image.")
        if not 1 <= dim <= MAX_DIM:
            self.refuse(f"embeddings of {dim:,} dimensions", f"1 to {MAX_DIM:,} can be stored.")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some rows of a file.

    Attributes:
        first: the index of its first row in the file.
        vectors: the embeddings, float32, of unit length.
        divided: how many of them were not of unit length in the file, and were divided by it.
    """

    first: int
    vectors: Vectors
    divided: int


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingFile:
    """A file of embeddings that was opened: how long they are is known, the rows are read by `batches`.

    Attributes:
        stem: what they are called: their model where the file names one, else the file's own name; small letters,
            digits and hyphens.
        dim: dimensions of each embedding.
    """

    stem: str
    dim: int
    _told: Told
    _read: Callable[[], Rows]

    @property
    def name(self) -> str:
        """What they are called, with their dimensions: the same embeddings of another dataset have the same name."""
        return f"{self.stem}-{self.dim}"

    def batches(self) -> Iterator[Batch]:
        """All rows, once, in order, some at a time.

        Raises:
            BrokenEmbeddings: a value that is not finite, a row of zeros, of another length or missing, or rows that
                are more or fewer than the names.
        """
        first = 0
        for rows in self._read():
            vectors, divided = _unit(self._told, first, rows)
            yield Batch(first, vectors, divided)
            first += len(rows)
        self._told.check(self.dim, first)


def stem_of(file_name: str, model: str = "") -> str:
    """What embeddings are called; shards of one table share a name."""
    text = model or re.sub(r"-\d{5}-of-\d{5}$", "", Path(file_name).stem)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_STEM].strip("-") or "embeddings"


def one_model(told: Told, found: str | None, model: str) -> str:
    """The model that all rows name.

    Raises:
        BrokenEmbeddings: it is another than the rows before have named.
    """
    if found is not None and model != found:
        told.refuse(
            f"embeddings of several models ({found[:SHOWN]!r} and {model[:SHOWN]!r})", "Write one file for each model."
        )
    return model


def _unit(told: Told, first: int, rows: NDArray[np.floating[Any]]) -> tuple[Vectors, int]:
    """Rows of unit length in single precision, and how many were not of unit length."""
    values = rows.astype(np.float64)
    largest = np.abs(values).max(axis=1)
    if (wrong := np.flatnonzero(~np.isfinite(largest))).size:
        told.refuse(
            "a value is not a finite number", "Encode this image again, or leave it out.", row=first + int(wrong[0])
        )
    if (wrong := np.flatnonzero(largest == 0)).size:
        told.refuse(
            "all values are zero, so it points nowhere",
            "Encode this image again, or leave it out.",
            row=first + int(wrong[0]),
        )
    # Divided by the largest first: squares of very large or very small numbers leave the range of their type.
    scaled = values / largest[:, None]
    lengths = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    off = np.abs(lengths * largest - 1)
    unit = np.where((off <= _ROUNDING)[:, None], values, scaled / lengths[:, None])
    return Vectors(unit.astype(np.float32)), int((off > UNIT_TOLERANCE).sum())
