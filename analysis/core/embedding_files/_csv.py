"""Embeddings in a CSV, as PostgreSQL copies a table with a pgvector column: ``name,"[0.1,0.2]"``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from analysis.core.embedding_files._opened import (
    BATCH_VALUES,
    MODEL_COLUMN,
    SHOWN,
    VECTOR_COLUMNS,
    EmbeddingFile,
    Rows,
    Told,
    one_model,
    stem_of,
)

MAX_CELL = 2**20
"""Characters of one cell: 16,000 numbers in text need half of it."""

_DELIMITERS = ",;\t"
_COPY = "Write [0.1,0.2,…], as COPY … TO … (FORMAT csv) does for a pgvector column."

csv.field_size_limit(max(MAX_CELL, csv.field_size_limit()))


def open_csv(told: Told, stream: BinaryIO) -> EmbeddingFile:
    """Read the first row, which says how long embeddings are.

    Raises:
        BrokenEmbeddings: it is no embedding of 1 to `MAX_DIM` numbers.
    """
    rows = _rows(told, io.TextIOWrapper(stream, "utf-8-sig", newline=""))
    model, first = next(rows, ("", np.empty(0)))
    dim = len(first)
    told.check(dim)

    def read() -> Rows:
        step = max(1, BATCH_VALUES // dim)
        batch = [first]
        for number, (said, vector) in enumerate(rows, start=1):
            one_model(told, model, said)
            if len(vector) != dim:
                told.refuse_length(len(vector), dim, row=number)
            if len(batch) == step:
                yield np.stack(batch)
                batch = []
            batch.append(vector)
        yield np.stack(batch)

    return EmbeddingFile(stem_of(told.file_name, model), dim, told, read)


def _rows(told: Told, text: io.TextIOWrapper) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The model and the embedding of each row."""
    number = 0
    try:
        head = text.readline()
        while head and not head.strip():
            head = text.readline()
        text.seek(0)
        delimiter = max(_DELIMITERS, key=head.count)
        columns = [cell.strip().strip('"').casefold() for cell in head.split(delimiter)]
        header = any(key in columns for key in VECTOR_COLUMNS)
        if not header:
            columns, delimiter = ["name", VECTOR_COLUMNS[0]], ","
        at = columns.index(next(key for key in VECTOR_COLUMNS if key in columns))
        model_at = columns.index(MODEL_COLUMN) if MODEL_COLUMN in columns else None
        for cells in csv.reader(text, delimiter=delimiter, strict=True, skipinitialspace=True):
            if not any(cell.strip() for cell in cells):
                continue
            if header:
                header = False
                continue
            if len(cells) != len(columns):
                told.refuse(f"{len(cells)} cells, and there are {len(columns)} columns", _COPY, row=number)
            yield ("" if model_at is None else cells[model_at]), _parsed(told, number, cells[at])
            number += 1
    except csv.Error as error:
        told.refuse(f"no valid CSV: {error}", "Correct the quotes there.", row=number)
    except UnicodeDecodeError:
        told.refuse("the text is not UTF-8", "Save the file as UTF-8.", row=number)


def _parsed(told: Told, number: int, cell: str) -> NDArray[np.float64]:
    try:
        value = json.loads(cell)
        found = np.array(value if isinstance(value, list) else None)
    except (ValueError, RecursionError):
        found = np.array(None)
    if found.dtype.kind not in "fi" or found.ndim != 1:
        shown = cell if len(cell) <= SHOWN else f"{cell[:SHOWN]}…"
        told.refuse(f"{shown!r} is no embedding", _COPY, row=number)
    return found.astype(np.float64)
