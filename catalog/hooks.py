"""Where other apps take part in an import, without the catalogue knowing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from catalog.core.images import Decoded
from catalog.models import Dataset, Image


class IngestObserver(Protocol):
    """Takes part in every import."""

    def describe(self, decoded: Decoded) -> Any:
        """Compute something from a decoded image, in a worker thread, without touching the database."""

    def images_taken(self, dataset: Dataset, images: Sequence[Image], described: Sequence[Any]) -> None:
        """Store what was computed, in the transaction that takes the images.

        Args:
            dataset: where they belong.
            images: the new rows, with their ids.
            described: what `describe` returned for each.
        """

    def companions_brought(self, dataset: Dataset, images: Sequence[Image], files: Mapping[str, bytes]) -> list[str]:
        """Read the files that came with images known by fingerprint only, in the same transaction.

        Args:
            dataset: where they belong.
            images: the new rows in the order of the files' rows.
            files: base name → content.

        Returns:
            sentences for people: what was read.
        """

    def dataset_changed(self, dataset: Dataset) -> None:
        """Know that images were added, in the transaction that adds the last of them."""


_observers: list[IngestObserver] = []


def observe(observer: IngestObserver) -> None:
    """Have an observer take part in every import of this process."""
    _observers.append(observer)


def observers() -> Sequence[IngestObserver]:
    """Those who take part."""
    return tuple(_observers)
