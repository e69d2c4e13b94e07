"""What a collection of files means as a dataset: which files are images, what names them, what labels them.

Every file seen is an image candidate, a table used, a companion, or refused with a reason. `docs/layouts.md` says it
for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from catalog.core import labels as label_tables
from catalog.core._entries import Refusal, shown
from catalog.core._files import (
    CONTAINER_FOLDERS,
    Sorted,
    folder_of,
    folders_above,
    images_root,
    sort_files,
    voc_images_folder,
)
from catalog.core._tables import MAX_TABLE_BYTES, clean
from catalog.core.errors import BrokenTable
from catalog.core.labels import LabelInfo, LabelRow, UnmatchedLabels, image_name, item_name, matcher
from catalog.core.sources import Source

__all__ = ["ImageEntry", "LabelInfo", "Layout", "UnmatchedLabels", "recognise"]

EXAMPLES = 5
"""How many unmatched items are named."""

_PARALLEL_LIST = re.compile(rb"(\xef\xbb\xbf)?\s*\[\s*[^\s{\]]")
_VOC_MASKS = ("SegmentationClass", "SegmentationObject")


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
        description: what was recognised, in words for people.
        images: the image candidates by path; of fingerprints, in the order of the list of names. Whether a candidate
            is an image only the decoder knows.
        labels: the classes of classes.csv in their order, then every other label in use, sorted.
        tables: paths of the files that names, labels and classes were read from.
        companions: file name -> path of files of hashes, such as ``perceptual_hashes.json``.
        names: the row order of companions that are plain lists: the dataset's list of names; empty without one.
        refused: every other file, with a reason; those that the source refused first.
        unmatched_labels: items of label tables without an image.
        left_out: number of system files, which do not count as seen.
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
            more = ", …" if self.unmatched_labels.count > len(self.unmatched_labels.examples) else ""
            found.append(
                f"{self.unmatched_labels.count:,} items with labels have no image of that name here: {examples}{more}."
            )
        bare = sum(1 for image in self.images if not image.labels)
        if self.labels and bare:
            found.append(f"{bare:,} of {len(self.images):,} images have no label.")
        return tuple(found)


def recognise(source: Source) -> Layout:
    """Understand a collection of files as a dataset. Reads its tables, never its images.

    Raises:
        BrokenTable: a table that cannot be read, or tables that contradict each other.
        RefusedArchive: the archive turns out to be broken at a table.
    """
    files = sort_files(source)
    companions = _companions(files)
    reader = _TableReader(source, files, companions)
    candidates = sorted(files.images + files.unknown)
    if companions or not files.images:
        _, names = reader.names
        find = matcher(names)
        if names and all(find(image_name(path)) is None for path in candidates):
            return _fingerprints(source, reader)
        if not names and companions and not files.images:
            first = next(iter(companions.values()))
            raise BrokenTable(
                f"{shown(first)} holds hashes, and nothing says of which images.",
                remedy="Add names.txt with one name a line, in the order of the hashes.",
            )
    return _images(source, reader, candidates)


def _companions(files: Sorted) -> dict[str, str]:
    """File name -> path of each file of hashes."""
    found: dict[str, str] = {}
    for path in files.hashes:
        name = path.rpartition("/")[2]
        if name in found:
            raise BrokenTable(
                f"{shown(found[name])} and {shown(path)}: these seem to be several datasets.",
                remedy="Upload each of them as a dataset of its own.",
            )
        found[name] = path
    return found


class _TableReader:
    """The tables of a source, read on demand; keeps account of those used."""

    def __init__(self, source: Source, files: Sorted, companions: Mapping[str, str]) -> None:
        self.files = files
        self.companions = companions
        self.used: list[str] = []
        self.home = folder_of(next(iter(companions.values()))) if companions else ""
        self._source = source
        self._sizes = {entry.path: entry.size for entry in source.entries()}

    def _read(self, path: str) -> bytes:
        if self._sizes[path] > MAX_TABLE_BYTES:
            raise BrokenTable(
                f"{shown(path)} has {self._sizes[path]:,} bytes; tables are read up to {MAX_TABLE_BYTES:,}.",
                remedy="Divide the dataset, or leave out columns that are not needed.",
            )
        return self._source.read(path)

    @cached_property
    def names(self) -> tuple[str, tuple[str, ...]]:
        """The path of the list of names, and the names: beside the hashes, else nearest to the root.

        Without a list, the keys of hashes that are an object by name. Not read where nothing needs it: other files are
        called names.txt too.
        """
        lists = self.files.tables["names"]
        if self.companions:
            lists = [path for path in lists if folder_of(path) == self.home]
        if not lists:
            for path in self.companions.values():
                data = self._read(path)
                if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
                    return path, label_tables.read_names(path, data)
            return "", ()
        nearest = min(path.count("/") for path in lists)
        chosen, *others = [path for path in lists if path.count("/") == nearest]
        names = label_tables.read_names(chosen, self._read(chosen))
        for other in others:
            if label_tables.read_names(other, self._read(other)) != names:
                raise BrokenTable(
                    f"{shown(chosen)} and {shown(other)} list different names, or in another order.",
                    remedy="Keep one list of names; several datasets are uploaded one by one.",
                )
        return chosen, names

    def use_names(self) -> tuple[str, ...]:
        """The names; from now on their list counts as used, where it is a file of its own."""
        path, names = self.names
        if path and path not in self.files.hashes and path not in self.used:
            self.used.append(path)
        return names

    def rows(self, homes: Sequence[str], *, everywhere: bool) -> tuple[list[str], list[tuple[str, LabelRow]]]:
        """The label tables of the first kind that is there, and their rows, each with the folder of its table.

        Args:
            homes: folders in which tables may lie, the nearest first.
            everywhere: whether metadata tables may lie in any folder, as they do in the folders of train and test.
        """
        for kind in ("ground-truth", "metadata", "labels"):
            paths = self.files.tables[kind]
            if not (kind == "metadata" and everywhere):
                home = next((home for home in homes if any(folder_of(path) == home for path in paths)), None)
                paths = [path for path in paths if folder_of(path) == home]
            found = [(path, rows) for path in paths if (rows := self._label_rows(path)) is not None]
            if found:
                self.used.extend(path for path, _ in found)
                return [path for path, _ in found], [(folder_of(path), row) for path, rows in found for row in rows]
        return [], []

    def _label_rows(self, path: str) -> tuple[LabelRow, ...] | None:
        data = self._read(path)
        if path.casefold().endswith(".csv"):
            return label_tables.read_label_csv(path, data)
        if path.casefold().endswith(".jsonl"):
            return label_tables.read_label_jsonl(path, data)
        names = self.use_names() if _PARALLEL_LIST.match(data) else ()
        return label_tables.read_label_json(path, data, names or None)

    def classes(self, homes: Sequence[str]) -> tuple[LabelInfo, ...]:
        """The classes of the nearest classes.csv; none without one."""
        for home in homes:
            for path in self.files.tables["classes"]:
                if folder_of(path) == home:
                    self.used.append(path)
                    return label_tables.read_classes(path, self._read(path))
        return ()

    def unused(self) -> list[Refusal]:
        """A refusal for each table that was not needed."""
        message = "A table that was not used: another takes its place, it has no labels, or it is not where it counts."
        tables = sorted(path for paths in self.files.tables.values() for path in paths)
        return [Refusal(path, "unused-table", message) for path in tables if path not in self.used]


def _fingerprints(source: Source, reader: _TableReader) -> Layout:
    files = reader.files
    names = reader.use_names()
    homes = folders_above(reader.home if reader.companions else folder_of(reader.names[0]))
    label_files, rows = reader.rows(homes, everywhere=False)
    carried, unmatched = _assign(rows, names, root=homes[0])
    images = tuple(ImageEntry("", name, carried.get(name, ())) for name in names)
    classes = reader.classes(homes)
    foreign = [
        Refusal(path, "not-listed", "The dataset holds fingerprints only, and its list of names has no such image.")
        for path in sorted(files.images + files.unknown)
    ]
    hashes = _listed(reader.companions) or "no hashes yet"
    description = f"Fingerprints without images: {len(images):,} names, {hashes}"
    if label_files:
        description += f", labels from {_listed(path.rpartition('/')[2] for path in label_files)}"
    return _layout(
        "fingerprints",
        source,
        reader,
        description=description,
        images=images,
        classes=classes,
        refused=[*foreign, *files.refused],
        unmatched=unmatched,
    )


def _images(source: Source, reader: _TableReader, candidates: Sequence[str]) -> Layout:
    files = reader.files
    voc = voc_images_folder(files.images)
    refused = list(files.refused)
    if voc is not None:
        refused += [_outside_voc(path, voc) for path in candidates if not path.startswith(f"{voc}/")]
        candidates = [path for path in candidates if path.startswith(f"{voc}/")]
    root = voc if voc is not None else images_root(files.images or candidates)
    named = _named(candidates, root, refused)
    homes = folders_above(root)
    label_files, rows = reader.rows(homes, everywhere=True)
    if reader.companions:
        reader.use_names()
    if label_files:
        carried, unmatched = _assign(rows, named, root=root)
    else:
        carried, unmatched = _folder_labels(named), UnmatchedLabels()
    images = tuple(ImageEntry(path, name, carried.get(name, ())) for name, path in named.items())
    return _layout(
        "images",
        source,
        reader,
        description=_described(voc, label_files, carried, len(images)),
        images=images,
        classes=reader.classes(homes),
        refused=refused,
        unmatched=unmatched,
    )


def _layout(
    kind: Literal["images", "fingerprints"],
    source: Source,
    reader: _TableReader,
    *,
    description: str,
    images: tuple[ImageEntry, ...],
    classes: tuple[LabelInfo, ...],
    refused: Sequence[Refusal],
    unmatched: UnmatchedLabels,
) -> Layout:
    known = {info.name for info in classes}
    others = sorted({label for image in images for label in image.labels} - known)
    return Layout(
        kind=kind,
        description=description,
        images=images,
        labels=(*classes, *(LabelInfo(name) for name in others)),
        tables=tuple(reader.used),
        companions=reader.companions,
        names=reader.names[1] if reader.companions or kind == "fingerprints" else (),
        refused=(*source.refused, *sorted([*refused, *reader.unused()], key=lambda refusal: refusal.path)),
        unmatched_labels=unmatched,
        left_out=source.left_out,
    )


def _outside_voc(path: str, voc: str) -> Refusal:
    if any(folder in path.split("/") for folder in _VOC_MASKS):
        return Refusal(path, "voc-mask", "A segmentation mask of Pascal VOC, not an image of the dataset.")
    return Refusal(path, "outside-images", f"The dataset's images lie in {shown(voc)}/, and this file does not.")


def _named(candidates: Sequence[str], root: str, refused: list[Refusal]) -> dict[str, str]:
    """Name -> path of each candidate; the second of a name is refused."""
    found: dict[str, str] = {}
    for path in candidates:
        below = path.removeprefix(f"{root}/") if root else path
        name = image_name(below)
        if name in found:
            message = f"{shown(found[name])} has the name {shown(name)} already. Rename one of the two."
            refused.append(Refusal(path, "same-name", message))
        else:
            found[name] = path
    return found


def _assign(
    rows: Sequence[tuple[str, LabelRow]], names: Sequence[str] | Mapping[str, str], *, root: str
) -> tuple[dict[str, tuple[str, ...]], UnmatchedLabels]:
    """The labels of each name, from rows with the folder of their table."""
    find = matcher(names)
    carried: dict[str, dict[str, None]] = {}
    unmatched: dict[str, None] = {}
    for folder, row in rows:
        below = folder.removeprefix(root).strip("/") if folder.startswith(root) else ""
        name = find(f"{below}/{item_name(row.item)}" if below else row.item)
        if name is None:
            unmatched[row.item] = None
        else:
            carried.setdefault(name, {}).update(dict.fromkeys(row.labels))
    examples = tuple(list(unmatched)[:EXAMPLES])
    return {name: tuple(found) for name, found in carried.items()}, UnmatchedLabels(len(unmatched), examples)


def _folder_labels(named: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The class of each name: its innermost folder that is no mere container."""
    found: dict[str, tuple[str, ...]] = {}
    for name, path in named.items():
        folders = [folder for folder in folder_of(name).split("/") if folder.casefold() not in CONTAINER_FOLDERS]
        if folders and folders[-1]:
            found[name] = (clean(folders[-1], path, "the folder"),)
    return found


def _described(voc: str | None, label_files: Sequence[str], carried: Mapping[str, Sequence[str]], count: int) -> str:
    classes = len({label for found in carried.values() for label in found})
    sources = _listed(path.rpartition("/")[2] for path in label_files)
    if voc is not None:
        return f"Pascal VOC: images in JPEGImages/, {f'labels from {sources}' if sources else 'without labels'}"
    if sources:
        return f"Images with labels from {sources}: {_counted(classes, 'class', 'classes')}"
    if classes:
        return f"One folder per class: {_counted(classes, 'class', 'classes')}"
    return f"{_counted(count, 'image', 'images')} without labels"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _listed(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``, each once."""
    *most, last = dict.fromkeys(names) or [""]
    return f"{', '.join(most)} and {last}" if most else last
