"""What a collection of files means as a dataset: which files are images, which name them, which label them.

Every file seen is an image candidate, a table used, a companion, or refused with a reason. `docs/layouts.md` says it
for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from catalog.core import _tables, labels
from catalog.core._entries import Entry, Refusal, shown
from catalog.core._files import Sorted, sort_files
from catalog.core.errors import BrokenTable
from catalog.core.labels import LabelInfo, LabelRow, UnmatchedLabels, image_name, matcher, table_kind
from catalog.core.sources import Source

__all__ = ["ImageEntry", "LabelInfo", "Layout", "UnmatchedLabels", "recognise"]

EXAMPLES = 5
"""How many unmatched items are named."""

CONTAINER_FOLDERS = frozenset(
    {
        *("train", "training", "val", "valid", "validation", "test", "testing", "dev"),
        *("image", "images", "img", "imgs", "jpegimages", "photos", "pictures", "data", "dataset"),
    }
)
"""Folders that hold images without being their class."""


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """One image of the dataset.

    Attributes:
        path: its file in the source; empty where the dataset holds fingerprints only.
        name: its name in the dataset: the path below the dataset's root, without suffix, Unicode NFC; unique.
        labels: the labels it carries, each once, in the order of the table.
    """

    path: str
    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A collection of files, understood as a dataset.

    Attributes:
        kind: ``images``, or ``fingerprints`` where only names and hashes are there.
        description: what was recognised, as a sentence for people.
        images: the image candidates by path; of fingerprints, in the order of the list of names. Whether a candidate
            is an image only the decoder knows.
        labels: the classes of classes.csv in their order, then every other label in use, sorted.
        tables: paths of the files that names, labels and classes were read from.
        companions: file name -> path of files of hashes, such as ``perceptual_hashes.json``.
        names: the row order of companions that are plain lists: the dataset's list of names; empty without one.
        refused: every other file, with a reason; those that the source refused first.
        unmatched_labels: items of label tables without an image.
        left_out: system files that do not count as seen.
    """

    kind: Literal["images", "fingerprints"]
    description: str
    images: tuple[ImageEntry, ...]
    labels: tuple[LabelInfo, ...]
    tables: tuple[str, ...]
    companions: Mapping[str, str]
    names: tuple[str, ...]
    refused: tuple[Refusal, ...]
    unmatched_labels: UnmatchedLabels
    left_out: int

    @property
    def files_seen(self) -> int:
        """Candidates + tables + companions + refused files."""
        files = sum(1 for image in self.images if image.path)
        return files + len(self.tables) + len(self.companions) + len(self.refused)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at before going on, a sentence each."""
        found = []
        if self.unmatched_labels.count:
            examples = ", ".join(shown(item, longest=60) for item in self.unmatched_labels.examples)
            found.append(
                f"{self.unmatched_labels.count:,} labelled items have no image of this name in the upload: {examples}"
                f"{' …' if self.unmatched_labels.count > len(self.unmatched_labels.examples) else ''}"
            )
        bare = sum(1 for image in self.images if not image.labels)
        if self.labels and bare:
            found.append(f"{bare:,} of {len(self.images):,} images have no label.")
        return tuple(found)


def recognise(source: Source) -> Layout:
    """Understand a collection of files as a dataset; reads its tables, never its images.

    Raises:
        BrokenTable: a table that cannot be read, or tables that contradict each other.
        RefusedArchive: the archive turns out to be broken at a table.
    """
    files = sort_files(source)
    names_table = _names_table(source, files)
    names = _read_names(source, files, names_table)
    candidates = _candidates(files)
    if names and _is_fingerprints(files, candidates, names):
        return _Recognition(source, files, names, names_table).fingerprints()
    return _Recognition(source, files, names, names_table).with_images(candidates)
