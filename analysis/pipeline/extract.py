"""Descriptors of single images: computed while an upload is imported, or when a comparison asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef
from django.utils import timezone
from numpy.typing import NDArray

from analysis import bulk, descriptors
from analysis.brought import take_hashes, take_vectors
from analysis.core.arrays import Vectors
from analysis.core.encoders import LoadedEncoder, embed
from analysis.core.errors import AnalysisError
from analysis.core.hashes import HASHES, compute
from analysis.core.orientations import turned
from analysis.models import Comparison
from analysis.signals import KnownSignal, signal
from catalog.core.images import Decoded, read_pixels
from catalog.hooks import BroughtHashes, BroughtVectors
from catalog.jobs import Progress
from catalog.models import Dataset, Image, Job

CHUNK = 256
"""Images of one short transaction."""

Described = Mapping[str, NDArray[np.uint8]]
"""Hashes of one image: signal name → stored bytes."""

AT_IMPORT = tuple(name for name, entry in HASHES.items() if entry.at_import)
"""Hashes that cost so little beside decoding that every image gets them."""


def _store(
    dataset: Dataset, image_ids: Sequence[int], described: Sequence[Described], signals: Sequence[KnownSignal]
) -> None:
    ids = np.array(image_ids, np.int64)
    for known in signals:
        rows = [each[known.name].tobytes() for each in described]
        bulk.write_descriptors(dataset_id=dataset.pk, signal_id=known.id, image_ids=ids, rows=rows)


class IngestDescriptors:
    """Takes part in imports: the file is decoded once, for the catalogue and for all hashes (see `catalog.hooks`)."""

    def describe(self, decoded: Decoded) -> Described:
        """The cheap hashes of the image."""
        return compute(decoded.rgb, AT_IMPORT)

    def images_taken(self, dataset: Dataset, images: Sequence[Image], described: Sequence[Any]) -> None:
        """Store the hashes of a chunk."""
        if images:
            _store(dataset, [image.pk for image in images], described, [signal(name) for name in AT_IMPORT])

    def companions_brought(self, dataset: Dataset, brought: BroughtHashes) -> list[str]:
        """Store hashes that were made elsewhere."""
        return take_hashes(dataset, brought)

    def vectors_brought(self, dataset: Dataset, brought: BroughtVectors) -> list[str]:
        """Store embeddings that were made elsewhere."""
        return take_vectors(dataset, brought)

    def dataset_changed(self, dataset: Dataset) -> None:
        """Comparisons of the dataset no longer cover all of it, nor may one that is running."""
        computed = Comparison.objects.filter(datasets=dataset).exclude(status=Job.Status.QUEUED)
        computed.update(data_changed_at=timezone.now())


def missing(dataset: Dataset, signals: Sequence[KnownSignal]) -> list[int]:
    """Ids of images with a picture that lack a descriptor of one of the signals, rising."""
    found: set[int] = set()
    for known in signals:
        has = known.stored._default_manager.filter(image=OuterRef("pk"), signal_id=known.id)
        lacking = Image.objects.filter(~Exists(has), dataset=dataset).exclude(file="")
        found.update(lacking.values_list("pk", flat=True))
    return sorted(found)


def extract_hashes(dataset: Dataset, signals: Sequence[KnownSignal], progress: Progress[Any]) -> None:
    """Compute the hashes that are missing, each image decoded once for all of them. Repeating it changes nothing."""
    wanted = [each for known in signals if not known.is_embedding for each in known.described]
    ids = missing(dataset, [known for _, known in wanted])
    if not ids:
        return
    progress.stage(f"Computing hashes of {dataset.name}", total=len(ids))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for chunk in _chunks(ids):
            images = list(Image.objects.filter(pk__in=chunk).order_by("pk"))
            described = list(pool.map(partial(_hashes, wanted=wanted), images))
            _store(dataset, [image.pk for image in images], described, [known for _, known in wanted])
            progress.advance(len(images))


def _hashes(image: Image, wanted: Sequence[tuple[int, KnownSignal]]) -> Described:
    rgb = _pixels(str(image.file))
    found: dict[str, NDArray[np.uint8]] = {}
    for orientation in sorted({orientation for orientation, _ in wanted}):
        names = {known.entry.name: known.name for turn, known in wanted if turn == orientation}
        described = compute(turned(rgb, orientation), list(names))
        found |= {names[name]: value for name, value in described.items()}
    return found


def extract_embeddings(datasets: Sequence[Dataset], known: KnownSignal, progress: Progress[Any]) -> None:
    """Compute the embeddings that are missing under a signal. Repeating it changes nothing.

    One model at a time is in memory, so a picture is decoded once for each model; its orientations share that.

    Raises:
        ModelUnavailable: the model is not here and cannot be fetched, is broken, or does not fit into memory.
    """
    if known.encoder is None:
        return
    waiting = {dataset: missing(dataset, [each for _, each in known.described]) for dataset in datasets}
    if not any(waiting.values()):
        return
    progress.stage(f"Loading {known.base.title}", total=0, unit="models")
    model = known.encoder.load(may_fetch=True)
    for dataset, ids in waiting.items():
        if ids:
            _embed(dataset, ids, known, model, progress)


def _embed(
    dataset: Dataset, ids: Sequence[int], known: KnownSignal, model: LoadedEncoder, progress: Progress[Any]
) -> None:
    wanted = known.described
    progress.stage(f"Computing {known.base.title} of {dataset.name}", total=len(ids))
    files = dict(Image.objects.filter(pk__in=ids).values_list("pk", "file"))
    image_ids = np.array([pk for pk in ids if pk in files], np.int64)
    pictures = (_Picture(files[pk]) for pk in image_ids.tolist())
    views = (partial(picture.turned, orientation) for picture in pictures for orientation, _ in wanted)
    ahead, done = np.empty((0, model.dim), np.float32), 0
    for batch in embed(model, views):
        ahead = np.concatenate([ahead, batch.values])
        ready = len(ahead) // len(wanted)
        if ready < CHUNK and done + ready < len(image_ids):
            continue
        values = ahead[: ready * len(wanted)].reshape(ready, len(wanted), model.dim)
        for n, (_, each) in enumerate(wanted):
            bulk.write_embeddings(
                dataset_id=dataset.pk,
                signal_id=each.id,
                image_ids=image_ids[done : done + ready],
                vectors=Vectors(values[:, n].copy()),
            )
        ahead, done = ahead[ready * len(wanted) :], done + ready
        progress.advance(ready)


def require_described(datasets: Sequence[Dataset], known: KnownSignal) -> None:
    """Refuse a signal under which a dataset has nothing to compare.

    Raises:
        AnalysisError: naming the dataset.
    """
    for dataset in datasets:
        if dataset.image_count and not descriptors.count(known, dataset.pk):
            what = "embeddings" if known.is_embedding else "hashes"
            raise AnalysisError(
                f"“{dataset.name}” has no {known.base.name} {what}: only fingerprints were brought, and not these.",
                remedy=f"Leave {known.name} or this dataset out, or bring its {known.base.name} {what}.",
            )


class _Picture:
    """A stored picture in any orientation, decoded once for all that are asked for."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lock = Lock()
        self._rgb: NDArray[np.uint8] | None = None

    def turned(self, orientation: int) -> NDArray[np.uint8]:
        """Its pixels as `orientation` turns them."""
        with self._lock:
            if self._rgb is None:
                self._rgb = _pixels(self._file)
        return turned(self._rgb, orientation)


def _pixels(file: str) -> NDArray[np.uint8]:
    with default_storage.open(file) as stream:
        return read_pixels(stream.read())


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
