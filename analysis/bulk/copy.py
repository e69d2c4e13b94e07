"""PostgreSQL's binary COPY: arrays in and out, no model instance per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg import Cursor

LAST_ID = 2**63 - 1
"""No id is larger."""

PART_ROWS = 250_000
"""Rows of one part of what is read part by part."""

Field = tuple[str, Any, int]
"""Name, numpy dtype (big-endian), length in bytes."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = (-1).to_bytes(2, "big", signed=True)


def _cursor() -> Cursor[tuple[object, ...]]:
    """psycopg's own cursor under Django's, which has no COPY."""
    connection.ensure_connection()
    return cast("Cursor[tuple[object, ...]]", connection.connection.cursor())


def copy_out(query: str, parameters: Sequence[object]) -> bytes:
    """All rows of a query in PostgreSQL's binary COPY format, without header and trailer."""
    with _cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)".encode(), parameters) as copy:
        data = b"".join(bytes(block) for block in copy)
    return data[len(_HEADER) : len(data) - len(_TRAILER)]


def copy_out_parts(query: str, parameters: Sequence[object], row: np.dtype[np.void]) -> Iterator[NDArray[np.void]]:
    """The rows of a query, some at a time, so that memory does not grow with their number.

    Args:
        query, parameters: as for `copy_out`.
        row: what one row is, see `record`; none of its fields may be null.

    Yields:
        Of dtype `row`, shape (n,), at most `PART_ROWS` and one of the server's messages.
    """
    held = bytearray()
    skip = len(_HEADER)
    with _cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)".encode(), parameters) as copy:
        for block in copy:
            held += block
            if len(held) >= skip + PART_ROWS * row.itemsize:
                whole = (len(held) - skip) // row.itemsize
                yield np.frombuffer(bytes(held), row, whole, skip)
                del held[: skip + whole * row.itemsize]
                skip = 0
    yield np.frombuffer(bytes(held), row, (len(held) - skip - len(_TRAILER)) // row.itemsize, skip)


def copy_in(table: str, columns: Sequence[str], rows: NDArray[np.void]) -> None:
    """Write packed records (made by `record`) into a table."""
    names = ", ".join(columns)
    with _cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
        copy.write(_HEADER)
        copy.write(rows.tobytes())
        copy.write(_TRAILER)


def record(fields: Sequence[Field]) -> np.dtype[np.void]:
    """A record of fixed-size fields in COPY's format: field count, then length and value of each."""
    layout: list[tuple[str, Any]] = [("count", ">i2")]
    for name, dtype, _ in fields:
        layout += [(f"{name}_length", ">i4"), (name, dtype)]
    return np.dtype(layout)


def rows_of(fields: Sequence[Field], columns: Sequence[NDArray[np.generic]]) -> NDArray[np.void]:
    """The records of equally long columns; a column of one value stands in every record."""
    rows = np.empty(len(columns[0]), record(fields))
    rows["count"] = len(fields)
    for (name, _, length), column in zip(fields, columns, strict=True):
        rows[f"{name}_length"] = length
        rows[name] = column
    return rows
