"""The images nearest to a picture: by embeddings through pgvector, by hashes exactly; and “have we seen this?”."""

from analysis.neighbours._embeddings import nearest_embeddings
from analysis.neighbours._hashes import nearest_hashes
from analysis.neighbours._index import keep_indexes, work
from analysis.neighbours._ladder import Ladder, Rung, ladder
from analysis.neighbours._look_up import Answer, Asked, Digests, Evidence, Match, look_up
from analysis.neighbours._picture import read_picture
from analysis.neighbours._query import (
    Query,
    of_hash,
    of_image,
    of_pixels,
    of_text,
    of_vector,
    takes_pictures,
    takes_text,
)
from analysis.neighbours._result import Nearest
from analysis.neighbours._search import nearest
from analysis.neighbours._signals import at_import, searchable, signal_among

__all__ = [
    "Answer",
    "Asked",
    "Digests",
    "Evidence",
    "Ladder",
    "Match",
    "Nearest",
    "Query",
    "Rung",
    "at_import",
    "keep_indexes",
    "ladder",
    "look_up",
    "nearest",
    "nearest_embeddings",
    "nearest_hashes",
    "of_hash",
    "of_image",
    "of_pixels",
    "of_text",
    "of_vector",
    "read_picture",
    "searchable",
    "signal_among",
    "takes_pictures",
    "takes_text",
    "work",
]
