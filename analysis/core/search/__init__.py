"""Exact joins: all pairs of descriptors within a distance, exactly those that brute force gives."""

from analysis.core.search.cosine import cosine_join, cosine_top_k
from analysis.core.search.hamming import hamming_join

__all__ = ["cosine_join", "cosine_top_k", "hamming_join"]
