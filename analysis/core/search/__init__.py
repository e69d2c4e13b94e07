"""Exact joins: all pairs of descriptors within a distance, exactly those that brute force gives."""

from analysis.core.search.hamming import hamming_join

__all__ = ["hamming_join"]
