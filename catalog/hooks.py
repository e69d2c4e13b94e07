"""Where other apps take part in an import, without the catalogue knowing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from catalog.core.images import Decoded
from catalog.models import Dataset, Image


@dataclass(frozen=True, slots=True)
class BroughtHashes:
    """Files that list a hash for each name, and the images that the names mean.

    Attributes:
        names: what the files call the images, in the order of lists that have no names of their own.
        image_ids: the image of each name.
        files: base name → content.
    """

    names: Sequence[str]
    image_ids: Sequence[int]
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class BroughtVectors:
    """A file with a vector in each row, and the images that they are of.

    Attributes:
        file_name: its name, without folders.
        names: what the file calls the image of each row, in order.
        image_ids: the image of each row; None for a row that is to be left out.
        open: opens the content; who calls it closes it.
    """

    file_name: str
    names: Sequence[str]
    image_ids: Sequence[int | None]
    open: Callable[[], BinaryIO]


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

    def companions_brought(self, dataset: Dataset, brought: BroughtHashes) -> list[str]:
        """Read files of hashes of images that are there by now, in the transaction of the import.

        Args:
            dataset: where the images belong.
            brought: the files.

        Returns:
            sentences for people: what was read.

        Raises:
            BrokenTable: one of the files is not taken.
        """

    def vectors_brought(self, dataset: Dataset, brought: BroughtVectors) -> list[str]:
        """Read a file of vectors of images that are there by now, in a transaction of its own.

        Args:
            dataset: where the images belong.
            brought: the file.

        Returns:
            sentences for people: what was read.

        Raises:
            BrokenTable: the file is not taken.
        """

    def dataset_changed(self, dataset: Dataset) -> None:
        """Know that images or descriptors were added, in the transaction that adds the last of them."""


_observers: list[IngestObserver] = []


def observe(observer: IngestObserver) -> None:
    """Have an observer take part in every import of this process."""
    _observers.append(observer)


def observers() -> Sequence[IngestObserver]:
    """Those who take part."""
    return tuple(_observers)
