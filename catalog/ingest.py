"""An upload becomes images and refused files. Repeatable: run twice, or half and then whole, it gives one result."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
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
from catalog.core.errors import RefusedArchive, RefusedImage
from catalog.core.images import Decoded, read_image, thumbnail
from catalog.core.layouts import ImageEntry, LabelInfo, Layout, recognise
from catalog.core.sources import Source, StoredFilesSource, open_source
from catalog.hooks import observers
from catalog.jobs import Progress
from catalog.models import Dataset, Image, ImageLabel, Label, RefusedFile, Upload
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
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [ADVISORY_SPACE, dataset.pk % 2**31])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [ADVISORY_SPACE, dataset.pk % 2**31])


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
    with _alone(dataset):
        try:
            progress.stage("Reading the list of files", unit="files")
            layout = recognise(source)
            upload.refused.all().delete()
            labels = _store_labels(dataset, layout)
            refused = [Refused(item.path, item.code, item.message) for item in layout.refused]
            if layout.kind == "fingerprints":
                said = _take_fingerprints(upload, source, layout, labels, refused)
            else:
                said = []
                _write(upload, [], refused, labels)
                _take_pictures(upload, source, layout, labels, progress, stored=stored)
            _conclude(upload, layout, said)
        except Exception:
            undo(upload)
            _forget(dataset, stored)
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


def _conclude(upload: Upload, layout: Layout, said: Sequence[str]) -> None:
    warnings = [*layout.warnings]
    if layout.left_out:
        warnings.append(f"{layout.left_out:,} system files (hidden files, Thumbs.db and the like) were passed over.")
    if layout.companions and layout.kind == "images":
        warnings.append(
            f"{', '.join(sorted(layout.companions))}: not used, since the images themselves are here to compute from."
        )
    with transaction.atomic():
        taken = Image.objects.filter(upload=upload).count()
        refused = upload.refused.count()
        Upload.objects.filter(pk=upload.pk).update(
            layout="; ".join([layout.description.rstrip("."), *said]) + ".",
            warnings=warnings,
            tables_read=len(layout.tables) + len(layout.companions),
            images_taken=taken,
            files_refused=refused,
            files_seen=taken + refused,
        )
        for observer in observers():
            observer.dataset_changed(upload.dataset)


def _store_labels(dataset: Dataset, layout: Layout) -> dict[str, int]:
    """The labels that the layout speaks of, made where they are missing; name → id."""
    described: dict[str, LabelInfo] = {info.name: info for info in layout.labels}
    names = set(described) | {label for entry in layout.images for label in entry.labels}
    project_id = dataset.project_id
    Label.objects.bulk_create(
        [Label(project_id=project_id, name=name) for name in sorted(names)], ignore_conflicts=True, batch_size=5000
    )
    stored = {label.name: label for label in Label.objects.filter(project_id=project_id, name__in=names)}
    changed = []
    for name, info in described.items():
        label = stored[name]
        if (info.title and not label.title) or (info.description and not label.description):
            label.title, label.description = label.title or info.title, label.description or info.description
            changed.append(label)
    Label.objects.bulk_update(changed, ["title", "description"], batch_size=1000)
    return {name: label.pk for name, label in stored.items()}


def _forget(dataset: Dataset, stored: set[str]) -> None:
    """Delete files that were stored for an upload that is refused, unless an image of another upload has them."""
    held = Image.objects.filter(dataset=dataset, file__in=stored)
    files.delete(stored - files.keys_of(held))


def _take_pictures(
    upload: Upload,
    source: Source,
    layout: Layout,
    labels: Mapping[str, int],
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
        for chunk in _chunks(_readable(source, list(entries), unreadable)):
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


def _readable(source: Source, paths: Sequence[str], unreadable: list[RefusedImage]) -> Iterator[tuple[str, bytes]]:
    """The files that can be read; why others cannot goes into `unreadable`."""
    files = source.iterate(paths)
    while True:
        try:
            yield next(files)
        except StopIteration:
            return
        except RefusedImage as error:
            unreadable.append(error)


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
        thumbnail=files.keep(small, thumbnail(decoded, THUMBNAIL_SIZE)),
        described=[observer.describe(decoded) for observer in observers()],
    )


@transaction.atomic
def _write(upload: Upload, taken: Sequence[Taken], refused: Sequence[Refused], labels: Mapping[str, int]) -> None:
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
    _attach(images, [item.entry for item in taken], labels)
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


def _attach(images: Sequence[Image], entries: Sequence[ImageEntry], labels: Mapping[str, int]) -> None:
    ImageLabel.objects.bulk_create(
        [
            ImageLabel(image_id=image.pk, label_id=labels[name])
            for image, entry in zip(images, entries, strict=True)
            for name in dict.fromkeys(entry.labels)
        ],
        batch_size=10_000,
    )


@transaction.atomic
def _take_fingerprints(
    upload: Upload, source: Source, layout: Layout, labels: Mapping[str, int], refused: Sequence[Refused]
) -> list[str]:
    """A dataset of which only names and fingerprints were brought; all of it in one transaction.

    Raises:
        RefusedArchive: the dataset already has images of these names.
    """
    dataset = upload.dataset
    known = _known_names(upload, [entry.name for entry in layout.images])
    if known:
        first = next(iter(known))
        raise RefusedArchive(
            f"The dataset already has {len(known):,} of these images, {first} among them.",
            remedy="Bring all fingerprints of a dataset in one archive, or into a new dataset.",
        )
    images = Image.objects.bulk_create(
        [Image(dataset=dataset, upload=upload, name=entry.name, path=entry.name) for entry in layout.images],
        batch_size=10_000,
    )
    _attach(images, layout.images, labels)
    brought = {name: source.read(path) for name, path in layout.companions.items()}
    said = [line for observer in observers() for line in observer.companions_brought(dataset, images, brought)]
    RefusedFile.objects.bulk_create(
        RefusedFile(upload=upload, path=item.path[:1024], code=item.code, reason=item.reason) for item in refused
    )
    Dataset.objects.filter(pk=dataset.pk).update(image_count=F("image_count") + len(images))
    return said
