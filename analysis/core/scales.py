"""How the distances of a signal are counted, checked, cut into thresholds, and said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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


def thresholds(scale: Scale, max_distance: float) -> NDArray[np.float32]:
    """The thresholds from 0 to `max_distance` for which overlaps are stored, float32, rising; both ends are in it."""
    count = int(np.floor(max_distance / scale.step + 1e-6))
    steps = np.round(np.arange(count + 1) * scale.step, 6).astype(np.float32)
    last = np.float32(max_distance)
    return steps if steps[-1] >= last else np.append(steps, last)


def snapped(scale: Scale, distance: float, largest: float) -> float:
    """The largest of `thresholds` that is at most `distance`: what stored overlaps can tell exactly.

    Raises:
        InvalidArray: no distance on this scale.
    """
    if distance >= largest:
        return scale.threshold(largest)
    return scale.threshold(round(np.floor(distance / scale.step + 1e-6) * scale.step, 6))


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
class Cosine:
    """Cosine distances of unit vectors, 0 to 2; people may think in similarity, which is 1 minus it."""

    @property
    def unit(self) -> str:
        """See `Scale`."""
        return "cosine distance"

    @property
    def largest(self) -> float:
        """See `Scale`."""
        return 2.0

    @property
    def unrelated(self) -> float:
        """Vectors at a right angle."""
        return 1.0

    @property
    def step(self) -> float:
        """See `Scale`."""
        return 0.005

    @property
    def places(self) -> int:
        """See `Scale`."""
        return 3

    def threshold(self, distance: float) -> float:
        """Rounded to float32, as measured distances are, so that a pair exactly at the threshold is within it."""
        if not 0 <= distance <= self.largest:
            raise InvalidArray(
                f"{distance:g} is no cosine distance.",
                remedy="Give a number from 0 to 2; most copies lie below 0.1, a similarity of 0.9.",
            )
        return float(np.float32(distance))

    def number(self, distance: float) -> str:
        """See `Scale`."""
        return f"{distance:g}"

    def after(self, distance: float) -> str:
        """See `Scale`."""
        return f"(similarity {_plain(1 - distance, self.places)})"

    def words(self, distance: float) -> str:
        """See `Scale`."""
        return f"{_plain(distance, self.places)} {self.after(distance)}"


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
        """Rounded to float32, as measured distances are, so that a pair exactly at the threshold is within it."""
        if not 0 <= distance <= self.reach:
            raise InvalidArray(
                f"{distance:g} is no distance of this signal.", remedy=f"Give a number from 0 to {self.reach:g}."
            )
        return float(np.float32(distance))

    def number(self, distance: float) -> str:
        """See `Scale`."""
        return f"{distance:g}"

    def after(self, distance: float) -> str:
        """Nothing: these numbers mean something only beside each other."""
        return ""

    def words(self, distance: float) -> str:
        """See `Scale`."""
        return _plain(distance, self.places)
