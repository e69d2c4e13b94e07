"""The pgvector index of a signal's embeddings: made where there are many, dropped when they are gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import OperationalError, connection

from analysis.neighbours._plan import EXACT_VALUES, MOST_INDEXED_DIM

NAME = "embedding_near_{}"
_NAME = re.compile(r"embedding_near_(\d+)\Z")

M = 16
EF_CONSTRUCTION = 128
"""How well the graph is knit; measured by benchmarks/neighbours.py."""

_GRAPH_BYTES = 700
"""What an element of the graph takes beside its vector while it is built."""
_LEAST_MEMORY, _MOST_MEMORY = 64 * 2**20, 2 * 2**30

_LOCK = "simweb: indexes of embeddings"

_WANTED = """
    SELECT s.id, s.dim, coalesce(sum(d.image_count), 0)::bigint
    FROM analysis_signal s LEFT JOIN catalog_dataset d ON EXISTS (
        SELECT 1 FROM analysis_embedding e WHERE e.dataset_id = d.id AND e.signal_id = s.id
    )
    WHERE s.dim IS NOT NULL AND s.name NOT LIKE '%%@%%' GROUP BY s.id
"""
_PRESENT = """
    SELECT c.relname, x.indisvalid FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
    WHERE x.indrelid = 'analysis_embedding'::regclass
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done about indexes.

    Attributes:
        make: (signal id, dimensions, images at most) whose index is missing.
        drop: names of indexes whose embeddings are gone, or whose making broke off.
    """

    make: list[tuple[int, int, int]]
    drop: list[str]

    def __bool__(self) -> bool:
        return bool(self.make or self.drop)


def ordered(dim: int) -> str:
    """The expression that the index is on: searches must order by the same one, or PostgreSQL reads every row."""
    return f"(vector::halfvec({dim}))"


def work() -> Work:
    """What is to be done now. Turned pictures (``@2`` to ``@8``) are never searched, so they get no index."""
    with connection.cursor() as cursor:
        cursor.execute(_WANTED)
        found: list[tuple[int, int, int]] = cursor.fetchall()
        cursor.execute(_PRESENT)
        present = {name: valid for name, valid in cursor.fetchall() if _NAME.match(name)}
    rows = {NAME.format(signal_id): images for signal_id, _, images in found}
    drop = [name for name, valid in present.items() if not valid or not rows.get(name)]
    make = [
        (signal_id, dim, images)
        for signal_id, dim, images in found
        if images * dim > EXACT_VALUES and dim <= MOST_INDEXED_DIM and not present.get(NAME.format(signal_id))
    ]
    return Work(make, drop)


def keep_indexes() -> bool:
    """Make and drop indexes as the embeddings ask for it. Repeating it changes nothing.

    One worker does it at a time; whoever comes meanwhile leaves it alone. Waiting for the other would stop both:
    PostgreSQL builds concurrently only when every older transaction has ended, the waiting one among them.

    Returns:
        whether it was done here.
    """
    with _alone() as mine:
        if not mine:
            return False
        # Seen again under the lock: an index that looked broken outside it may have been another's in the making.
        todo = work()
        for name in todo.drop:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        for signal_id, dim, images in todo.make:
            _make(signal_id, dim, images)
    return True


@contextmanager
def _alone() -> Iterator[bool]:
    """A lock that belongs to the connection, not to a transaction: an index is made outside of any."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [_LOCK])
        mine = bool(cursor.fetchone()[0])
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [_LOCK])


def _make(signal_id: int, dim: int, images: int) -> None:
    """Make the index of a signal while others read and write."""
    memory = min(max(images * (2 * dim + _GRAPH_BYTES), _LEAST_MEMORY), _MOST_MEMORY)
    name = NAME.format(signal_id)
    make = (
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON analysis_embedding"
        f" USING hnsw ({ordered(dim)} halfvec_cosine_ops) WITH (m = {M}, ef_construction = {EF_CONSTRUCTION})"
        f" WHERE signal_id = {signal_id}"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SET maintenance_work_mem = '{memory // 1024}kB'")
        try:
            cursor.execute(make)
        except OperationalError:
            # Workers share memory that a container may not have; one process alone does without.
            cursor.execute("SET max_parallel_maintenance_workers = 0")
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            cursor.execute(make)
        finally:
            cursor.execute("RESET maintenance_work_mem")
            cursor.execute("RESET max_parallel_maintenance_workers")
