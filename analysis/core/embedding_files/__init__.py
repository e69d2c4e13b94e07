"""Files of embeddings that were made elsewhere: read strictly and in batches, written so that they read back the same.

A file holds one embedding in each row; of which images the rows are, the caller says. That one has read the lists of
names, and knows which images there are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    "open_embeddings",
    "read_embeddings",
    "write_lists",
    "write_npy_folder",
]

ARRAY_FILE, NAMES_FILE, LABELS_FILE = "embeddings.npy", "names.json", "labels.json"

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
        labels: the labels of each image: one is written as a text, several as a list, none as null.
        vectors: float32, shape (n, dim).

    Raises:
        BrokenEmbeddings: not one row and one list of labels for each name.
    """
    if not len(names) == len(labels) == len(vectors):
        told = Told(ARRAY_FILE, names)
        told.refuse(f"{len(vectors):,} rows and {len(labels):,} lists of labels for {len(names):,} names", ONE_EACH)
    np.save(folder / ARRAY_FILE, np.ascontiguousarray(vectors, np.float32), allow_pickle=False)
    write_lists(folder, names=names, labels=labels)


def write_lists(folder: Path, *, names: Sequence[str], labels: Sequence[Sequence[str]]) -> None:
    """Write the two lists that lie beside the array, also where there is none; arguments as `write_npy_folder`."""
    (folder / NAMES_FILE).write_text(json.dumps(list(names)), encoding="utf-8")
    written = [None if not one else one[0] if len(one) == 1 else list(one) for one in labels]
    (folder / LABELS_FILE).write_text(json.dumps(written), encoding="utf-8")
