"""Perceptual hashes: one file per hash, each bit equal to that of the ImageHash library where it has the hash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._rendition import Rendition
from analysis.core.registry import Registry

__all__ = ["HASHES", "Hash", "Rendition", "compute"]


class Hash(Protocol):
    """A function from an image to bits, of which similar images share most."""

    @property
    def name(self) -> str:
        """The signal's name, a storage key: what it computes never changes."""
        ...

    @property
    def title(self) -> str:
        """The name for people, e.g. ``pHash, 64 bits``."""
        ...

    @property
    def summary(self) -> str:
        """One sentence on what it finds and what it misses."""
        ...

    @property
    def n_bits(self) -> int:
        """Number of bits."""
        ...

    @property
    def default_distance(self) -> int:
        """Largest Hamming distance, in bits, at which two images are worth a look."""
        ...

    def compute(self, rendition: Rendition) -> NDArray[np.bool_]:
        """The bits of one image: bool, shape (n_bits,)."""
        ...


HASHES: Registry[Hash] = Registry("analysis.core.hashes", "hash")


def compute(rgb: NDArray[np.uint8], names: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    """Compute hashes of one image, sharing the work that they have in common.

    Args:
        rgb: uint8, shape (height, width, 3).
        names: names of hashes in `HASHES`.

    Returns:
        For each name its bits packed as `numpy.packbits` does: uint8, shape (ceil(n_bits / 8),).

    Raises:
        UnknownName: a name that is no hash.
        InvalidArray: an array that is no RGB image.
    """
    hashes = [HASHES[name] for name in names]
    rendition = Rendition(rgb)
    return {entry.name: np.packbits(entry.compute(rendition)) for entry in hashes}
