"""How the distances of a signal are counted, checked, cut into thresholds, and said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.core.errors import InvalidArray


class Scale(Protocol):
    """The distances of a signal: from 0, smaller is closer."""

    @property
    def unit(self) -> str:
        """What they are counted in, as the API names it: ``bits``, ``cosine distance``, ``euclidean distance``."""
        ...

    @property
    def largest(self) -> float:
        """The largest distance that two descriptors can have; of Euclidean distances the largest one offered."""
        ...

    @property
    def unrelated(self) -> float:
        """What two pictures that have nothing in common differ by: the end of bars and of the form's field."""
        ...

    @property
    def step(self) -> float:
        """The finest difference between two thresholds."""
        ...

    @property
    def places(self) -> int:
        """Decimal places that are shown."""
        ...

    def threshold(self, distance: float) -> float:
        """A threshold as it is compared with stored distances.

        Raises:
            InvalidArray: no distance on this scale.
        """
        ...

    def number(self, distance: float) -> str:
        """A distance as a bare number: ``8``, ``0.125``."""
        ...

    def after(self, distance: float) -> str:
        """What stands behind the number: ``of 64 bits``, ``(similarity 0.875)``."""
        ...

    def words(self, distance: float) -> str:
        """A distance with its unit: ``8 of 64 bits``, ``0.125 (similarity 0.875)``."""
        ...


_SAME = 1e-3
"""Of a step: nearer to a threshold than this is the threshold, written in decimals or in float32."""
_ROUNDING = 1e-6
"""Of a distance: more than float32 moves it by."""


def thresholds(scale: Scale, max_distance: float) -> NDArray[np.float32]:
    """The thresholds from 0 to `max_distance` for which overlaps are stored, float32, rising; both ends are in it."""
    count = int(np.floor(max_distance / scale.step + 1e-6))
    steps = np.round(np.arange(count + 1) * scale.step, 6).astype(np.float32)
    last = np.float32(max_distance)
    return steps if steps[-1] >= last else np.append(steps, last)


def explored(distance: float, largest: float) -> bool:
    """Whether a distance that was asked for lies from 0 to the largest explored, which is kept in float32."""
    return 0 <= distance <= largest * (1 + _ROUNDING)


def snapped(scale: Scale, distance: float, largest: float) -> float:
    """The largest of `thresholds` that is at most `distance`: what stored overlaps can tell exactly.

    Raises:
        InvalidArray: no distance on this scale.
    """
    if distance >= largest * (1 - _ROUNDING):
        return scale.threshold(largest)
    return scale.threshold(round(np.floor(distance / scale.step + _SAME) * scale.step, 6))


def _rounded(distance: float, largest: float, called: str, remedy: str) -> float:
    """Rounded to float32, as measured distances are, so that a pair exactly at the threshold is within it.

    Raises:
        InvalidArray: no distance from 0 to `largest`; `called` is what it is said not to be.
    """
    if not 0 <= distance <= largest:
        raise InvalidArray(f"{distance:g} is no {called}.", remedy=remedy)
    return float(np.float32(distance))


def _plain(distance: float, places: int) -> str:
    """The number with at most `places` decimals and no zeros at its end."""
    text = f"{distance:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class Bits:
    """Hamming distances of hashes of `n_bits` bits: whole numbers."""

    n_bits: int

    @property
    def unit(self) -> str:
        """See `Scale`."""
        return "bits"

    @property
    def largest(self) -> float:
        """See `Scale`."""
        return float(self.n_bits)

    @property
    def unrelated(self) -> float:
        """Half of the bits."""
        return float(self.n_bits // 2)

    @property
    def step(self) -> float:
        """See `Scale`."""
        return 1.0

    @property
    def places(self) -> int:
        """See `Scale`."""
        return 0

    def threshold(self, distance: float) -> float:
        """See `Scale`."""
        if not 0 <= distance <= self.n_bits or distance != int(distance):
            raise InvalidArray(
                f"{distance:g} is no distance of these hashes.",
                remedy=f"Give a whole number of bits, 0 to {self.n_bits}.",
            )
        return float(distance)

    def number(self, distance: float) -> str:
        """See `Scale`."""
        return f"{distance:g}"

    def after(self, distance: float) -> str:
        """See `Scale`."""
        return f"of {self.n_bits} bits"

    def words(self, distance: float) -> str:
        """See `Scale`."""
        return f"{distance:g} of {self.n_bits} bits"


@dataclass(frozen=True, slots=True)
class _OneMinus:
    """Distances that are 1 minus something in which people may think.

    Attributes:
        unit, largest, unrelated, step, places: see `Scale`.
        called: what a distance is called in messages.
        likeness: what it is 1 minus of.
        copies: below which most copies lie.
    """

    unit: ClassVar[str]
    largest: ClassVar[float]
    unrelated: ClassVar[float]
    step: ClassVar[float]
    places: ClassVar[int] = 3
    called: ClassVar[str]
    likeness: ClassVar[str]
    copies: ClassVar[float]

    def threshold(self, distance: float) -> float:
        """See `Scale`."""
        remedy = (
            f"Give a number from 0 to {self.largest:g}; most copies lie below {self.copies:g}, "
            f"a {self.likeness} of {1 - self.copies:g}."
        )
        return _rounded(distance, self.largest, self.called, remedy)

    def number(self, distance: float) -> str:
        """See `Scale`."""
        return f"{distance:g}"

    def after(self, distance: float) -> str:
        """See `Scale`."""
        return f"({self.likeness} {_plain(1 - distance, self.places)})"

    def words(self, distance: float) -> str:
        """See `Scale`."""
        return f"{_plain(distance, self.places)} {self.after(distance)}"


@dataclass(frozen=True, slots=True)
class Cosine(_OneMinus):
    """Cosine distances of unit vectors; unrelated ones are at a right angle."""

    unit = "cosine distance"
    largest = 2.0
    unrelated = 1.0
    step = 0.005
    called = "cosine distance"
    likeness = "similarity"
    copies = 0.1


@dataclass(frozen=True, slots=True)
class Correlation(_OneMinus):
    """1 minus a correlation that is 0 at least, the highest at any shift: some shift always correlates."""

    unit = "correlation distance"
    largest = 1.0
    unrelated = 0.5
    step = 0.001
    called = "distance of correlations"
    likeness = "correlation"
    copies = 0.05


@dataclass(frozen=True, slots=True)
class Euclidean:
    """Euclidean distances of vectors of real numbers.

    Attributes:
        reach: the largest distance that is offered; `unrelated` is half of it.
        step: see `Scale`.
    """

    reach: float
    step: float
    places: int = 4

    @property
    def unit(self) -> str:
        """See `Scale`."""
        return "euclidean distance"

    @property
    def largest(self) -> float:
        """See `Scale`."""
        return self.reach

    @property
    def unrelated(self) -> float:
        """See `Scale`."""
        return self.reach / 2

    def threshold(self, distance: float) -> float:
        """See `Scale`."""
        return _rounded(distance, self.reach, "distance of this signal", f"Give a number from 0 to {self.reach:g}.")

    def number(self, distance: float) -> str:
        """See `Scale`."""
        return f"{distance:g}"

    def after(self, distance: float) -> str:
        """Nothing: these numbers mean something only beside each other."""
        return ""

    def words(self, distance: float) -> str:
        """See `Scale`."""
        return _plain(distance, self.places)
