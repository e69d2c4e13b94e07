"""The tables that say which labels images carry, what the labels mean, and in which order names come."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.core._entries import shown
from catalog.core._tables import broken, clean, csv_rows, decode, parse_json

IMAGE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "webp", "bmp", "dib", "tif", "tiff", "tga", "psd"),
        *("ppm", "pgm", "pbm", "pnm", "pfm", "avif", "heic", "heif", "jp2", "j2k", "jpx", "jpf", "jxl", "qoi"),
        *("ico", "pcx", "sgi"),
    )
)
"""Suffixes that are no part of an image's name."""

ITEM_KEYS = ("item", "file_name", "filename", "file", "name", "image", "path")
LABEL_KEYS = ("class", "label", "labels", "classes", "category", "categories")

MAX_NAME_BYTES = 1024
"""UTF-8 bytes of one name, as of one path; database indexes hold no more than about 2,700."""

_SHAPES = (
    'Write {"name": "label"}, {"name": ["label", "label"]}, or a list of {"item": "name", "class": "label"}; '
    "a plain list of labels needs a list of names (names.txt) beside it."
)


@dataclass(frozen=True, slots=True)
class LabelInfo:
    """What a dataset says of one label.

    Attributes:
        name: the label itself, as images carry it.
        title: a readable name; may be empty.
        description: what it means; may be empty.
    """

    name: str
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One row of a label table: an image as the table calls it, and its labels (none, where the cell is empty)."""

    item: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnmatchedLabels:
    """Items of label tables for which there is no image, or no single one.

    Attributes:
        count: how many.
        examples: the first few, as the table calls them.
    """

    count: int = 0
    examples: tuple[str, ...] = ()


def image_name(path: str) -> str:
    """The name of an image for its path: Unicode NFC, without the suffix of an image format.

    Other dots are part of the name: ``st. john`` and ``scan.v2`` stay as they are.
    """
    path = unicodedata.normalize("NFC", path)
    stem, dot, suffix = path.rpartition(".")
    if dot and stem and not stem.endswith("/") and f".{suffix.casefold()}" in IMAGE_SUFFIXES:
        return stem
    return path


def item_name(item: str) -> str:
    """The name that an item of a table stands for: as `image_name`, with slashes and without ``./``."""
    parts = image_name(item.strip().replace("\\", "/")).split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def listed_name(item: str, path: str, place: str) -> str:
    """The name that an item of a table stands for, where it is to be the name of an image.

    Raises:
        BrokenTable: it is empty, or longer than names that can be stored.
    """
    name = item_name(item)
    if not name:
        broken(path, place, "the name is empty", "Remove the line, or write the name that belongs there.")
    if len(name.encode()) > MAX_NAME_BYTES:
        broken(
            path, place, f"the name {shown(name, longest=60)!r} has more than {MAX_NAME_BYTES:,} bytes", "Shorten it."
        )
    return name


def read_names(path: str, data: bytes) -> tuple[str, ...]:
    """A list of names: one a line, or a JSON list of texts, or a JSON object.

    An object says the row of each name (``{"cat": 0}``) or the name of each row (``{"0": "cat"}``), counted from 0 or
    from 1; in any other its keys are the names, in the order of the file.

    Raises:
        BrokenTable: no such list, an empty name, or a name twice: the rows of fingerprints hang on this order.
    """
    if not path.casefold().endswith(".json"):
        lines = decode(path, data).rstrip().split("\n")
        return _listed(path, ((f"line {number}", line) for number, line in enumerate(lines, start=1)))
    value = parse_json(path, data)
    if not isinstance(value, list | dict):
        broken(path, "", "no list of names", 'Write ["first", "second"], or one name a line in names.txt.')
    if isinstance(value, dict) and value:
        if all(type(row) is int for row in value.values()):
            if not _are_rows(value.values()):
                last = len(value) - 1
                broken(path, "", "its values are no numbers of rows", f"Number the names 0 to {last:,}, each row once.")
            return _listed(path, ((f"row {value[name]}", name) for name in sorted(value, key=value.__getitem__)))
        if all(isinstance(name, str) for name in value.values()) and all(key.isdecimal() for key in value):
            rows = {int(key): name for key, name in value.items()}
            if len(rows) == len(value) and _are_rows(rows):
                return _listed(path, ((f"row {row}", rows[row]) for row in sorted(rows)))
    return _listed(path, ((f"entry {number}", name) for number, name in enumerate(value, start=1)))


def read_keys(path: str, data: bytes) -> tuple[str, ...]:
    """The names in a JSON object by name, in the order of the file.

    Raises:
        BrokenTable: as `read_names` raises it.
    """
    value = parse_json(path, data)
    if not isinstance(value, dict):
        broken(path, "", "no object by name", 'Write {"first": …, "second": …}.')
    return _listed(path, ((f"entry {number}", name) for number, name in enumerate(value, start=1)))


def _are_rows(numbers: Iterable[int]) -> bool:
    """Whether they are all numbers from 0, or from 1, each once."""
    ordered = sorted(numbers)
    return ordered in (list(range(len(ordered))), list(range(1, len(ordered) + 1)))


def _listed(path: str, places: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """Names as they are stored, from each with its place in the file."""
    first: dict[str, str] = {}
    for place, raw in places:
        if not isinstance(raw, str):
            broken(path, place, f"{json.dumps(raw)[:60]} is no name", "Write names as texts.")
        name = listed_name(clean(raw, path, place, longest=None), path, place)
        if name in first:
            broken(path, place, f"{shown(name)!r} stands already on {first[name]}", "Give each image one name.")
        first[name] = place
    return tuple(first)


def read_label_json(path: str, data: bytes, names: Sequence[str] | None) -> tuple[LabelRow, ...]:
    """A label table in JSON: an object by name, a list of records, or a list parallel to a list of names.

    Args:
        path: the file, for messages.
        data: its content.
        names: the names in the order of the dataset's list of names; None where it has no such list.

    Raises:
        BrokenTable: none of these shapes, with the number of the entry.
    """
    value = parse_json(path, data)
    if isinstance(value, dict):
        return tuple(
            LabelRow(clean(item, path, "", longest=None), _labels(labels, path, f"entry {shown(item, longest=80)!r}"))
            for item, labels in value.items()
        )
    if not isinstance(value, list):
        broken(path, "", "neither a list nor an object", _SHAPES)
    if all(isinstance(record, dict) for record in value):
        return tuple(label_record(record, path, f"record {number}") for number, record in enumerate(value, start=1))
    if any(isinstance(record, dict) for record in value):
        number = next(number for number, record in enumerate(value, start=1) if not isinstance(record, dict))
        broken(path, f"record {number}", f"{json.dumps(value[number - 1])[:60]} is no object", _SHAPES)
    if names is None:
        broken(path, "", f"a list of {len(value):,} labels, and nothing says whose they are", _SHAPES)
    if len(value) != len(names):
        broken(path, "", f"{len(value):,} labels for {len(names):,} names", "Write one entry for each name, in order.")
    return tuple(
        LabelRow(name, _labels(labels, path, f"entry {number}"))
        for number, (name, labels) in enumerate(zip(names, value, strict=True), start=1)
    )


def read_label_jsonl(path: str, data: bytes) -> tuple[LabelRow, ...] | None:
    """A label table with one JSON object a line; None where no line has a label.

    Raises:
        BrokenTable: no JSON, or no object with the name of a file, with its line.
    """
    rows: list[LabelRow] = []
    labelled = False
    decode(path, data)
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        record = parse_json(path, line, place=place)
        if not isinstance(record, dict):
            broken(path, place, "no object", 'Write {"file_name": "...", "label": "..."} on each line.')
        labelled = labelled or any(key in record for key in LABEL_KEYS)
        rows.append(label_record(record, path, place, needs_label=False))
    return tuple(rows) if labelled else None


def read_label_csv(path: str, data: bytes) -> tuple[LabelRow, ...] | None:
    """A label table in CSV with a column for the file name and one for the label; None without a column of labels.

    A cell may hold several labels as a JSON list: ``["a", "b"]``. A file may stand on several lines.

    Raises:
        BrokenTable: no column of file names, or a broken row, with its line.
    """
    rows: list[LabelRow] = []
    labelled = True
    for line, row in csv_rows(path, data):
        place = f"line {line}"
        item_key = next((key for key in ITEM_KEYS if key in row), None)
        if item_key is None:
            broken(
                path,
                "line 1",
                f"no column with file names among {', '.join(map(repr, row))}",
                "Name that column file_name.",
            )
        label_key = next((key for key in LABEL_KEYS if key in row), None)
        if label_key is None:
            labelled = False
            continue
        item = clean(row[item_key], path, place, longest=None)
        if not item:
            broken(path, place, f"the column {item_key} is empty", "Write the file's name there, or remove the line.")
        rows.append(LabelRow(item, _labels(cell_value(row[label_key]), path, place)))
    return tuple(rows) if labelled else None


def read_classes(path: str, data: bytes) -> tuple[LabelInfo, ...]:
    """The labels of ``classes.csv``: columns ID, Label and Description, of which only ID must be there.

    Raises:
        BrokenTable: no column ID, an empty or repeated ID, with its line.
    """
    found: dict[str, LabelInfo] = {}
    lines: dict[str, int] = {}
    for line, row in csv_rows(path, data):
        place = f"line {line}"
        if "id" not in row:
            broken(path, "line 1", f"no column ID among {', '.join(map(repr, row))}", "Name the column of labels ID.")
        name = clean(row["id"], path, place)
        if not name:
            broken(path, place, "the ID is empty", "Write the label there, or remove the line.")
        if name in found:
            broken(path, place, f"{name!r} stands already on line {lines[name]}", "Remove one of the two.")
        title = clean(row.get("label", ""), path, place)
        found[name] = LabelInfo(name, title, clean(row.get("description", ""), path, place, longest=None))
        lines[name] = line
    return tuple(found.values())


def label_record(record: Mapping[str, object], path: str, place: str, *, needs_label: bool = True) -> LabelRow:
    """The row that one record states, under any of the names that columns have.

    Raises:
        BrokenTable: no name, no label where one is needed, or values that are neither.
    """
    item_key = next((key for key in ITEM_KEYS if key in record), None)
    label_key = next((key for key in LABEL_KEYS if key in record), None)
    if item_key is None or (needs_label and label_key is None):
        keys = ", ".join(map(repr, record))
        missing = "name" if item_key is None else "label"
        broken(path, place, f"no {missing} among the keys {shown(keys)}", _SHAPES)
    item = record[item_key]
    if isinstance(item, int) and not isinstance(item, bool):
        item = str(item)
    if not isinstance(item, str) or not item.strip():
        broken(path, place, f"{item_key} is {json.dumps(item)[:60]}, no name", "Write the image's name as text.")
    labels = _labels(record[label_key], path, place) if label_key is not None else ()
    return LabelRow(clean(item, path, place, longest=None), labels)


def cell_value(text: str) -> object:
    """The cell of a CSV: a JSON list where it is one, and otherwise the text itself."""
    if text.lstrip().startswith("["):
        try:
            value: object = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(value, list):
            return value
    return text


def _labels(value: object, path: str, place: str) -> tuple[str, ...]:
    """One label, several or none, each once."""
    found: dict[str, None] = {}
    for part in value if isinstance(value, list) else [value]:
        if part is None:
            continue
        if isinstance(part, bool) or not isinstance(part, str | int):
            broken(path, place, f"{json.dumps(part)[:60]} is no label", "Write labels as texts or whole numbers.")
        if label := clean(str(part), path, place):
            found[label] = None
    return tuple(found)


def matcher(names: Iterable[str]) -> Callable[[str], str | None]:
    """Finds the image that an item of a table stands for.

    An item is an image's whole name, or the end of exactly one (``1`` for ``cat/1``), or a longer path that ends in
    one (``/home/me/cat/1.jpg``).

    Args:
        names: names of images, as `image_name` gives them.
    """
    exact = set(names)
    by_ending: dict[str, str | None] = {}
    for name in exact:
        rest = name
        while "/" in rest:
            rest = rest.partition("/")[2]
            by_ending[rest] = None if rest in by_ending else name

    def find(item: str) -> str | None:
        name = item_name(item)
        if name in exact:
            return name
        if name in by_ending:
            return by_ending[name]
        while "/" in name:
            name = name.partition("/")[2]
            if name in exact:
                return name
        return None

    return find


_GROUND_TRUTH = re.compile(r"(\d+_)?ground_truth\.json")
_NAMES = re.compile(r"names\.(json|txt)|\d+_test\.txt")


def table_kind(file_name: str) -> str | None:
    """What a file of this name holds by convention: ground-truth, metadata, labels, classes or names."""
    name = file_name.casefold()
    if _GROUND_TRUTH.fullmatch(name):
        return "ground-truth"
    if _NAMES.fullmatch(name):
        return "names"
    by_name = {
        "metadata.csv": "metadata",
        "metadata.jsonl": "metadata",
        "labels.csv": "labels",
        "labels.jsonl": "labels",
        "labels.json": "labels",
        "classes.csv": "classes",
    }
    return by_name.get(name)
