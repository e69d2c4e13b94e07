"""One folder or archive as a dataset: what lies in it, and which of its images are taken."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from catalog.core.errors import CatalogError
from catalog.core.layouts import ImageEntry, Layout, recognise
from catalog.core.sources import Source, open_source


@dataclass(frozen=True, slots=True, eq=False)
class Folder:
    """A dataset that lies in a folder.

    Attributes:
        name: as it was asked for.
        source: its files, open.
        layout: what they mean.
        entries: the images that are taken, in the layout's order.
    """

    name: str
    source: Source
    layout: Layout
    entries: Sequence[ImageEntry]

    @property
    def has_pictures(self) -> bool:
        """Whether it holds images, or names with hashes or vectors alone."""
        return self.layout.kind == "images"


def open_folder(name: str, place: Path, max_images: int | None, stack: ExitStack) -> Folder:
    """Open a folder or archive.

    Args:
        name: the dataset's.
        place: where it lies.
        max_images: at most so many images are taken (see `sample`); all when None.
        stack: closes it.

    Raises:
        CatalogError: it is not there, cannot be read, or holds nothing.
    """
    if not place.exists():
        raise CatalogError(f"There is no folder or archive {place}.", remedy="Check the path.")
    source = stack.enter_context(open_source(place))
    layout = recognise(source)
    if not layout.images:
        raise CatalogError(f"{name} holds no images and no fingerprints.", remedy="Check the path.")
    return Folder(name, source, layout, sample(layout.images, max_images))


def sample(entries: Sequence[ImageEntry], most: int | None) -> Sequence[ImageEntry]:
    """At most so many images, in their order: those whose names have the smallest SHA-256.

    So they are spread over all folders and classes, are the same in every run and on every machine, and a larger sample
    holds a smaller one.
    """
    if most is None or len(entries) <= most:
        return entries
    digests = [hashlib.sha256(entry.name.encode()).digest() for entry in entries]
    chosen = sorted(range(len(entries)), key=digests.__getitem__)[:most]
    return [entries[row] for row in sorted(chosen)]
