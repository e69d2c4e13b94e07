"""Counts along thresholds, and how they are packed for JSON: most stay zero for long and then change seldom.

A **packed curve** of s counts is a list: empty where all are zero; else the first step with a count that is not zero,
then the counts from that step on, up to the last change (the last count holds to the end). In JavaScript::

    const at = (curve, step) =>
      !curve.length || step < curve[0] ? 0 : curve[Math.min(step - curve[0] + 1, curve.length - 1)];
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int64]


def cumulative(step: Counts, key: Counts, s: int, n_keys: int) -> Counts:
    """How many events of each key have happened by each step, shape (s, n_keys); events at step s never happen."""
    counted = step < s
    events = np.bincount(step[counted] * n_keys + key[counted], minlength=s * n_keys).reshape(s, n_keys)
    return events.cumsum(axis=0, dtype=np.int64)


def pack(curve: Counts) -> list[int]:
    """Pack the counts of int64 shape (s,)."""
    positive = np.flatnonzero(curve)
    if not positive.size:
        return []
    start = int(positive[0])
    changed = np.flatnonzero(np.diff(curve))
    end = int(changed[-1]) + 2 if changed.size else start + 1
    return [start, *curve[start:end].tolist()]


def pack_all(curves: Counts) -> list[list[int]]:
    """Pack m curves, int64 shape (s, m), one list each."""
    return [pack(curve) for curve in curves.T]


def unpack(packed: list[int], s: int) -> Counts:
    """The s counts that `pack` was given, int64 shape (s,)."""
    curve = np.zeros(s, np.int64)
    if packed:
        start, *values = packed
        curve[start : start + len(values)] = values
        curve[start + len(values) :] = values[-1]
    return curve


def unpack_all(packed: list[list[int]], s: int) -> Counts:
    """The curves that `pack_all` was given, int64 shape (s, m)."""
    return np.stack([unpack(curve, s) for curve in packed], axis=1) if packed else np.zeros((s, 0), np.int64)


def shortest(value: np.float32) -> float | int:
    """The shortest number that reads back as the same float32: 0.1, not 0.10000000149."""
    return int(value) if value == np.rint(value) else float(str(value))
