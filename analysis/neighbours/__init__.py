"""The images nearest to a picture: by embeddings through pgvector, by hashes exactly."""

from analysis.neighbours._embeddings import nearest_embeddings
from analysis.neighbours._hashes import nearest_hashes
from analysis.neighbours._index import keep_indexes, work
from analysis.neighbours._result import Nearest

__all__ = ["Nearest", "keep_indexes", "nearest_embeddings", "nearest_hashes", "work"]
