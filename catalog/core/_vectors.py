"""Tables with a vector in each row: which image each row is of, and its labels. The vectors are for others to read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from catalog.core._tables import broken
from catalog.core.labels import ITEM_KEYS, LABEL_KEYS, LabelRow, cell_value, label_record, listed_name

VECTOR_KEYS = ("embedding", "embeddings", "vector", "vectors", "features")
"""Columns that hold vectors."""

MAX_ROWS = 5_000_000
MAX_CELL = 2**20
"""Characters of one cell: 16,000 numbers in text need half of it."""

_DELIMITERS = ",;\t"
_WITHOUT_HEADER = re.compile(rb'\s*("(?:[^"]|"")*"|[^",\r\n]*),\s*"?\[\s*[-+.\d]')
_NAME, _VECTOR = "name", "embedding"
_SAY_WHOSE = f"Name the column of file names {_NAME} and that of vectors {_VECTOR}."

csv.field_size_limit(max(MAX_CELL, csv.field_size_limit()))


@dataclass(frozen=True, slots=True)
class VectorTable:
    """What a table of vectors says besides its vectors.

    Attributes:
        names: the name of each row's image, in the order of the rows; unique.
        rows: the labels of each row, where the table has a column of them; empty otherwise.
    """

    names: tuple[str, ...]
    rows: tuple[LabelRow, ...]


def is_vector_csv(head: bytes) -> bool:
    """Whether the first bytes of a CSV are those of a table of vectors, with a header or without."""
    line = head.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace")
    return any(cell in VECTOR_KEYS for cell in _cells(line)) or _WITHOUT_HEADER.match(head) is not None


def read_vector_table(path: str, stream: BinaryIO) -> VectorTable:
    """The names and labels of a table of vectors, Parquet or CSV.

    Raises:
        BrokenTable: no such table, no column of names or vectors, a name that is empty or comes twice.
    """
    records = _parquet(path, stream) if path.casefold().endswith(".parquet") else _csv(path, stream)
    first: dict[str, str] = {}
    rows = []
    for place, record in records:
        row = label_record(record, path, place, needs_label=False)
        name = listed_name(row.item, path, place)
        if name in first:
            broken(path, place, f"{name!r} stands already in {first[name]}", "Keep one vector for each image.")
        if len(first) == MAX_ROWS:
            broken(path, "", f"more than {MAX_ROWS:,} rows", "Divide it into several files and upload them in turn.")
        first[name] = place
        if len(record) > 1:
            rows.append(LabelRow(name, row.labels))
    return VectorTable(tuple(first), tuple(rows))


def _cells(line: str) -> list[str]:
    delimiter = max(_DELIMITERS, key=line.count)
    return [cell.strip().strip('"').casefold() for cell in line.split(delimiter)]


def _csv(path: str, stream: BinaryIO) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The place of each row, and its name and label."""
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    begin = 1
    try:
        head = text.readline()
        while head and not head.strip():
            head = text.readline()
        text.seek(0)
        bare = _WITHOUT_HEADER.match(head.encode()) is not None
        columns = [_NAME, _VECTOR] if bare else _cells(head)
        wanted = _wanted(path, columns, columns)
        delimiter = "," if bare else max(_DELIMITERS, key=head.count)
        reader = csv.reader(text, delimiter=delimiter, strict=True, skipinitialspace=True)
        under_header = bare
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not under_header:
                under_header = True
                continue
            if len(cells) != len(columns):
                broken(
                    path,
                    f"line {line}",
                    f"{len(cells)} cells, and there are {len(columns)} columns",
                    'Put the vector in "quotes", as COPY … TO … (FORMAT csv) does.',
                )
            yield f"line {line}", {key: cell_value(cells[columns.index(key)]) for key in wanted}
    except csv.Error as error:
        broken(path, f"line {begin}", f"no valid CSV: {error}", "Correct the quotes there.")
    except UnicodeDecodeError:
        broken(path, f"after line {begin - 1}", "the text is not UTF-8", "Save the file as UTF-8.")


def _parquet(path: str, stream: BinaryIO) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The place of each row, and its name and label."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(stream)
        called = {field.name.casefold(): field for field in file.schema_arrow}
        if len(called) < len(file.schema_arrow):
            broken(path, "", "two columns have one name", "Rename one.")
        # Pictures may lie in a column of this name too, as a structure or as bytes.
        plain = [key for key, field in called.items() if _is_text(getattr(field.type, "value_type", field.type))]
        wanted = {called[key].name: key for key in _wanted(path, list(called), plain)}
        number = 0
        for batch in file.iter_batches(batch_size=256, columns=list(wanted), use_threads=False):
            for record in batch.to_pylist():
                number += 1
                yield f"row {number}", {key: record[column] for column, key in wanted.items()}
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        broken(path, "", f"it cannot be read as Parquet ({str(error)[:200]})", "Write it again, and upload that.")


def _is_text(kind: Any) -> bool:
    """Whether a type of Arrow holds texts, or whole numbers, which are names and labels too."""
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind))


def _wanted(path: str, columns: Sequence[str], plain: Sequence[str]) -> list[str]:
    """The column of names, then that of labels where there is one; `plain` are the columns that can be either."""
    for what, keys, found in (("vectors", VECTOR_KEYS, columns), ("names", ITEM_KEYS, plain)):
        if not any(key in found for key in keys):
            broken(path, "", f"no column of {what} among {', '.join(map(repr, columns))}", _SAY_WHOSE)
    names = next(key for key in ITEM_KEYS if key in plain)
    return [names, *[key for key in LABEL_KEYS if key in plain][:1]]
