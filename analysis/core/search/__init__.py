"""Exact joins: all pairs of descriptors within a distance, exactly those that brute force gives."""

from analysis.core.search._hubs import too_many_rows
from analysis.core.search.circular import circular_distances, circular_join
from analysis.core.search.cosine import cosine_distances, cosine_join, cosine_top_k, pair_distances
from analysis.core.search.euclidean import euclidean_distances, euclidean_join
from analysis.core.search.hamming import hamming_join
from analysis.core.search.ranks import cosine_rank_bounds, cosine_ranks

__all__ = [
    "circular_distances",
    "circular_join",
    "cosine_distances",
    "cosine_join",
    "cosine_rank_bounds",
    "cosine_ranks",
    "cosine_top_k",
    "euclidean_distances",
    "euclidean_join",
    "hamming_join",
    "pair_distances",
    "too_many_rows",
]
