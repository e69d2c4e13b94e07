"""Embeddings in an array as `numpy.save` writes it, read in pieces; Python objects in it are never opened."""

from __future__ import annotations

import io
import tokenize
from typing import BinaryIO

import numpy as np

from analysis.core.embedding_files._opened import BATCH_VALUES, EmbeddingFile, Rows, Told, stem_of

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""Version 3.0 is written for arrays of records only."""

_SAVE = "Save it with numpy.save, as float32 of shape (images, dimensions)."


def open_npy(told: Told, stream: BinaryIO) -> EmbeddingFile:
    """Check the header of an array.

    Raises:
        BrokenEmbeddings: no array of float16, float32 or float64 with one row for each name.
    """
    try:
        shape, by_columns, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    # What the literal in a damaged header can do to the parser.
    except (ValueError, KeyError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError):
        told.refuse("no array as numpy.save writes it", _SAVE)
    if dtype.hasobject:
        told.refuse("an array of Python objects, which are never opened", _SAVE)
    if dtype.kind != "f" or dtype.itemsize > np.dtype(np.float64).itemsize:
        told.refuse(f"values of type {dtype}, not float16, float32 or float64", _SAVE)
    if len(shape) != 2:
        told.refuse(f"an array of shape {shape}, not (images, dimensions)", _SAVE)
    count, dim = shape
    told.check(dim, count)
    begin = stream.tell()
    held, stated = stream.seek(0, io.SEEK_END) - begin, count * dim * dtype.itemsize
    if held != stated:
        told.refuse(f"{held:,} bytes of values, and its header says {stated:,}", "Save it again, or upload it again.")

    def read() -> Rows:
        stream.seek(begin)
        step = max(1, BATCH_VALUES // dim)
        columns = np.frombuffer(stream.read(stated), dtype).reshape(dim, count) if by_columns else None
        for row in range(0, count, step):
            size = min(step, count - row)
            if columns is None:
                yield np.frombuffer(stream.read(size * dim * dtype.itemsize), dtype).reshape(size, dim)
            else:
                yield columns[:, row : row + size].T

    return EmbeddingFile(stem_of(told.file_name), dim, told, read)
