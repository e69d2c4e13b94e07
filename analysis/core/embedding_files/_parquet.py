"""Embeddings in a Parquet table, as a column of lists."""

from __future__ import annotations

from itertools import chain
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from analysis.core.embedding_files._opened import (
    MODEL_COLUMN,
    VECTOR_COLUMNS,
    EmbeddingFile,
    Rows,
    Told,
    one_model,
    stem_of,
)

BATCH_ROWS = 128
"""8 MB at the most dimensions that are stored."""

_WRITE = "Write a column embedding whose cells are lists of float32."


def open_parquet(told: Told, stream: BinaryIO) -> EmbeddingFile:
    """Read the first rows of a table, which say how long embeddings are.

    A few bytes of Parquet can stand for billions of equal numbers in one row, and no header that can be trusted tells:
    who reads files of strangers bounds the memory of the process.

    Raises:
        BrokenEmbeddings: no table with a list of 1 to `MAX_DIM` numbers for each name, or one of several models.
    """
    import pyarrow as pa
    from pyarrow import parquet, types

    try:
        file = parquet.ParquetFile(stream)
        fields = {field.name.casefold(): field for field in file.schema_arrow}
        column = next((fields[key] for key in VECTOR_COLUMNS if key in fields), None)
        if column is None:
            told.refuse(f"no column of embeddings among {', '.join(map(repr, fields))}", _WRITE)
        if not (hasattr(column.type, "value_field") and types.is_floating(column.type.value_type)):
            told.refuse(f"the column {column.name} holds {column.type}, not lists of numbers", _WRITE)
        model = _model(told, file, fields[MODEL_COLUMN].name if MODEL_COLUMN in fields else None)
        rows = _rows(told, file, column.name)
        first: NDArray[np.floating[Any]] = next(rows, np.empty((0, 0), np.float32))
        told.check(first.shape[1], file.metadata.num_rows)
    except (pa.ArrowException, OSError, ValueError) as error:
        _broken(told, error)

    def read() -> Rows:
        try:
            yield from chain([first], rows)
        except (pa.ArrowException, OSError, ValueError) as error:
            _broken(told, error)

    return EmbeddingFile(stem_of(told.file_name, model), first.shape[1], told, read)


def _broken(told: Told, error: Exception) -> NoReturn:
    if isinstance(error, MemoryError):
        told.refuse("its rows unpack to more than memory holds", "Write it as several files.")
    told.refuse(f"it cannot be read as Parquet ({str(error)[:200]})", "Write it again, and upload that.")


def _model(told: Told, file: Any, column: str | None) -> str:
    """The model that the metadata or a column names; empty where none does."""
    if column is None:
        metadata = file.schema_arrow.metadata or {}
        return str(metadata.get(MODEL_COLUMN.encode(), b"").decode("utf-8", "replace"))
    found = None
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=[column], use_threads=False):
        for value in {"" if value is None else str(value) for value in batch.column(0).to_pylist()}:
            found = one_model(told, found, value)
    return found or ""


def _rows(told: Told, file: Any, column: str) -> Rows:
    from pyarrow import compute

    row, dim = 0, None
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=[column], use_threads=False):
        lists = batch.column(0)
        lengths = compute.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
        dim = int(lengths[0]) if dim is None else dim
        if (wrong := np.flatnonzero(lengths != dim)).size:
            told.refuse_length(int(lengths[wrong[0]]), dim, row=row + int(wrong[0]))
        # Empty cells become numbers that are not finite, and are refused as such.
        yield lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), dim)
        row += len(lists)
