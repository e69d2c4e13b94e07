"""An upload becomes images and refused files. Repeatable: run twice, or half and then whole, it gives one result."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import F

from catalog import files
from catalog.companions import Outcome, take_fingerprints, take_vectors
from catalog.core.errors import RefusedImage
from catalog.core.images import Decoded, read_image, thumbnail
from catalog.core.layouts import ImageEntry, Layout, recognise
from catalog.core.sources import Source, StoredFilesSource, open_source, readable
from catalog.hooks import observers
from catalog.jobs import Progress
from catalog.labelling import LABELS_SPACE, Labels, attach_labels, describe_labels, forget_labels, store_labels
from catalog.models import Dataset, Image, RefusedFile, Upload
from catalog.workspace import discard_parts

CHUNK_FILES = 128
CHUNK_BYTES = 64 * 2**20
"""A chunk is one short transaction; both bounds hold, so that memory stays bounded whatever is brought."""

THUMBNAIL_SIZE = 320
ADVISORY_SPACE = 0x5158


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """A file that was decoded and stored."""

    entry: ImageEntry
    decoded: Decoded
    size: int
    file: str
    thumbnail: str
    described: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was not taken."""

    path: str
    code: str
    reason: str


@contextlib.contextmanager
def _alone(dataset: Dataset) -> Iterator[None]:
    """Imports into one dataset run one after another, so that its image ids grow in the order of import."""
    key = [ADVISORY_SPACE, dataset.pk % 2**31, LABELS_SPACE, dataset.project_id % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s), pg_advisory_lock_shared(%s, %s)", key)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s), pg_advisory_unlock_shared(%s, %s)", key)


@contextlib.contextmanager
def delivered(upload: Upload) -> Iterator[Source]:
    """The files of an upload whose parts have arrived."""
    scratch = Path(tempfile.mkdtemp(prefix="import-", dir=_scratch_root()))
    try:
        if upload.kind == Upload.Kind.FOLDER:
            parts = {
                part.path: partial(_open_stored, str(part.file))
                for part in upload.parts.order_by("number")
                if part.path
            }
            with StoredFilesSource(parts) as source:
                yield source
        else:
            archive = scratch / Path(upload.source_name).name
            with archive.open("wb") as whole:
                for part in upload.parts.order_by("number").iterator():
                    with default_storage.open(str(part.file)) as piece:
                        shutil.copyfileobj(piece, whole)
            with open_source(archive, scratch=scratch) as source:
                yield source
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _scratch_root() -> Path:
    root = Path(settings.FILE_UPLOAD_TEMP_DIR)
    root.mkdir(parents=True, exist_ok=True)
    return root


def _open_stored(key: str) -> BinaryIO:
    return cast("BinaryIO", default_storage.open(key))


def ingest(upload: Upload, source: Source, progress: Progress[Upload]) -> None:
    """Take everything a source holds into the upload's dataset.

    images taken + files refused = files seen. On an error that refuses the whole, nothing of this upload remains.

    Raises:
        RefusedArchive: the archive is broken or hostile.
        BrokenTable: a label or fingerprint file cannot be read; the message names file and line.
    """
    dataset = upload.dataset
    stored: set[str] = set()
    labels = Labels({}, [])
    with _alone(dataset):
        try:
            progress.stage("Reading the list of files", unit="files")
            layout = recognise(source)
            upload.refused.all().delete()
            labels = store_labels(dataset, layout)
            refused = [Refused(item.path, item.code, item.message) for item in layout.refused]
            _write(upload, [], refused, labels)
            if layout.kind == "images":
                _take_pictures(upload, source, layout, labels, progress, stored=stored)
            if layout.vectors or layout.companions:
                progress.stage("Reading hashes and vectors", unit="files")
            with transaction.atomic():
                if layout.kind == "images":
                    outcome = take_vectors(upload, source, layout)
                else:
                    outcome = take_fingerprints(upload, source, layout, labels)
                _conclude(upload, layout, outcome)
        except Exception:
            undo(upload)
            _forget(dataset, stored)
            forget_labels(dataset, labels)
            raise
    discard_parts(upload=upload)


def undo(upload: Upload) -> None:
    """Remove every image that the upload brought, so that nothing half-imported remains."""
    dataset = upload.dataset
    images = Image.objects.filter(upload=upload)
    with transaction.atomic():
        keys = files.keys_of(images)
        taken, pictures = images.count(), images.exclude(file="").count()
        images.delete()
        kept = files.keys_of(Image.objects.filter(dataset=dataset, file__in=keys))
        Dataset.objects.filter(pk=dataset.pk).update(
            image_count=F("image_count") - taken, file_count=F("file_count") - pictures
        )
        Upload.objects.filter(pk=upload.pk).update(images_taken=0, files_refused=0, files_seen=0)
        upload.refused.all().delete()
    files.delete(keys - kept)


def _conclude(upload: Upload, layout: Layout, outcome: Outcome) -> None:
    warnings = [*layout.warnings, *outcome.warnings]
    if layout.left_out:
        warnings.append(f"{layout.left_out:,} system files (hidden files, Thumbs.db and the like) were passed over.")
    if layout.companions and layout.kind == "images":
        warnings.append(
            f"{', '.join(sorted(layout.companions))}: not used, since the images themselves are here to compute from."
        )
    RefusedFile.objects.bulk_create(
        RefusedFile(upload=upload, path=item.path[:1024], code=item.code, reason=item.message)
        for item in outcome.refused
    )
    describe_labels(upload.dataset, layout.labels)
    taken = Image.objects.filter(upload=upload).count()
    refused = upload.refused.count()
    Upload.objects.filter(pk=upload.pk).update(
        layout="; ".join([outcome.description.rstrip("."), *outcome.said]) + ".",
        warnings=warnings,
        tables_read=len(layout.tables) + len(layout.companions) + len(layout.vectors) - len(outcome.refused),
        images_taken=taken,
        files_refused=refused,
        files_seen=taken + refused,
    )
    for observer in observers():
        observer.dataset_changed(upload.dataset)


def _forget(dataset: Dataset, stored: set[str]) -> None:
    """Delete files that were stored for an upload that is refused, unless an image of another upload has them."""
    held = Image.objects.filter(dataset=dataset, file__in=stored)
    files.delete(stored - files.keys_of(held))


def _take_pictures(
    upload: Upload,
    source: Source,
    layout: Layout,
    labels: Labels,
    progress: Progress[Upload],
    *,
    stored: set[str],
) -> None:
    """Take the images of a source; `stored` collects the keys of all files that were put into the store."""
    entries = {entry.path: entry for entry in layout.images}
    progress.stage("Reading images", total=len(entries), unit="files")
    unreadable: list[RefusedImage] = []
    seen: set[str] = set()

    def finish(chunk: Sequence[Future[Taken | Refused]], refused: list[Refused], files: int) -> None:
        outcomes = [future.result() for future in chunk]
        refused += [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        _write(upload, [outcome for outcome in outcomes if isinstance(outcome, Taken)], refused, labels)
        progress.advance(files)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        # While one chunk is written, the next is decoded already.
        waiting: tuple[Sequence[Future[Taken | Refused]], list[Refused], int] | None = None
        for chunk in _chunks(readable(source, list(entries), unreadable.append)):
            seen.update(path for path, _ in chunk)
            known = _known_names(upload, [entries[path].name for path, _ in chunk])
            decoding = [
                pool.submit(_take, upload.dataset_id, entries[path], data, stored)
                for path, data in chunk
                if entries[path].name not in known
            ]
            if waiting is not None:
                finish(*waiting)
            # An image of this very upload was taken by a run that was interrupted.
            taken_by_others = [path for path, _ in chunk if known.get(entries[path].name, upload.pk) != upload.pk]
            waiting = decoding, [_same_name(entries[path]) for path in taken_by_others], len(chunk)
        if waiting is not None:
            finish(*waiting)
    # Loose files are read in the order of their paths, so the errors come in that order too.
    lost = sorted(entries.keys() - seen)
    gone = [Refused(path, error.code, str(error)) for path, error in zip(lost, unreadable, strict=True)]
    _write(upload, [], gone, labels)


def _same_name(entry: ImageEntry) -> Refused:
    return Refused(
        entry.path,
        "same-name",
        f"The dataset already has an image named {entry.name}. Rename the file if it is another picture.",
    )


def _known_names(upload: Upload, names: Sequence[str]) -> dict[str, int | None]:
    """Names that the dataset has already, with the upload that brought them."""
    found = Image.objects.filter(dataset=upload.dataset, name__in=names)
    return dict(found.values_list("name", "upload_id"))


def _chunks(files: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    chunk: list[tuple[str, bytes]] = []
    size = 0
    for path, data in files:
        chunk.append((path, data))
        size += len(data)
        if len(chunk) >= CHUNK_FILES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _take(dataset_id: int, entry: ImageEntry, data: bytes, stored: set[str]) -> Taken | Refused:
    """Decode and store one file (in a worker thread, without the database)."""
    try:
        decoded = read_image(data)
    except RefusedImage as error:
        return Refused(entry.path, error.code, str(error))
    original = files.original_key(dataset_id, decoded.sha256, decoded.format)
    small = files.thumbnail_key(dataset_id, decoded.sha256)
    stored.update((original, small))
    return Taken(
        entry=entry,
        decoded=decoded,
        size=len(data),
        file=files.keep(original, data),
        thumbnail=files.keep(small, thumbnail(decoded.rgb, THUMBNAIL_SIZE)),
        described=[observer.describe(decoded) for observer in observers()],
    )


@transaction.atomic
def _write(upload: Upload, taken: Sequence[Taken], refused: Sequence[Refused], labels: Labels) -> None:
    """One chunk: images with labels and descriptors, refused files, counts; all or nothing."""
    dataset = upload.dataset
    images = Image.objects.bulk_create(
        Image(
            dataset=dataset,
            upload=upload,
            name=item.entry.name,
            path=item.entry.path,
            sha256=item.decoded.sha256,
            pixel_hash=item.decoded.pixel_hash,
            width=item.decoded.width,
            height=item.decoded.height,
            bytes=item.size,
            format=item.decoded.format,
            mode=item.decoded.mode,
            file=item.file,
            thumbnail=item.thumbnail,
        )
        for item in taken
    )
    attach_labels(images, [item.entry for item in taken], labels)
    for position, observer in enumerate(observers()):
        observer.images_taken(dataset, images, [item.described[position] for item in taken])
    RefusedFile.objects.bulk_create(
        RefusedFile(upload=upload, path=item.path[:1024], code=item.code, reason=item.reason) for item in refused
    )
    Dataset.objects.filter(pk=dataset.pk).update(
        image_count=F("image_count") + len(images), file_count=F("file_count") + len(images)
    )
    Upload.objects.filter(pk=upload.pk).update(
        images_taken=F("images_taken") + len(images),
        files_refused=F("files_refused") + len(refused),
        files_seen=F("files_seen") + len(images) + len(refused),
    )
