"""Telling files apart by name before anything is decoded: images, tables, hashes, vectors, and the rest."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from catalog.core._entries import Refusal
from catalog.core._vectors import is_vector_csv
from catalog.core.labels import IMAGE_SUFFIXES, table_kind
from catalog.core.sources import Source

PUBLISHED_HASHES = ("perceptual_hashes.json", "robust_hashes.json")
SNIFFED_BYTES = 4096
MAX_SNIFFED_PER_FOLDER = 20
"""A folder with more files of one such kind than this holds one for each image, not what belongs to a dataset."""

CONTAINER_FOLDERS = frozenset(
    {
        *("train", "training", "val", "valid", "validation", "test", "testing", "dev"),
        *("image", "images", "img", "imgs", "jpegimages", "photos", "pictures", "data", "dataset"),
    }
)
"""Folders that hold images without being their class."""

_ARCHIVES = "zip|tar|gz|tgz|bz2|tbz2|xz|txz|zst|7z|rar"
_DRAWINGS = "svg|svgz|eps|ps|ai|emf|wmf|pdf"
_VIDEOS = "mp4|m4v|avi|mov|mkv|webm|mpg|mpeg|wmv"
_OTHERS = (
    "txt|md|rst|html|htm|css|js|ts|jsonl|geojson|xml|csv|tsv|yaml|yml|toml|ini|cfg|conf|log|tex|bib|"
    "doc|docx|odt|rtf|xls|xlsx|ods|ppt|pptx|odp|py|ipynb|r|m|c|h|cc|cpp|hpp|java|sh|bat|ps1|exe|dll|so|sql|"
    "npy|npz|pt|pth|ckpt|bin|safetensors|onnx|pb|tflite|tfrecord|h5|hdf5|mat|pkl|pickle|joblib|parquet|arrow|"
    "feather|db|sqlite|sqlite3|lmdb|mp3|wav|flac|ogg|md5|sha1|sha256|url|lnk"
)
_HASH_LIST = re.compile(rb'\s*(\[|\{\s*"(?:[^"\\]|\\.)*"\s*:)\s*"[0-9a-fA-F]{4,}"')

_ONE_FOR_EACH: Mapping[str, Callable[[bytes], object] | None] = {
    ".json": _HASH_LIST.match,
    ".csv": is_vector_csv,
    ".npy": None,
}
"""Suffixes of files that hold something for each image, or something of one image where a folder has many of them ->
whether their first bytes say so; None where the suffix says it."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """The files of a source by what they may be, each list sorted by path.

    Attributes:
        images: files with the suffix of an image format.
        unknown: files without a suffix that says anything; only the decoder knows.
        tables: kind of table -> paths.
        hashes: JSON files that hold hashes, one for each image.
        vectors: files that hold a vector for each image.
        refused: files that are none of these, with the reason.
    """

    images: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    tables: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    hashes: list[str] = field(default_factory=list)
    vectors: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def sort_files(source: Source) -> Sorted:
    """Tell the files of a source apart by name, and JSON and CSV without a known name by their first bytes."""
    found = Sorted()
    others: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in source.entries():
        path = PurePosixPath(entry.path)
        suffix = path.suffix.casefold()
        if kind := table_kind(path.name):
            found.tables[kind].append(entry.path)
        elif path.name.casefold() in PUBLISHED_HASHES:
            found.hashes.append(entry.path)
        elif suffix == ".parquet":
            found.vectors.append(entry.path)
        elif suffix in _ONE_FOR_EACH:
            others[folder_of(entry.path), suffix].append(entry.path)
        elif suffix in IMAGE_SUFFIXES:
            found.images.append(entry.path)
        elif refusal := _refusal(path, suffix.removeprefix(".")):
            found.refused.append(refusal)
        else:
            found.unknown.append(entry.path)
    for (_, suffix), paths in others.items():
        few, says = len(paths) <= MAX_SNIFFED_PER_FOLDER, _ONE_FOR_EACH[suffix]
        for other in paths:
            if few and (says is None or says(_head(source, other))):
                (found.hashes if suffix == ".json" else found.vectors).append(other)
            else:
                found.refused.append(_of_no_dataset(other, suffix))
    found.hashes.sort()
    found.vectors.sort()
    return found


def folder_of(path: str) -> str:
    """The folder of a path, empty for the root."""
    return path.rpartition("/")[0]


def folders_above(folder: str) -> list[str]:
    """The folder itself, then those that hold it, up to the root."""
    found = [folder]
    while folder:
        folder = folder_of(folder)
        found.append(folder)
    return found


def images_root(paths: Iterable[str]) -> str:
    """The folder below which images have their names: what wraps them all is no part of a name.

    Images that all lie in one folder within another keep that folder, which is then their class.
    """
    folders = {folder_of(path) for path in paths}
    if not folders:
        return ""
    common: Sequence[str] = min(folders).split("/")
    for folder in folders:
        parts = folder.split("/")
        same = 0
        while same < min(len(common), len(parts)) and common[same] == parts[same]:
            same += 1
        common = common[:same]
    if len(folders) == 1 and len(common) > 1 and common[-1].casefold() not in CONTAINER_FOLDERS:
        common = common[:-1]
    return "/".join(common)


def voc_images_folder(paths: Iterable[str]) -> str | None:
    """The one folder JPEGImages of a Pascal VOC dataset among the images' folders; None without, or with several."""
    found = set()
    for path in paths:
        parts = folder_of(path).split("/")
        if "JPEGImages" in parts:
            found.add("/".join(parts[: parts.index("JPEGImages") + 1]))
    return found.pop() if len(found) == 1 else None


def _head(source: Source, path: str) -> bytes:
    with source.open(path) as stream:
        return stream.read(SNIFFED_BYTES).removeprefix(b"\xef\xbb\xbf")


def _refusal(path: PurePosixPath, suffix: str) -> Refusal | None:
    if re.fullmatch(_ARCHIVES, suffix):
        return Refusal(
            str(path),
            "nested-archive",
            "An archive within the upload is not opened. Unpack it, or upload it as a dataset of its own.",
        )
    if "Annotations" in path.parts and suffix == "xml":
        return Refusal(
            str(path),
            "voc-annotation",
            "An annotation of Pascal VOC. Boxes are not read; write the labels of whole images into labels.json.",
        )
    if "ImageSets" in path.parts and suffix == "txt":
        return Refusal(str(path), "voc-list", "A list of images of Pascal VOC; images are found without it.")
    for known, what in (
        (_DRAWINGS, "A document or vector drawing, not an image of pixels. Export it as PNG or JPEG."),
        (_VIDEOS, "A video, not an image. Export the frames that belong to the dataset."),
        (_OTHERS, f"Not an image (.{suffix}), and no table whose name is known here."),
    ):
        if re.fullmatch(known, suffix):
            return Refusal(str(path), "not-an-image", what)
    return None


def _of_no_dataset(path: str, suffix: str) -> Refusal:
    what = f"Not an image ({suffix}), and no table whose name is known here."
    if suffix == ".json":
        what = (
            "A JSON file that is no table known here. "
            "Labels are read from 2_ground_truth.json, labels.json and metadata."
        )
    return Refusal(path, "not-an-image", what)
