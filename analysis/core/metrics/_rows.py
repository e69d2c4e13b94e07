"""Descriptors of one width as one array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import InvalidArray


def rectangle(rows: list[bytes] | NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """The descriptors as uint8, shape (n, width).

    Raises:
        InvalidArray: a row of another width; the message names the first.
    """
    if isinstance(rows, list):
        for row, value in enumerate(rows):
            if len(value) != width:
                raise InvalidArray(f"Descriptor {row + 1} has {len(value)} bytes, not {width}.")
        return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), width)
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != width:
        raise InvalidArray(f"Descriptors are an array uint8 of shape (n, {width}), not {rows.dtype} {rows.shape}.")
    return rows
