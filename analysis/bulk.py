"""Large reads and writes as binary COPY: no model instance per row, arrays in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from django.db import IntegrityError, connection, transaction
from numpy.typing import NDArray
from psycopg import Cursor
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from analysis.core.arrays import PackedBits, Pairs

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = (-1).to_bytes(2, "big", signed=True)
WRITE_ROWS = 200_000
"""Rows of one short transaction."""
LAST_ID = 2**63 - 1
"""No id is larger."""


def _cursor() -> Cursor[tuple[object, ...]]:
    """psycopg's own cursor under Django's, which has no COPY."""
    connection.ensure_connection()
    return cast("Cursor[tuple[object, ...]]", connection.connection.cursor())


def _copy_out(query: str, parameters: Sequence[object]) -> bytes:
    """All rows of a query in PostgreSQL's binary COPY format, without header and trailer."""
    with _cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)".encode(), parameters) as copy:
        data = b"".join(bytes(block) for block in copy)
    return data[len(_HEADER) : len(data) - len(_TRAILER)]


def _copy_in(table: str, columns: Sequence[str], rows: NDArray[np.void]) -> None:
    """Write packed records (made by `_record`) into a table."""
    names = ", ".join(columns)
    with _cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
        copy.write(_HEADER)
        copy.write(rows.tobytes())
        copy.write(_TRAILER)


def _record(fields: Sequence[tuple[str, str, int]]) -> np.dtype[np.void]:
    """A record of fixed-size fields in COPY's format: field count, then length and value of each.

    Args:
        fields: name, numpy dtype (big-endian), length in bytes.
    """
    layout: list[tuple[str, str]] = [("count", ">i2")]
    for name, dtype, _ in fields:
        layout += [(f"{name}_length", ">i4"), (name, dtype)]
    return np.dtype(layout)


def _rows(fields: Sequence[tuple[str, str, int]], columns: Sequence[NDArray[np.generic]]) -> NDArray[np.void]:
    rows = np.empty(len(columns[0]), _record(fields))
    rows["count"] = len(fields)
    for (name, _, length), column in zip(fields, columns, strict=True):
        rows[f"{name}_length"] = length
        rows[name] = column
    return rows


FEW_ROWS = 5_000
"""Up to here one statement with arrays is faster than COPY, which needs a table to copy into."""


def read_hashes(
    *, dataset_id: int, signal_id: int, n_bits: int, after: int = 0, upto: int = LAST_ID
) -> tuple[NDArray[np.int64], PackedBits]:
    """The hashes of a dataset's images with after < id ≤ upto, in order of image id.

    Returns:
        image ids, int64, shape (n,), and their hashes.
    """
    width = -(-n_bits // 8)
    fields = [("image", ">i8", 8), ("bits", f"V{width}", width)]
    raw = _copy_out(
        "SELECT image_id, bits FROM analysis_hash WHERE dataset_id = %s AND signal_id = %s"
        " AND image_id > %s AND image_id <= %s ORDER BY image_id",
        [dataset_id, signal_id, after, upto],
    )
    rows = np.frombuffer(raw, _record(fields))
    bits = np.ascontiguousarray(rows["bits"]).view(np.uint8).reshape(len(rows), width)
    return rows["image"].astype(np.int64), PackedBits(bits, n_bits)


def write_hashes(*, dataset_id: int, signal_id: int, image_ids: NDArray[np.int64], bits: PackedBits) -> None:
    """Store hashes; those that are there already stay as they are."""
    if len(bits) <= FEW_ROWS:
        values = [row.tobytes() for row in bits.packed]
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO analysis_hash (image_id, dataset_id, signal_id, bits)"
                " SELECT image_id, %s, %s, bits FROM unnest(%s::bigint[], %s::bytea[]) AS one (image_id, bits)"
                " ON CONFLICT DO NOTHING",
                [dataset_id, signal_id, image_ids.tolist(), values],
            )
        return
    width = bits.packed.shape[1]
    fields = [("image", ">i8", 8), ("bits", f"V{width}", width)]
    packed = np.ascontiguousarray(bits.packed).view(f"V{width}").reshape(len(bits))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE staged (image_id bigint, bits bytea) ON COMMIT DROP")
        _copy_in("staged", ["image_id", "bits"], _rows(fields, [image_ids, packed]))
        cursor.execute(
            "INSERT INTO analysis_hash (image_id, dataset_id, signal_id, bits)"
            " SELECT image_id, %s, %s, bits FROM staged ON CONFLICT DO NOTHING",
            [dataset_id, signal_id],
        )
        cursor.execute("DROP TABLE staged")


def write_measurements(*, signal_id: int, dataset_a: int, dataset_b: int, pairs: Pairs) -> None:
    """Store the distances of pairs, whose `a` and `b` are image ids in canonical order.

    Known ones stay as they are, and pairs of images that have been deleted since they were read are left out.
    """
    write = _write_new
    for start in range(0, len(pairs), WRITE_ROWS):
        part = slice(start, start + WRITE_ROWS)
        rows = Pairs(pairs.a[part], pairs.b[part], pairs.distance[part])
        while True:
            try:
                with transaction.atomic():
                    write(signal_id, dataset_a, dataset_b, rows)
                break
            except UniqueViolation:
                # An interrupted run, or a smaller distance, has stored some: the rest has known ones too, most likely.
                write = _write_unknown
            except IntegrityError as error:
                if not isinstance(error.__cause__, ForeignKeyViolation):
                    raise
                rows = _still_there(rows)


def _write_new(signal_id: int, dataset_a: int, dataset_b: int, pairs: Pairs) -> None:
    """Straight into the table, which holds none of them."""
    fields = [
        ("image_a_id", ">i8", 8),
        ("image_b_id", ">i8", 8),
        ("distance", ">f8", 8),
        ("signal_id", ">i2", 2),
        ("dataset_a_id", ">i8", 8),
        ("dataset_b_id", ">i8", 8),
    ]
    fixed = [np.full(1, value) for value in (signal_id, dataset_a, dataset_b)]
    rows = _rows(fields, [pairs.a, pairs.b, pairs.distance, *fixed])
    _copy_in("analysis_measurement", [name for name, _, _ in fields], rows)
    _check_images()


def _write_unknown(signal_id: int, dataset_a: int, dataset_b: int, pairs: Pairs) -> None:
    """By way of a temporary table, those that the table does not hold."""
    fields = [("a", ">i8", 8), ("b", ">i8", 8), ("distance", ">f8", 8)]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE staged (a bigint, b bigint, distance double precision) ON COMMIT DROP")
        _copy_in("staged", ["a", "b", "distance"], _rows(fields, [pairs.a, pairs.b, pairs.distance]))
        cursor.execute(
            "INSERT INTO analysis_measurement"
            " (signal_id, dataset_a_id, dataset_b_id, image_a_id, image_b_id, distance)"
            " SELECT %s, %s, %s, a, b, distance FROM staged ON CONFLICT DO NOTHING",
            [signal_id, dataset_a, dataset_b],
        )
        # The transaction may be part of a larger one, which would keep the table.
        cursor.execute("DROP TABLE staged")
    _check_images()


def _check_images() -> None:
    """Have the foreign keys speak now, not when the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _still_there(pairs: Pairs) -> Pairs:
    """The pairs whose images both exist."""
    ids = np.unique(np.concatenate([pairs.a, pairs.b]))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM catalog_image WHERE id = ANY(%s)", [ids.tolist()])
        kept = np.array([pk for (pk,) in cursor.fetchall()], np.int64)
    both = np.isin(pairs.a, kept) & np.isin(pairs.b, kept)
    return Pairs(pairs.a[both], pairs.b[both], pairs.distance[both])


def read_measurements(*, signal_id: int, dataset_a: int, dataset_b: int, max_distance: float) -> Pairs:
    """The pairs of two datasets (or inside one) at most `max_distance` apart, as image ids, the closest first."""
    fields = [("a", ">i8", 8), ("b", ">i8", 8), ("distance", ">f8", 8)]
    raw = _copy_out(
        "SELECT image_a_id, image_b_id, distance FROM analysis_measurement"
        " WHERE signal_id = %s AND dataset_a_id = %s AND dataset_b_id = %s AND distance <= %s"
        " ORDER BY distance, image_a_id, image_b_id",
        [signal_id, dataset_a, dataset_b, max_distance],
    )
    rows = np.frombuffer(raw, _record(fields))
    return Pairs(rows["a"].astype(np.int64), rows["b"].astype(np.int64), rows["distance"].astype(np.float32))


def read_accepted(*, dataset_a: int, dataset_b: int, choices: Sequence[str]) -> Pairs:
    """The pairs of two datasets (or inside one) whose decision is one of `choices`, as image ids, at distance 0."""
    fields = [("a", ">i8", 8), ("b", ">i8", 8)]
    raw = _copy_out(
        "SELECT image_a_id, image_b_id FROM analysis_decision"
        " WHERE dataset_a_id = %s AND dataset_b_id = %s AND choice = ANY(%s) ORDER BY image_a_id, image_b_id",
        [dataset_a, dataset_b, list(choices)],
    )
    rows = np.frombuffer(raw, _record(fields))
    return Pairs(rows["a"].astype(np.int64), rows["b"].astype(np.int64), np.zeros(len(rows), np.float32))


def read_image_ids(*, dataset_id: int) -> NDArray[np.int64]:
    """The ids of a dataset's images, int64, shape (n,), rising."""
    raw = _copy_out("SELECT id FROM catalog_image WHERE dataset_id = %s ORDER BY id", [dataset_id])
    return np.frombuffer(raw, _record([("id", ">i8", 8)]))["id"].astype(np.int64)


def read_image_labels(*, dataset_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which images of a dataset carry which labels: image ids and label ids, int64, shape (m,), by image then label."""
    raw = _copy_out(
        "SELECT il.image_id, il.label_id FROM catalog_imagelabel il JOIN catalog_image i ON i.id = il.image_id"
        " WHERE i.dataset_id = %s ORDER BY il.image_id, il.label_id",
        [dataset_id],
    )
    rows = np.frombuffer(raw, _record([("image", ">i8", 8), ("label", ">i8", 8)]))
    return rows["image"].astype(np.int64), rows["label"].astype(np.int64)
