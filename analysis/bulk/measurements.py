"""Measurements and decisions of pairs, in and out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from django.db import IntegrityError, connection, transaction
from numpy.typing import NDArray
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from analysis.bulk.copy import copy_in, copy_out, copy_out_parts, record, rows_of
from analysis.core.arrays import Pairs

WRITE_ROWS = 200_000
"""Rows of one short transaction."""


def write_measurements(*, signal_id: int, dataset_a: int, dataset_b: int, pairs: Pairs) -> None:
    """Store the distances of pairs, whose `a` and `b` are image ids in canonical order.

    Known ones stay as they are, and pairs of images that have been deleted since they were read are left out.
    """
    write = _write_new
    for start in range(0, len(pairs), WRITE_ROWS):
        part = slice(start, start + WRITE_ROWS)
        rows = pairs.take(part)
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
    columns: list[NDArray[np.generic]] = [pairs.a, pairs.b, pairs.distance, *fixed]
    if pairs.orientation is not None:
        fields.append(("orientation", ">i2", 2))
        columns.append(pairs.orientation)
    rows = rows_of(fields, columns)
    copy_in("analysis_measurement", [name for name, _, _ in fields], rows)
    _check_images()


def _write_unknown(signal_id: int, dataset_a: int, dataset_b: int, pairs: Pairs) -> None:
    """By way of a temporary table, those that the table does not hold."""
    fields = [("a", ">i8", 8), ("b", ">i8", 8), ("distance", ">f8", 8)]
    columns: list[NDArray[np.generic]] = [pairs.a, pairs.b, pairs.distance]
    if pairs.orientation is not None:
        fields.append(("orientation", ">i2", 2))
        columns.append(pairs.orientation)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE staged (a bigint, b bigint, distance double precision, orientation smallint)"
            " ON COMMIT DROP"
        )
        copy_in("staged", [name for name, _, _ in fields], rows_of(fields, columns))
        cursor.execute(
            "INSERT INTO analysis_measurement"
            " (signal_id, dataset_a_id, dataset_b_id, image_a_id, image_b_id, distance, orientation)"
            " SELECT %s, %s, %s, a, b, distance, orientation FROM staged ON CONFLICT DO NOTHING",
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
    return pairs.take(both)


def read_measurements(*, signal_id: int, dataset_a: int, dataset_b: int, max_distance: float) -> Pairs:
    """The pairs of two datasets (or inside one) at most `max_distance` apart, as image ids, the closest first."""
    raw = copy_out(
        f"{_MEASURED} ORDER BY distance, image_a_id, image_b_id", [signal_id, dataset_a, dataset_b, max_distance]
    )
    return _measured(np.frombuffer(raw, _MEASURED_ROW))


def measurement_parts(*, signal_id: int, dataset_a: int, dataset_b: int, max_distance: float) -> Iterator[Pairs]:
    """The same pairs, some at a time and in no order, so that memory does not grow with their number."""
    for rows in copy_out_parts(_MEASURED, [signal_id, dataset_a, dataset_b, max_distance], _MEASURED_ROW):
        yield _measured(rows)


def read_accepted(*, dataset_a: int, dataset_b: int, choices: Sequence[str]) -> Pairs:
    """The pairs of two datasets (or inside one) whose decision is one of `choices`, as image ids, at distance 0."""
    raw = copy_out(
        "SELECT image_a_id, image_b_id FROM analysis_decision"
        " WHERE dataset_a_id = %s AND dataset_b_id = %s AND choice = ANY(%s) ORDER BY image_a_id, image_b_id",
        [dataset_a, dataset_b, list(choices)],
    )
    rows = np.frombuffer(raw, record([("a", ">i8", 8), ("b", ">i8", 8)]))
    return Pairs(rows["a"].astype(np.int64), rows["b"].astype(np.int64), np.zeros(len(rows), np.float32))


_MEASURED = (
    "SELECT image_a_id, image_b_id, distance FROM analysis_measurement"
    " WHERE signal_id = %s AND dataset_a_id = %s AND dataset_b_id = %s AND distance <= %s"
)
_MEASURED_ROW = record([("a", ">i8", 8), ("b", ">i8", 8), ("distance", ">f8", 8)])


def _measured(rows: NDArray[np.void]) -> Pairs:
    return Pairs(rows["a"].astype(np.int64), rows["b"].astype(np.int64), rows["distance"].astype(np.float32))
