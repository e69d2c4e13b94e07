"""A split as an archive that proves itself: pictures by side and class, a manifest, and what was checked, in words."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from analysis.core.archive import ArchiveWriter, SafeNames
from analysis.core.errors import AnalysisError
from analysis.core.split_table import CLUSTERS, REASONS

SCHEMA = 1
_CHUNK = 1 << 20


class DamagedPicture(AnalysisError):
    """A stored picture that is not the file that was brought."""


class Opener(Protocol):
    """Opens a picture's file, as it was brought."""

    def __call__(self) -> AbstractContextManager[BinaryIO]:
        """The stream."""
        ...


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a split.

    Attributes:
        name: in the dataset.
        path: its file in the dataset, as brought.
        label: the class it stands for.
        role: ``support`` or ``query``.
        cluster: name of the first image of its cluster; empty where it has no copy in the dataset.
        sha256: of its file; empty for a fingerprint.
        suffix: of its file, such as ``.jpg``.
        open: its file; None for a fingerprint.
    """

    name: str
    path: str
    label: str
    role: str
    cluster: str
    sha256: str
    suffix: str
    open: Opener | None


@dataclass(frozen=True, slots=True)
class About:
    """What a split is, as its manifest tells.

    Attributes:
        name: of the split.
        dataset: name of the dataset.
        images: how many images the dataset has.
        recipe: fields of `analysis.core.splits.Recipe`.
        seed: of the draw.
        clusters: where the clusters come from, as data.
        clusters_said: the same as sentences.
        left_out: reason -> number of images.
        classes_available: classes that could have been drawn.
        classes_seen: classes that were looked at.
        versions: library -> version.
    """

    name: str
    dataset: str
    images: int
    recipe: Mapping[str, Any]
    seed: int
    clusters: Mapping[str, Any]
    clusters_said: str
    left_out: Mapping[str, int]
    classes_available: int
    classes_seen: int
    versions: Mapping[str, str]


def write_split(archive: ArchiveWriter, about: About, items: Sequence[Item]) -> Iterator[None]:
    """Write all files of a split; the same split gives the same bytes. Yields after each picture.

    Raises:
        DamagedPicture: the stored bytes of a picture no longer have the sha256 under which it was taken.
    """
    folders = SafeNames()
    names: dict[str, SafeNames] = {}
    folder_of = {label: folders.name(label) for label in sorted({item.label for item in items})}
    files: list[dict[str, Any]] = []
    for item in sorted(items, key=lambda item: (item.role != "support", item.label, item.name)):
        path, digest, size = None, None, None
        if item.open is not None:
            folder = f"{item.role}/{folder_of[item.label]}"
            stem = item.name.rpartition("/")[2]
            path = f"{folder}/{names.setdefault(folder, SafeNames()).name(stem, item.suffix)}"
            digest, size = archive.write(path, _content(item.open))
            if digest != item.sha256:
                raise DamagedPicture(
                    f"The stored picture of {item.name} is not the file that was brought.",
                    remedy="Delete the image or its dataset, and upload it again.",
                )
        files.append(
            {
                "path": path,
                "name": item.name,
                "class": item.label,
                "role": item.role,
                "sha256": digest,
                "bytes": size,
                "cluster": item.cluster or None,
                "path_in_dataset": item.path,
            }
        )
        yield
    texts = {
        "README.md": _readme(about, files).encode(),
        "manifest.json": _manifest(about, files).encode(),
        "split.csv": _table(files).encode(),
    }
    sums = {str(file["path"]): str(file["sha256"]) for file in files if file["path"]}
    for path, content in texts.items():
        archive.write(path, content)
        sums[path] = hashlib.sha256(content).hexdigest()
    archive.write("manifest.sha256", "".join(f"{sums[path]}  {path}\n" for path in sorted(sums)).encode())


def _content(opener: Opener) -> Iterator[bytes]:
    with opener() as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def counts(files: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """Class, support images and query images, by class."""
    by = Counter((file["class"], file["role"]) for file in files)
    return [(label, by[label, "support"], by[label, "query"]) for label in sorted({label for label, _ in by})]


def _manifest(about: About, files: Sequence[Mapping[str, Any]]) -> str:
    content = {
        "schema": SCHEMA,
        "name": about.name,
        "dataset": {"name": about.dataset, "images": about.images},
        "recipe": dict(about.recipe),
        "seed": about.seed,
        "clusters": dict(about.clusters),
        "classes": [{"class": label, "support": support, "query": query} for label, support, query in counts(files)],
        "classes_available": about.classes_available,
        "classes_seen": about.classes_seen,
        "left_out": dict(about.left_out),
        "versions": dict(about.versions),
        "files": list(files),
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _table(files: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    columns = ["path", "name", "class", "role", "sha256", "bytes", "cluster"]
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(files)
    return text.getvalue()


def _readme(about: About, files: Sequence[Mapping[str, Any]]) -> str:
    recipe = about.recipe
    query = "all other images" if recipe["n_query"] is None else f"at most {recipe['n_query']} images"
    without = sum(file["path"] is None for file in files)
    classes = "\n".join(f"| `{label.replace('|', '/')}` | {s} | {q} |" for label, s, q in counts(files))
    left = "\n".join(f"- {n:,} × {REASONS[reason]}" for reason, n in about.left_out.items()) or "- nothing"
    lacking = (
        f"\n{without:,} images of this split are known by their fingerprints only: the lists name them, "
        "and their files must come from their owner.\n"
        if without
        else ""
    )
    return f"""# {" ".join(about.name.split())}

A few-shot split of {about.dataset}: {recipe["n_way"]} classes, {recipe["k_shot"]} support images of each, and {query} \
of each for the query. Drawn with seed {about.seed}, sampler {recipe["sampler"]}. {about.classes_available:,} of \
{about.classes_seen:,} classes had enough images to be drawn.

| class | support | query |
|---|---|---|
{classes}
{lacking}
## How to load it

`support/` and `query/` have one folder for each class, so that loaders of image folders read them as they are:

    from torchvision.datasets import ImageFolder
    support, query = ImageFolder("support"), ImageFolder("query")

`split.csv` and `manifest.json` name every image with its class, side, cluster and SHA-256. A folder's name may differ \
from its class where the class has characters that are unsafe in file names; the lists have the class itself.

## That nothing leaks

{about.clusters_said} {CLUSTERS[recipe["clusters"]]}

After the draw, every cluster was looked up on both sides: none has images in the support and in the query. This can \
be checked with the lists alone: no value of the column `cluster` stands with both roles.

What was not among those pairs could not be kept together: two images of one thing that no pair joins may lie on \
both sides.

## What was left out, of {about.images:,} images

{left}

## That the files are whole

    sha256sum -c manifest.sha256

## Versions

{", ".join(f"{name} {version}" for name, version in about.versions.items())}
"""
