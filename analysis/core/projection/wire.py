"""Points and groups in the few bytes in which the page's script reads them."""

from __future__ import annotations

import base64
import struct

import numpy as np
from numpy.typing import NDArray

from analysis.core.projection.outlines import Frame

MAGIC = b"SWP1"
"""simweb's points, version 1."""


def packed_points(ids: NDArray[np.int64], points: NDArray[np.float32], frame: Frame) -> bytes:
    """Little-endian: `MAGIC`, n as uint32, the frame as three float64, n ids as float64, x and y in turn as float32.

    Ids are float64 since scripts have no other number that holds them; they are exact below 2**53.

    Args:
        ids: int64, shape (n,).
        points: float32, shape (n, 2).
        frame: of the stored points, of which these may be a part.
    """
    head = MAGIC + struct.pack("<I3d", len(ids), frame.x, frame.y, frame.span)
    return head + ids.astype("<f8").tobytes() + np.ascontiguousarray(points, "<f4").tobytes()


def packed_codes(codes: NDArray[np.int64]) -> str:
    """Group of each point as base64 of little-endian uint16."""
    return base64.b64encode(codes.astype("<u2").tobytes()).decode()


_STORED = np.dtype([("id", "<i8"), ("x", "<f4"), ("y", "<f4")])


def stored_points(ids: NDArray[np.int64], points: NDArray[np.float32]) -> bytes:
    """Points as the database keeps them: for each image its id as int64, x and y as float32, little-endian."""
    rows = np.empty(len(ids), _STORED)
    rows["id"], rows["x"], rows["y"] = ids, points[:, 0], points[:, 1]
    return rows.tobytes()


def read_stored(raw: bytes) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Image ids, int64, shape (n,), and points, float32, shape (n, 2), from `stored_points`."""
    rows = np.frombuffer(raw, _STORED)
    return rows["id"].astype(np.int64), np.column_stack([rows["x"], rows["y"]]).astype(np.float32)
