"""The overlap of folders without a database: the catalogue's reading and the analysis's arithmetic, put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import AnalysisError
from analysis.core.fingerprints import read_fingerprints, signal_of
from analysis.core.hashes import HASHES, Hash, bit_lengths, compute
from analysis.core.report import DatasetHashes, DatasetPart, ReportData, SignalPart
from analysis.core.search import hamming_join
from analysis.core.versions import versions
from catalog.core.errors import CatalogError, RefusedImage
from catalog.core.images import read_image, thumbnail
from catalog.core.layouts import Layout, recognise
from catalog.core.sources import Source, open_source

CHUNK = 64
THUMBNAIL_SIZE = 320
MAX_PAIRS = 20_000_000

Advance = Callable[[str, int, int], None]
"""Told of progress: what is being done, units done, units in all."""


@dataclass(frozen=True, slots=True, eq=False)
class Folder:
    """One dataset as read from a folder: its part of the report, its hashes, and how to see an image of it."""

    part: DatasetPart
    hashes: DatasetHashes
    picture: Callable[[int], bytes | None]


def overlap_of_folders(
    folders: Sequence[tuple[str, Path]],
    *,
    signal: str,
    threshold: int,
    scope: str,
    threads: int | None,
    advance: Advance,
    stack: ExitStack,
) -> ReportData:
    """Read, hash and compare datasets that lie in folders or archives.

    Args:
        folders: name and place of each dataset.
        signal: name of a hash.
        threshold: largest distance in bits.
        scope: across, within or both.
        threads: number of threads; all cores when None.
        advance: told of progress.
        stack: keeps the sources open for as long as the report's pictures are asked for.

    Raises:
        CatalogError: a folder that is not there or cannot be read.
        AnalysisError: an unknown hash, or a dataset that has no hashes under it.
    """
    known = HASHES[signal]
    workers = threads or os.cpu_count() or 1
    read = []
    for name, place in folders:
        if not place.exists():
            raise CatalogError(f"There is no folder or archive {place}.", remedy="Check the path.")
        source = stack.enter_context(open_source(place))
        read.append(_read(name, source, known, workers, advance))
    pairs = _join([folder.hashes for folder in read], [len(folder.part.names) for folder in read], threshold, scope)
    bounds = np.cumsum([0, *(len(folder.part.names) for folder in read)])

    def picture(row: int) -> bytes | None:
        dataset = int(np.searchsorted(bounds, row, side="right")) - 1
        return read[dataset].picture(row - int(bounds[dataset]))

    return ReportData(
        title=" × ".join(name for name, _ in folders),
        scope=scope,
        date="",
        datasets=[folder.part for folder in read],
        signals=[
            SignalPart(
                name=known.name,
                title=known.title,
                summary=known.summary,
                scale=known.metric.scale,
                threshold=threshold,
                hashes=[folder.hashes for folder in read],
                pairs=pairs,
                verdicts=np.full(len(pairs), -1, np.int8),
            )
        ],
        choices=[],
        versions=versions(),
        picture=picture,
    )


def _read(name: str, source: Source, known: Hash, workers: int, advance: Advance) -> Folder:
    layout = recognise(source)
    if not layout.images:
        raise CatalogError(f"{name} holds no images and no fingerprints.", remedy="Check the path.")
    if layout.kind == "fingerprints":
        return _read_fingerprints(name, source, layout, known)
    return _read_images(name, source, layout, known, workers=workers, advance=advance)


def _part(name: str, layout: Layout, kept: Sequence[int], refused: Sequence[tuple[str, str]]) -> DatasetPart:
    entries = [layout.images[i] for i in kept]
    return DatasetPart(
        name=name,
        names=[entry.name for entry in entries],
        paths=[entry.path or entry.name for entry in entries],
        pictures=sum(bool(entry.path) for entry in entries),
        labels={entry.name: entry.labels for entry in entries if entry.labels},
        refused=[*((item.path, item.message) for item in layout.refused), *refused],
    )


def _read_fingerprints(name: str, source: Source, layout: Layout, known: Hash) -> Folder:
    bits_of = bit_lengths()
    for file_name, path in sorted(layout.companions.items()):
        if signal_of(file_name, bits_of) == known.name:
            names = [entry.name for entry in layout.images]
            brought = read_fingerprints(file_name, source.read(path), None, names, known=bits_of)
            part = _part(name, layout, range(len(names)), [])
            return Folder(part, DatasetHashes(brought.bits, brought.rows), lambda _: None)
    raise AnalysisError(
        f"{name} has no images, and no {known.name} hashes among its fingerprints.",
        remedy=f"It has: {', '.join(sorted(layout.companions)) or 'none'}.",
    )


def _read_images(name: str, source: Source, layout: Layout, known: Hash, *, workers: int, advance: Advance) -> Folder:
    position = {entry.path: i for i, entry in enumerate(layout.images)}
    hashed: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] = {}
    refused: list[tuple[str, str]] = []
    seen = 0
    with ThreadPoolExecutor(workers) as pool:
        for chunk in _chunks(source, list(position), refused):
            for path, outcome in pool.map(partial(_hash, known.name), chunk):
                if isinstance(outcome, RefusedImage):
                    refused.append((path, str(outcome)))
                else:
                    hashed[position[path]] = outcome
            seen += len(chunk)
            advance(f"Reading {name}", seen, len(position))
    kept = sorted(hashed)
    if not kept:
        raise CatalogError(f"No file of {name} can be read as an image.", remedy=refused[0][1] if refused else "")
    bits = PackedBits(np.stack([hashed[i] for i in kept]), bit_lengths()[known.name])
    part = _part(name, layout, kept, refused)

    def picture(row: int) -> bytes:
        return thumbnail(read_image(source.read(part.paths[row])), THUMBNAIL_SIZE)

    return Folder(part, DatasetHashes(bits, np.arange(len(kept), dtype=np.int64)), picture)


def _hash(
    signal: str, file: tuple[str, bytes]
) -> tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | RefusedImage]:
    path, data = file
    try:
        return path, compute(read_image(data).rgb, [signal])[signal]
    except RefusedImage as error:
        return path, error


def _chunks(source: Source, paths: Sequence[str], refused: list[tuple[str, str]]) -> Iterator[list[tuple[str, bytes]]]:
    """The files of a source some at a time; those that cannot be read are noted."""
    files, chunk = source.iterate(paths), []
    while True:
        try:
            path, data = next(files)
        except StopIteration:
            break
        except RefusedImage as error:
            # The error names the file in its message.
            refused.append(("", str(error)))
            continue
        chunk.append((path, data))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _bits(hashes: DatasetHashes) -> PackedBits:
    assert hashes.bits is not None  # noqa: S101  # as read above
    return hashes.bits


def _join(hashes: Sequence[DatasetHashes], sizes: Sequence[int], threshold: int, scope: str) -> Pairs:
    """The pairs of the scope as rows of all datasets one after another, the closest first."""
    offset = np.cumsum([0, *sizes])
    found = []
    for i, first in enumerate(hashes):
        for j in range(i, len(hashes)):
            if scope == ("across" if i == j else "within"):
                continue
            second = hashes[j]
            joined = hamming_join(_bits(first), None if i == j else _bits(second), threshold, max_pairs=MAX_PAIRS)
            a, b = first.rows[joined.a] + offset[i], second.rows[joined.b] + offset[j]
            found.append(Pairs(a, b, joined.distance))
    if not found:
        return Pairs.empty()
    a, b = (np.concatenate([getattr(pairs, side) for pairs in found]) for side in ("a", "b"))
    distance = np.concatenate([pairs.distance for pairs in found])
    order = np.lexsort((b, a, distance))
    return Pairs(a[order], b[order], distance[order])
