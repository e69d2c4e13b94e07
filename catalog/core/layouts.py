"""What a collection of files means as a dataset: which files are images, what names them, what labels them.

Every file seen is an image candidate, a table used, a companion, a file of vectors, or refused with a reason.
`docs/layouts.md` says it for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

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
from catalog.core._reader import TableReader
from catalog.core._tables import clean
from catalog.core.errors import BrokenTable
from catalog.core.labels import LabelInfo, LabelRow, UnmatchedLabels, image_name, item_name, matcher
from catalog.core.sources import Source

__all__ = ["ImageEntry", "LabelInfo", "Layout", "UnmatchedLabels", "VectorFile", "recognise"]

EXAMPLES = 5
"""How many unmatched items are named."""
NAMES_FOR_A_PLOT = 4
"""Among this many names of vectors, one picture that has none of these names is a plot of them, not the dataset."""

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
class VectorFile:
    """A file that holds a vector in each row.

    Attributes:
        path: its place in the source.
        names: the image of each row, as names of images (see `image_name`); unique. Where images are there, they may
            be called by less or more of their path.
    """

    path: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A collection of files, understood as a dataset.

    Attributes:
        kind: ``images``, or ``fingerprints`` where only names with hashes or vectors are there.
        description: what was recognised, in words for people.
        images: the image candidates by path; of fingerprints, in the order of the list of names. Whether a candidate
            is an image only the decoder knows.
        labels: the classes of classes.csv in their order, then every other label in use, sorted.
        tables: paths of the files that names, labels and classes were read from.
        companions: file name -> path of files of hashes, such as ``perceptual_hashes.json``.
        vectors: files with a vector in each row, by path.
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
    vectors: tuple[VectorFile, ...]
    names: tuple[str, ...]
    refused: tuple[Refusal, ...]
    unmatched_labels: UnmatchedLabels
    left_out: int

    @property
    def files_seen(self) -> int:
        """Candidates + tables + companions + files of vectors + refused files."""
        files = sum(1 for image in self.images if image.path)
        return files + len(self.tables) + len(self.companions) + len(self.vectors) + len(self.refused)

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
    reader = TableReader(source, files, companions)
    candidates = sorted(files.images + files.unknown)
    if companions or files.vectors or not files.images:
        names = set() if files.images and not companions else set(reader.names[1])
        names.update(*(table.names for table in reader.vectors.values()))
        find = matcher(names)
        foreign = all(find(image_name(path)) is None for path in candidates)
        if names and foreign and (companions or len(files.images) * NAMES_FOR_A_PLOT <= len(names)):
            return _fingerprints(source, reader)
        if not names and not files.images:
            for path in companions.values():
                raise BrokenTable(
                    f"{shown(path)} holds hashes, and nothing says of which images.",
                    remedy="Add names.txt with one name a line, in the order of the hashes.",
                )
            if not candidates:
                _raise_first(reader.broken_vectors)
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


def _fingerprints(source: Source, reader: TableReader) -> Layout:
    files = reader.files
    _raise_first(reader.broken_vectors)
    _refuse_several(reader.vectors)
    listed = reader.use_names() if reader.companions or not reader.vectors else ()
    names = tuple(dict.fromkeys([*listed, *(name for table in reader.vectors.values() for name in table.names)]))
    homes = folders_above(reader.home if reader.companions else folder_of([*reader.vectors, *reader.used][0]))
    label_files, rows = reader.rows(homes, everywhere=False)
    carried, unmatched = _assign(rows, names, root=homes[0])
    images = tuple(ImageEntry("", name, carried.get(name, ())) for name in names)
    classes = reader.classes(homes)
    foreign = [
        Refusal(path, "not-listed", "The dataset holds fingerprints only, and its list of names has no such image.")
        for path in sorted(files.images + files.unknown)
    ]
    held = _listed([*reader.companions, *(path.rpartition("/")[2] for path in reader.vectors)]) or "no hashes yet"
    description = f"Fingerprints without images: {len(images):,} names, {held}"
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


def _images(source: Source, reader: TableReader, candidates: Sequence[str]) -> Layout:
    files = reader.files
    voc = voc_images_folder(files.images)
    refused = list(files.refused)
    refused += [Refusal(path, "broken-vectors", str(error)) for path, error in reader.broken_vectors.items()]
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
    reader: TableReader,
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
        vectors=tuple(VectorFile(path, table.names) for path, table in reader.vectors.items()),
        names=reader.names[1] if reader.companions or kind == "fingerprints" else (),
        refused=(*source.refused, *sorted([*refused, *reader.unused()], key=lambda refusal: refusal.path)),
        unmatched_labels=unmatched,
        left_out=source.left_out,
    )


def _raise_first(errors: Mapping[str, BrokenTable]) -> None:
    for error in errors.values():
        raise error


def _refuse_several(vectors: Iterable[str]) -> None:
    """Files of one name in several folders, and no images: each folder is a dataset."""
    found: dict[str, str] = {}
    for path in vectors:
        first = found.setdefault(path.rpartition("/")[2], path)
        if first != path:
            raise BrokenTable(
                f"{shown(first)} and {shown(path)}: these seem to be several datasets.",
                remedy="Upload each of them as a dataset of its own.",
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
