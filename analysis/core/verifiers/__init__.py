"""Verifiers: one file per way of finding the same points in two pictures, a second look after the signals."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from analysis.core.registry import Offered, Registry
from analysis.core.verifiers._finding import FEWEST_INLIERS, Finding
from analysis.core.verifiers._seen import Seen
from analysis.core.verifiers._transformation import Transformation
from analysis.core.verifiers._words import sentences

__all__ = [
    "FEWEST_INLIERS",
    "VERIFIERS",
    "Finding",
    "Seen",
    "Transformation",
    "Verifier",
    "sentences",
    "verify",
    "versions",
]


class Verifier(Offered, Protocol):
    """Looks for points that two pictures share, and for one transformation that explains where they lie."""

    @property
    def name(self) -> str:
        """A storage key, the algorithm and the version of its parameters, e.g. ``orb-1``."""
        ...

    @property
    def default_inliers(self) -> int:
        """From so many inliers on, two pictures most likely show the same thing."""
        ...

    def see(self, rgb: NDArray[np.uint8]) -> Seen:
        """Prepare one picture; what is found in it is kept for the next pair that it is in.

        Args:
            rgb: uint8, shape (height, width, 3), at least one pixel.

        Raises:
            InvalidArray: wrong dtype or shape.
        """
        ...

    def compare(self, a: Seen, b: Seen) -> Finding:
        """Look at a pair whose pictures were prepared by this verifier; also at the mirror image of `b`."""
        ...


VERIFIERS: Registry[Verifier] = Registry("analysis.core.verifiers", "verifier")


def verify(name: str, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Finding:
    """Look at one pair of pictures.

    Args:
        name: of a verifier in `VERIFIERS`.
        a: uint8, shape (height, width, 3).
        b: likewise, of any size.

    Raises:
        UnknownName: a name that is no verifier.
        InvalidArray: an array that is no RGB image.
    """
    verifier = VERIFIERS[name]
    return verifier.compare(verifier.see(a), verifier.see(b))


def versions() -> dict[str, str]:
    """Library name → version, of the libraries that a finding depends on."""
    return {"opencv": cv2.__version__, "numpy": np.__version__}
