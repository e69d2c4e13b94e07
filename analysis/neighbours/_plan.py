"""How the nearest embeddings are found, decided by counts alone: through the index, or by looking at each."""

from __future__ import annotations

from dataclasses import dataclass

EXACT_VALUES = 16_000 * 512
"""Numbers in the vectors of the chosen datasets up to which all of them are looked at: about 10 ms."""
PARALLEL_VALUES = 8_000 * 512
"""From here on PostgreSQL's parallel workers are called to look at them."""
STEPS = 15
"""Vectors that are looked at one by one in the time in which the index brings its next one."""
PATIENCE = 8
"""The part, one in so many, of the time of looking at each that may be spent on an index in vain."""
EF_SEARCH = 200
"""Candidates that the index keeps while it searches, and so brings at once; measured by benchmarks/neighbours.py."""
HOPE = 4
"""How many times as many images as usually suffice the index may bring before it is given up."""
SPARE = 20
"""Images fetched beyond those asked for: the index orders by half precision, the answer by the exact distance."""
MOST_INDEXED_DIM = 4_000
"""Dimensions that pgvector can index in half precision."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of PostgreSQL.

    Attributes:
        through_index: whether the index brings the images in their order; else each is looked at.
        fetch: images wanted for the re-ranking.
        reach: images of any dataset that the index may bring until it has found those; beyond, it is given up.
        parallel: whether several processes look at the images.
    """

    through_index: bool
    fetch: int
    reach: int = 0
    parallel: bool = False


def choose(*, k: int, dim: int, rows: int, indexed: int | None) -> Plan:
    """The cheaper way to the k nearest of `rows` embeddings, which lie among the `indexed` of the signal's index.

    The index knows nothing of datasets: it brings images of all, the nearest first, and those of other datasets are
    passed over. Where the chosen ones are a share f of it, about fetch / f come before enough are found, each as
    dear as `STEPS` looks. So small datasets, and small shares, are looked at one by one. Where the nearest of all
    lie in datasets that were not chosen, the index would go on and on; then it is given up, and each is looked at.
    So a filter never costs neighbours, and time not more than a `PATIENCE`-th, mostly far less: who has not found
    enough among `HOPE` times as many as usual stands in a place where none of the chosen lie.

    Args:
        k: neighbours asked for.
        dim: dimensions of the signal.
        rows: embeddings of the chosen datasets, at most.
        indexed: embeddings in the index; None where there is no index.
    """
    fetch = k + max(k, SPARE)
    affordable = rows // (STEPS * PATIENCE)
    if indexed is None or rows * dim <= EXACT_VALUES or fetch * max(indexed, rows) >= affordable * rows:
        return exact(k=k, dim=dim, rows=rows)
    usual = fetch * max(indexed, rows) // rows
    return Plan(through_index=True, fetch=fetch, reach=min(affordable, max(EF_SEARCH, HOPE * usual)))


def exact(*, k: int, dim: int, rows: int) -> Plan:
    """Looking at each."""
    return Plan(through_index=False, fetch=k + max(k, SPARE), parallel=rows * dim >= PARALLEL_VALUES)
