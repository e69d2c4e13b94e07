"""Telling files apart by name before anything is decoded: candidates for images, tables, hashes, and the rest."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from catalog.core._entries import Refusal
from catalog.core.labels import IMAGE_SUFFIXES, table_kind
from catalog.core.sources import Source

PUBLISHED_HASHES = ("perceptual_hashes.json", "robust_hashes.json")
SNIFFED_BYTES = 4096
MAX_SNIFFED_PER_FOLDER = 20
"""A folder with more JSON files than this holds one for each image, not fingerprints of a dataset."""

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


@dataclass(frozen=True, slots=True)
class Sorted:
    """The files of a source by what they may be, each list sorted by path.

    Attributes:
        images: files with the suffix of an image format.
        unknown: files without a suffix that says anything; only the decoder knows.
        tables: kind of table -> paths.
        hashes: JSON files that hold hashes, one for each image.
        refused: files that are none of these, with the reason.
    """

    images: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    tables: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    hashes: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def sort_files(source: Source) -> Sorted:
    """Tell the files of a source apart by name, and JSON files without a known name by their first bytes."""
    found = Sorted()
    other_json: dict[str, list[str]] = defaultdict(list)
    for entry in source.entries():
        path = PurePosixPath(entry.path)
        suffix = path.suffix.casefold()
        if kind := table_kind(path.name):
            found.tables[kind].append(entry.path)
        elif path.name.casefold() in PUBLISHED_HASHES:
            found.hashes.append(entry.path)
        elif suffix == ".json":
            other_json[folder_of(entry.path)].append(entry.path)
        elif suffix in IMAGE_SUFFIXES:
            found.images.append(entry.path)
        elif refusal := _refusal(path, suffix.removeprefix(".")):
            found.refused.append(refusal)
        else:
            found.unknown.append(entry.path)
    for paths in other_json.values():
        few = len(paths) <= MAX_SNIFFED_PER_FOLDER
        for other in paths:
            if few and _begins_with_hashes(source, other):
                found.hashes.append(other)
            else:
                found.refused.append(_unknown_table(other))
    found.hashes.sort()
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


def _begins_with_hashes(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        return _HASH_LIST.match(stream.read(SNIFFED_BYTES).removeprefix(b"\xef\xbb\xbf")) is not None


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


def _unknown_table(path: str) -> Refusal:
    return Refusal(
        path,
        "not-an-image",
        "A JSON file that is no table known here. Labels are read from 2_ground_truth.json, labels.json and metadata.",
    )
