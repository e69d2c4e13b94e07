"""The hashes of datasets, kept in memory between look-ups as long as they are those of the database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.metrics import Hamming
from analysis.signals import KnownSignal

MOST_BYTES = 256 * 2**20
"""What one process keeps at most: about a million images under all hashes of 64 bits."""

_STATES = """
    SELECT d.id, d.image_count, coalesce((SELECT max(i.id) FROM catalog_image i WHERE i.dataset_id = d.id), 0)
    FROM catalog_dataset d WHERE d.id = ANY(%s)
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM analysis_hash h WHERE h.dataset_id = wanted.dataset AND h.signal_id = wanted.signal)
    FROM unnest(%s::bigint[], %s::smallint[]) WITH ORDINALITY AS wanted(dataset, signal, place) ORDER BY place
"""

State = tuple[int, int]
"""Number of images of a dataset, and the id of its newest."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The hashes of a dataset under a signal.

    Attributes:
        ids: image ids, int64, shape (n,), rising.
        words: uint64, shape (w, n): word w of every hash, where they are compared bit by bit; else None.
        stack: as the metric's join takes them, where they are not.
        state: of the dataset, seen before they were read.
        size: bytes in memory, about.
    """

    ids: NDArray[np.int64]
    words: NDArray[np.uint64] | None
    stack: Any
    state: State
    size: int


@dataclass(slots=True)
class _Store:
    """The least recently used goes first."""

    kept: OrderedDict[tuple[int, int], Held] = field(default_factory=OrderedDict)
    size: int = 0
    lock: Lock = field(default_factory=Lock)

    def get(self, key: tuple[int, int]) -> Held | None:
        with self.lock:
            found = self.kept.get(key)
            if found is not None:
                self.kept.move_to_end(key)
            return found

    def put(self, key: tuple[int, int], held: Held) -> None:
        with self.lock:
            self._drop(key)
            self.kept[key] = held
            self.size += held.size
            while self.size > MOST_BYTES and len(self.kept) > 1:
                self._drop(next(iter(self.kept)))

    def _drop(self, key: tuple[int, int]) -> None:
        before = self.kept.pop(key, None)
        if before is not None:
            self.size -= before.size


_store = _Store()


def words_of(packed: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Packed bits, uint8, shape (n, width), as 64-bit words, shape (words, n), each word of all hashes in a row."""
    short = -packed.shape[1] % 8
    if short:
        packed = np.pad(packed, ((0, 0), (0, short)))
    return np.ascontiguousarray(np.ascontiguousarray(packed).view("<u8").T)


def hashes_of(wanted: Sequence[tuple[int, KnownSignal]]) -> list[Held]:
    """The hashes of datasets under signals, (dataset id, signal) each: from memory where nothing has changed.

    Images never change and their hashes neither, so where every image has its hash, the number of images and the
    newest one tell whether they are still the same. Where some lack it they may get it at any time, and are counted.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATES, [list({dataset for dataset, _ in wanted})])
        states: dict[int, State] = {pk: (images, newest) for pk, images, newest in cursor.fetchall()}
    kept = [_store.get((dataset, known.id)) for dataset, known in wanted]
    same = [
        held is not None and held.state == states.get(dataset) for held, (dataset, _) in zip(kept, wanted, strict=True)
    ]
    partial = [
        place for place, held in enumerate(kept) if same[place] and held is not None and len(held.ids) != held.state[0]
    ]
    if partial:
        with connection.cursor() as cursor:
            datasets = [wanted[place][0] for place in partial]
            cursor.execute(_COUNTS, [datasets, [wanted[place][1].id for place in partial]])
            for place, (count,) in zip(partial, cursor.fetchall(), strict=True):
                held = kept[place]
                same[place] = held is not None and len(held.ids) == count
    found = []
    for place, (dataset, known) in enumerate(wanted):
        held = kept[place]
        if held is None or not same[place]:
            held = _read(dataset, known, states.get(dataset, (0, 0)))
            _store.put((dataset, known.id), held)
        found.append(held)
    return found


def _read(dataset_id: int, known: KnownSignal, state: State) -> Held:
    metric = known.hash.metric
    ids, rows = bulk.read_descriptors(dataset_id=dataset_id, signal_id=known.id, width=metric.width)
    if isinstance(metric, Hamming) and not isinstance(rows, list):
        words = words_of(rows)
        return Held(ids, words, None, state, ids.nbytes + words.nbytes)
    stack = metric.stack(rows) if len(rows) else None
    return Held(ids, None, stack, state, ids.nbytes + len(rows) * metric.typical_width)
