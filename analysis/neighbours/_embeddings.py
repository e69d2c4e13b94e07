"""The nearest embeddings: found by pgvector, ordered and measured by the exact distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from analysis.core.search import cosine_distances
from analysis.neighbours._index import NAME, ordered
from analysis.neighbours._plan import EF_SEARCH, Plan, choose, exact
from analysis.neighbours._result import UPRIGHT, Nearest

SAME = 1e-5
"""Distance up to which an embedding is the query itself."""

_INDEX = {
    "hnsw.ef_search": str(EF_SEARCH),
    # Filters remove what the index brings, so it has to go on; the exact order is ours to make. How far it goes is
    # bounded by the query itself, which can tell a search that was given up from one that came to its end.
    "hnsw.iterative_scan": "relaxed_order",
    "hnsw.max_scan_tuples": str(2**31 - 1),
    "hnsw.scan_mem_multiplier": "8",
    # The planner's estimates know nothing of recall or of what lies beside the index: the plan is made here.
    "enable_sort": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
}

_PARALLEL = {
    # The planner would weigh the start of workers against pages read, and does not know what a distance costs.
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "min_parallel_index_scan_size": "0",
    "min_parallel_table_scan_size": "0",
}

_COUNTS = """
    SELECT coalesce(sum(d.image_count), 0)::bigint FROM catalog_dataset d WHERE d.id = ANY(%s) AND EXISTS (
        SELECT 1 FROM analysis_embedding e WHERE e.dataset_id = d.id AND e.signal_id = %s
    )
"""
_INDEXED = """
    SELECT c.reltuples::bigint FROM pg_class c JOIN pg_index x ON x.indexrelid = c.oid
    WHERE c.relname = %s AND x.indisvalid AND x.indrelid = 'analysis_embedding'::regclass
"""
# Of vectors of unit length the inner product says the same as the cosine, for a third of the sums.
_EXACT = """
    SELECT image_id, dataset_id, vector_send(vector) FROM (
        SELECT image_id, dataset_id, vector FROM analysis_embedding
        WHERE signal_id = %(signal)s AND dataset_id = ANY(%(datasets)s)
        ORDER BY vector <#> %(query)s::vector LIMIT %(fetch)s
    ) AS near
"""
# The innermost query brings images of all datasets in the index's order, one after the other, as long as the outer
# ones ask for more.
_THROUGH_INDEX = """
    SELECT image_id, dataset_id, vector_send(vector) FROM (
        SELECT image_id, dataset_id, vector FROM analysis_embedding
        WHERE signal_id = {signal}
        ORDER BY {ordered} <=> %(query)s::vector::halfvec({dim}) LIMIT %(reach)s
    ) AS near WHERE dataset_id = ANY(%(datasets)s) LIMIT %(fetch)s
"""


def nearest_embeddings(
    query: NDArray[np.float32],
    *,
    signal_id: int,
    dataset_ids: Sequence[int],
    k: int,
    orientation: int = UPRIGHT,
    is_there: bool = False,
) -> Nearest:
    """The k nearest embeddings of some datasets under a signal.

    Args:
        query: float32, shape (dim,), of unit length.
        signal_id: under which signal.
        dataset_ids: where to look; the caller answers for who may see them.
        k: neighbours, 1 or more.
        orientation: how the query was turned, for the result.
        is_there: whether the query is known to be an embedding of these datasets. An index that does not find it
            has lost its way, as among very many equal pictures it may; then each is looked at.

    Returns:
        Up to k images. Distances are exact; which images are found is exact where few are searched, else as good as
        pgvector's HNSW is (benchmarks/neighbours.py measures it).
    """
    datasets = list(dataset_ids)
    rows, indexed = _counts(signal_id, datasets)
    plan = choose(k=k, dim=len(query), rows=rows, indexed=indexed)
    found = _measured(query, fetch(plan, query, signal_id=signal_id, dataset_ids=datasets), orientation)
    lost = len(found) < plan.fetch or (is_there and found.distance[0] > SAME)
    if plan.through_index and lost:
        plan = exact(k=k, dim=len(query), rows=rows)
        found = _measured(query, fetch(plan, query, signal_id=signal_id, dataset_ids=datasets), orientation)
    return found.first(k)


def _measured(query: NDArray[np.float32], found: list[tuple[int, int, bytes]], orientation: int) -> Nearest:
    """What was fetched, with exact distances and in their order."""
    if not found:
        return Nearest.merged([])
    ids, of_datasets, raw = zip(*found, strict=True)
    vectors = np.stack([np.frombuffer(each, ">f4", len(query), offset=4) for each in raw]).astype(np.float32)
    distance = cosine_distances(query, vectors)
    return Nearest.of(np.array(ids, np.int64), np.array(of_datasets, np.int64), distance, orientation)


def _counts(signal_id: int, dataset_ids: list[int]) -> tuple[int, int | None]:
    """Embeddings of the datasets, at most, and embeddings in the signal's index; None where it has none."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [dataset_ids, signal_id])
        rows: int = cursor.fetchone()[0]
        cursor.execute(_INDEXED, [NAME.format(signal_id)])
        found = cursor.fetchone()
    return rows, max(int(found[0]), 0) if found else None


def fetch(
    plan: Plan, query: NDArray[np.float32], *, signal_id: int, dataset_ids: list[int]
) -> list[tuple[int, int, bytes]]:
    """Image id, dataset id and vector (in pgvector's binary form) of the nearest, in about their order."""
    parameters: dict[str, Any] = {
        "signal": signal_id,
        "datasets": dataset_ids,
        "query": "[" + ",".join(map(repr, query.tolist())) + "]",
        "fetch": plan.fetch,
        "reach": plan.reach,
    }
    settings, text = {}, _EXACT
    if plan.through_index:
        # A partial index is taken only where its condition stands in the query as a constant.
        text = _THROUGH_INDEX.format(signal=int(signal_id), ordered=ordered(len(query)), dim=len(query))
        settings = _INDEX
    elif plan.parallel:
        settings = _PARALLEL
    with transaction.atomic(), connection.cursor() as cursor:
        if settings:
            names = ", ".join("set_config(%s, %s, true)" for _ in settings)
            cursor.execute(f"SELECT {names}", [part for setting in settings.items() for part in setting])
        cursor.execute(text, parameters)
        found: list[tuple[int, int, bytes]] = cursor.fetchall()
    return found
