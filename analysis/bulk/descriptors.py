"""Hashes and embeddings, in and out."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray
from psycopg.errors import UniqueViolation

from analysis.bulk.copy import LAST_ID, Field, copy_in, copy_out, record, rows_of
from analysis.core.arrays import PackedBits, Vectors
from analysis.core.errors import InvalidArray

FEW_ROWS = 5_000
"""Up to here one statement with arrays is faster than COPY, which needs a table to copy into."""

Rows = NDArray[np.uint8] | list[bytes]
"""Descriptors of n images as bytes: uint8, shape (n, width); a list where the width varies."""

_HASHES = (
    "SELECT image_id, bits FROM analysis_hash WHERE dataset_id = %s AND signal_id = %s"
    " AND image_id > %s AND image_id <= %s ORDER BY image_id"
)


def read_descriptors(
    *, dataset_id: int, signal_id: int, width: int | None, after: int = 0, upto: int = LAST_ID
) -> tuple[NDArray[np.int64], Rows]:
    """The stored bytes of a dataset's images with after < id ≤ upto under a hash, in order of image id.

    Args:
        dataset_id: whose images.
        signal_id: under which signal.
        width: bytes of one descriptor; None where they vary.
        after: see above.
        upto: see above.

    Returns:
        image ids, int64, shape (n,), and their descriptors.
    """
    parameters = [dataset_id, signal_id, after, upto]
    if width is None:
        with connection.cursor() as cursor:
            cursor.execute(_HASHES, parameters)
            found = cursor.fetchall()
        return np.array([pk for pk, _ in found], np.int64), [bytes(bits) for _, bits in found]
    fields = [("image", ">i8", 8), ("bits", f"V{width}", width)]
    rows = np.frombuffer(copy_out(_HASHES, parameters), record(fields))
    return rows["image"].astype(np.int64), np.ascontiguousarray(rows["bits"]).view(np.uint8).reshape(len(rows), width)


def read_hashes(
    *, dataset_id: int, signal_id: int, n_bits: int, after: int = 0, upto: int = LAST_ID
) -> tuple[NDArray[np.int64], PackedBits]:
    """The hashes of a dataset's images with after < id ≤ upto, in order of image id.

    Returns:
        image ids, int64, shape (n,), and their hashes.
    """
    ids, rows = read_descriptors(
        dataset_id=dataset_id, signal_id=signal_id, width=-(-n_bits // 8), after=after, upto=upto
    )
    assert not isinstance(rows, list)  # noqa: S101  # a width was given
    return ids, PackedBits(rows, n_bits)


def write_descriptors(*, dataset_id: int, signal_id: int, image_ids: NDArray[np.int64], rows: Rows) -> None:
    """Store the bytes of hashes; those that are there already stay as they are."""
    if len(rows) <= FEW_ROWS or isinstance(rows, list):
        with connection.cursor() as cursor:
            for start in range(0, len(rows), FEW_ROWS):
                part = slice(start, start + FEW_ROWS)
                cursor.execute(
                    "INSERT INTO analysis_hash (image_id, dataset_id, signal_id, bits)"
                    " SELECT image_id, %s, %s, bits FROM unnest(%s::bigint[], %s::bytea[]) AS one (image_id, bits)"
                    " ON CONFLICT DO NOTHING",
                    [dataset_id, signal_id, image_ids[part].tolist(), [bytes(row) for row in rows[part]]],
                )
        return
    width = rows.shape[1]
    fields = [("image", ">i8", 8), ("bits", f"V{width}", width)]
    packed = np.ascontiguousarray(rows).view(f"V{width}").reshape(len(rows))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE staged (image_id bigint, bits bytea) ON COMMIT DROP")
        copy_in("staged", ["image_id", "bits"], rows_of(fields, [image_ids, packed]))
        cursor.execute(
            "INSERT INTO analysis_hash (image_id, dataset_id, signal_id, bits)"
            " SELECT image_id, %s, %s, bits FROM staged ON CONFLICT DO NOTHING",
            [dataset_id, signal_id],
        )
        cursor.execute("DROP TABLE staged")


def write_hashes(*, dataset_id: int, signal_id: int, image_ids: NDArray[np.int64], bits: PackedBits) -> None:
    """Store hashes; those that are there already stay as they are."""
    write_descriptors(dataset_id=dataset_id, signal_id=signal_id, image_ids=image_ids, rows=bits.packed)


def read_embeddings(
    *, dataset_id: int, signal_id: int, after: int = 0, upto: int = LAST_ID
) -> tuple[NDArray[np.int64], Vectors | None]:
    """The embeddings of a dataset's images with after < id ≤ upto, in order of image id.

    Returns:
        image ids, int64, shape (n,), and their embeddings; None where there are none, since nobody knows their
        dimension then.
    """
    raw = copy_out(
        "SELECT image_id, vector FROM analysis_embedding WHERE dataset_id = %s AND signal_id = %s"
        " AND image_id > %s AND image_id <= %s ORDER BY image_id",
        [dataset_id, signal_id, after, upto],
    )
    if not raw:
        return np.empty(0, np.int64), None
    # Field count, length and value of the id, length of the vector, then pgvector's own dimension and spare word.
    dim = int(np.frombuffer(raw, ">i2", 1, offset=18)[0])
    rows = np.frombuffer(raw, record(_vector_fields(dim)))
    return rows["image_id"].astype(np.int64), Vectors(rows["vector"]["values"].astype(np.float32))


def write_embeddings(*, dataset_id: int, signal_id: int, image_ids: NDArray[np.int64], vectors: Vectors) -> None:
    """Store embeddings; those that are there already stay as they are. The first ones set the signal's dimension.

    Raises:
        InvalidArray: the signal's embeddings have another dimension.
    """
    if not len(vectors):
        return
    fields = _vector_fields(vectors.dim)
    column: NDArray[Any] = np.zeros(len(vectors), fields[1][1])
    column["dim"], column["values"] = vectors.dim, vectors.values
    rows = rows_of(fields, [image_ids, column])
    fixed = rows_of(
        [*fields, ("dataset_id", ">i8", 8), ("signal_id", ">i2", 2)],
        [image_ids, column, np.full(1, dataset_id), np.full(1, signal_id)],
    )
    with transaction.atomic():
        _check_dim(signal_id, vectors.dim)
        try:
            with transaction.atomic():
                copy_in("analysis_embedding", ["image_id", "vector", "dataset_id", "signal_id"], fixed)
        except UniqueViolation:
            with connection.cursor() as cursor:
                cursor.execute("CREATE TEMP TABLE staged (image_id bigint, vector vector) ON COMMIT DROP")
                copy_in("staged", ["image_id", "vector"], rows)
                cursor.execute(
                    "INSERT INTO analysis_embedding (image_id, dataset_id, signal_id, vector)"
                    " SELECT image_id, %s, %s, vector FROM staged ON CONFLICT DO NOTHING",
                    [dataset_id, signal_id],
                )
                cursor.execute("DROP TABLE staged")


def _vector_fields(dim: int) -> list[Field]:
    """An image id and a pgvector in its binary form."""
    vector = np.dtype([("dim", ">i2"), ("spare", ">i2"), ("values", ">f4", (dim,))])
    return [("image_id", ">i8", 8), ("vector", vector, vector.itemsize)]


def _check_dim(signal_id: int, dim: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE analysis_signal SET dim = %s WHERE id = %s AND dim IS NULL RETURNING dim", [dim, signal_id]
        )
        if cursor.fetchone():
            return
        cursor.execute("SELECT name, dim FROM analysis_signal WHERE id = %s", [signal_id])
        name, known = cursor.fetchone()
    if known != dim:
        raise InvalidArray(
            f"Embeddings of {dim:,} dimensions cannot be stored under {name}, whose have {known:,}.",
            remedy="Give them another name: a signal’s embeddings all have one dimension.",
        )
