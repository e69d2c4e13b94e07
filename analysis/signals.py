"""Signals as the product knows them: registry entry and database key, units and words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from analysis.core.errors import InvalidArray
from analysis.core.hashes import HASHES, Hash
from analysis.models import Signal


@dataclass(frozen=True, slots=True)
class KnownSignal:
    """A hash signal with its database key."""

    id: int
    hash: Hash

    @property
    def name(self) -> str:
        """Its storage key, e.g. ``phash-8``."""
        return self.hash.name

    @property
    def n_bits(self) -> int:
        """The length of its hashes."""
        return self.hash.n_bits

    @property
    def unit(self) -> str:
        """What its distances are counted in, for people."""
        return f"of {self.n_bits} bits"


@cache
def signal(name: str) -> KnownSignal:
    """The signal of this name; its row is made at the first use.

    Raises:
        UnknownName: no hash has this name.
    """
    entry = HASHES[name]
    row, _ = Signal.objects.get_or_create(name=name)
    return KnownSignal(row.pk, entry)


def signals() -> list[KnownSignal]:
    """Every signal, in the order of its file's name."""
    return [signal(name) for name in HASHES]


def check_distance(known: KnownSignal, distance: float) -> float:
    """A largest distance that makes sense under the signal.

    Raises:
        InvalidArray: negative, not a whole number of bits, or beyond the length of the hash.
    """
    if distance != int(distance) or not 0 <= distance <= known.n_bits:
        raise InvalidArray(
            f"{distance:g} is no distance under {known.name}: they are whole numbers of bits, 0 to {known.n_bits}.",
            remedy=f"Most copies lie within {known.hash.default_distance}.",
        )
    return float(distance)
