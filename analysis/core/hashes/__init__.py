"""Perceptual hashes: one file per hash, each equal to that of the library that it is known from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits
from analysis.core.hashes._rendition import Rendition, Size
from analysis.core.metrics import Hamming, Metric, TaggedHamming
from analysis.core.registry import Offered, Registry

__all__ = ["HASHES", "Hash", "Rendition", "as_stored", "bit_lengths", "compute"]


class Hash(Offered, Protocol):
    """A function from an image to a few bytes, by whose distance similar images are found."""

    @property
    def name(self) -> str:
        """The signal's name, a storage key: what it computes never changes."""
        ...

    @property
    def metric(self) -> Metric[Any]:
        """How the bytes of two images are compared."""
        ...

    @property
    def default_distance(self) -> float:
        """Largest distance, on the metric's scale, at which two images are worth a look."""
        ...

    @property
    def at_import(self) -> bool:
        """Whether it is computed while an image is imported; else when a comparison asks for it."""
        ...

    def reductions(self, width: int, height: int) -> Sequence[Size]:
        """The sizes to which it reduces a grey image of this size; those of all hashes are computed together."""
        ...

    def describe(self, rendition: Rendition) -> NDArray[np.uint8]:
        """The bytes of one image, as they are stored: uint8, shape (metric.width,), any length where that is None."""
        ...

    def note(self, descriptor: bytes) -> str:
        """What the stored bytes of one image say of it, for people, e.g. ``quality 74 of 100``; mostly nothing."""
        ...


HASHES: Registry[Hash] = Registry("analysis.core.hashes", "hash")


def bit_lengths() -> dict[str, int]:
    """Number of bits by name, of the hashes that are compared by their bits: files can list them."""
    metrics = {name: _of_bits(name) for name in HASHES}
    return {name: metric.n_bits for name, metric in metrics.items() if metric is not None}


def as_stored(name: str, bits: PackedBits) -> NDArray[np.uint8]:
    """Hashes that a file lists, one of `bit_lengths`, as images store them: uint8, shape (n, metric.width)."""
    metric = _of_bits(name)
    assert metric is not None  # noqa: S101  # no other hash is listed
    return metric.stored(bits)


def _of_bits(name: str) -> Hamming | TaggedHamming | None:
    metric = HASHES[name].metric
    return metric if isinstance(metric, Hamming | TaggedHamming) else None


def compute(rgb: NDArray[np.uint8], names: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    """Compute hashes of one image, sharing the work that they have in common.

    Args:
        rgb: uint8, shape (height, width, 3).
        names: names of hashes in `HASHES`.

    Returns:
        For each name what `Hash.describe` gives.

    Raises:
        UnknownName: a name that is no hash.
        InvalidArray: an array that is no RGB image.
    """
    hashes = [HASHES[name] for name in names]
    rendition = Rendition(rgb)
    rendition.reduce([size for entry in hashes for size in entry.reductions(rendition.width, rendition.height)])
    return {entry.name: entry.describe(rendition) for entry in hashes}
