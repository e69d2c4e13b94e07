"""Models that describe a query's picture or text in this process: few, kept loaded, one request at a time each."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from analysis.core.encoders import Encoder, LoadedEncoder

KEPT = 2
"""Models in memory at most; the least recently used makes room."""

_loading = Lock()
_kept: OrderedDict[str, tuple[LoadedEncoder, Lock]] = OrderedDict()


@contextmanager
def loaded(encoder: Encoder) -> Iterator[LoadedEncoder]:
    """The model in memory, for this thread alone; never downloaded.

    Raises:
        ModelUnavailable: its weights are not on this machine, are broken, or do not fit into memory.
    """
    # One is loaded at a time: two at once might not fit where one after the other does.
    with _loading:
        if encoder.name not in _kept:
            while len(_kept) >= KEPT:
                _kept.popitem(last=False)
            _kept[encoder.name] = (encoder.load(), Lock())
        _kept.move_to_end(encoder.name)
        model, alone = _kept[encoder.name]
    with alone:
        yield model
