"""Files of embeddings that were made elsewhere: read strictly and in batches, written so that they read back the same.

A file holds one embedding in each row; of which images the rows are, the caller says. That one has read the lists of
names, and knows which images there are.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.embedding_files._csv import open_csv
from analysis.core.embedding_files._npy import open_npy
from analysis.core.embedding_files._opened import (
    MAX_DIM,
    ONE_EACH,
    VECTOR_COLUMNS,
    Batch,
    BrokenEmbeddings,
    EmbeddingFile,
    Told,
)
from analysis.core.embedding_files._parquet import open_parquet

__all__ = [
    "MAX_DIM",
    "VECTOR_COLUMNS",
    "Batch",
    "BrokenEmbeddings",
    "EmbeddingFile",
    "array_chunks",
    "labels_json",
    "names_json",
    "open_embeddings",
    "read_embeddings",
    "write_npy_folder",
]

ARRAY_FILE, NAMES_FILE, LABELS_FILE = "embeddings.npy", "names.json", "labels.json"

_ROWS_AT_ONCE = 4096

_OPENERS = {"npy": open_npy, "parquet": open_parquet, "csv": open_csv}


def open_embeddings(file_name: str, stream: BinaryIO, names: Sequence[str]) -> EmbeddingFile:
    """Open a file of embeddings, told by its suffix: ``.npy``, ``.parquet`` or ``.csv``.

    Args:
        file_name: names the embeddings where the file itself does not, and stands in messages.
        stream: the content, from its beginning; must be seekable, and stay open while batches are read.
        names: the name of each row's image, in order.

    Raises:
        BrokenEmbeddings: no such file, or none with one embedding of 1 to `MAX_DIM` numbers for each name.
    """
    told = Told(file_name, names)
    suffix = file_name.rpartition(".")[2].casefold()
    if suffix not in _OPENERS:
        told.refuse("no file of embeddings that is known", f"There are: .{', .'.join(_OPENERS)}.")
    return _OPENERS[suffix](told, stream)


def read_embeddings(file_name: str, stream: BinaryIO, names: Sequence[str]) -> Vectors:
    """All embeddings of a file at once; arguments and errors as `open_embeddings` and `EmbeddingFile.batches`."""
    opened = open_embeddings(file_name, stream, names)
    return Vectors(np.concatenate([batch.vectors.values for batch in opened.batches()]))


def write_npy_folder(
    folder: Path, *, names: Sequence[str], labels: Sequence[Sequence[str]], vectors: NDArray[np.float32]
) -> None:
    """Write embeddings as an array, and two lists in its order beside it, as the overlap study publishes them.

    Args:
        folder: where to; it must be there.
        names: the name of each image.
        labels: the labels of each image, written as `labels_json` does.
        vectors: float32, shape (n, dim).

    Raises:
        BrokenEmbeddings: not one row and one list of labels for each name.
    """
    if not len(names) == len(labels) == len(vectors):
        told = Told(ARRAY_FILE, names)
        told.refuse(f"{len(vectors):,} rows and {len(labels):,} lists of labels for {len(names):,} names", ONE_EACH)
    with (folder / ARRAY_FILE).open("wb") as stream:
        stream.writelines(array_chunks(vectors))
    (folder / NAMES_FILE).write_bytes(names_json(names))
    (folder / LABELS_FILE).write_bytes(labels_json(labels))


def array_chunks(vectors: NDArray[np.float32]) -> Iterator[bytes]:
    """The array's file as `numpy.save` writes it, some rows at a time; float32, shape (n, dim)."""
    values = np.ascontiguousarray(vectors, np.float32)
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(values))
    yield head.getvalue()
    for start in range(0, len(values), _ROWS_AT_ONCE):
        yield values[start : start + _ROWS_AT_ONCE].tobytes()


def names_json(names: Sequence[str]) -> bytes:
    """The list of names beside the array."""
    return json.dumps(list(names)).encode()


def labels_json(labels: Sequence[Sequence[str]]) -> bytes:
    """The list of labels beside the array: one is a text, several are a list, none is null."""
    return json.dumps([None if not one else one[0] if len(one) == 1 else list(one) for one in labels]).encode()
