"""Descriptors of single images: computed while an upload is imported, or when a comparison asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef
from django.utils import timezone
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import PackedBits
from analysis.core.errors import AnalysisError, UnknownName
from analysis.core.fingerprints import read_fingerprints
from analysis.core.hashes import HASHES, compute
from analysis.models import Comparison, Coverage, Hash
from analysis.signals import KnownSignal, signal
from catalog.core.errors import BrokenTable
from catalog.core.images import Decoded, read_image
from catalog.jobs import Progress
from catalog.models import Dataset, Image, Job

CHUNK = 256
"""Images of one short transaction."""

Bits = Mapping[str, NDArray[np.uint8]]


def _store(dataset: Dataset, image_ids: Sequence[int], described: Sequence[Bits], names: Sequence[str]) -> None:
    ids = np.array(image_ids, np.int64)
    for name in names:
        known = signal(name)
        bits = PackedBits(np.stack([bits[name] for bits in described]), known.n_bits)
        bulk.write_hashes(dataset_id=dataset.pk, signal_id=known.id, image_ids=ids, bits=bits)


class IngestDescriptors:
    """Takes part in imports: the file is decoded once, for the catalogue and for all hashes (see `catalog.hooks`)."""

    def describe(self, decoded: Decoded) -> Bits:
        """All hashes of the image, packed."""
        return compute(decoded.rgb, list(HASHES))

    def images_taken(self, dataset: Dataset, images: Sequence[Image], described: Sequence[Any]) -> None:
        """Store the hashes of a chunk."""
        if images:
            _store(dataset, [image.pk for image in images], described, list(HASHES))

    def companions_brought(self, dataset: Dataset, images: Sequence[Image], files: Mapping[str, bytes]) -> list[str]:
        """Store fingerprints that came instead of pictures."""
        names = [image.name for image in images]
        ids = np.array([image.pk for image in images], np.int64)
        known = {name: entry.n_bits for name, entry in HASHES.items()}
        said = []
        for file_name, data in sorted(files.items()):
            try:
                brought = read_fingerprints(file_name, data, None, names, known=known)
            except UnknownName as error:
                said.append(f"{file_name} was not read ({error.message})")
                continue
            except AnalysisError as error:
                # For the person who uploads it is one more broken file of theirs.
                raise BrokenTable(error.message, remedy=error.remedy) from error
            stored = signal(brought.signal)
            bulk.write_hashes(
                dataset_id=dataset.pk, signal_id=stored.id, image_ids=ids[brought.rows], bits=brought.bits
            )
            # A comparison may already count these images as compared under this signal.
            Coverage.objects.filter(signal_id=stored.id, dataset_a=dataset).delete()
            Coverage.objects.filter(signal_id=stored.id, dataset_b=dataset).delete()
            said.append(f"{len(brought.rows):,} hashes {brought.signal} from {file_name}")
        return said

    def dataset_changed(self, dataset: Dataset) -> None:
        """Comparisons of the dataset no longer cover all of it, nor may one that is running."""
        computed = Comparison.objects.filter(datasets=dataset).exclude(status=Job.Status.QUEUED)
        computed.update(data_changed_at=timezone.now())


def missing(dataset: Dataset, signals: Sequence[KnownSignal]) -> list[int]:
    """Ids of images with a picture that lack a descriptor of one of the signals, rising."""
    found: set[int] = set()
    for known in signals:
        has = Hash.objects.filter(image=OuterRef("pk"), signal_id=known.id)
        lacking = Image.objects.filter(~Exists(has), dataset=dataset).exclude(file="")
        found.update(lacking.values_list("pk", flat=True))
    return sorted(found)


def counts(dataset: Dataset, known: KnownSignal) -> int:
    """Images of the dataset that have a descriptor under the signal."""
    return Hash.objects.filter(dataset=dataset, signal_id=known.id).count()


def extract(dataset: Dataset, signals: Sequence[KnownSignal], progress: Progress[Any]) -> None:
    """Compute what is missing, each image decoded once for all signals. Repeating it changes nothing."""
    ids = missing(dataset, signals)
    if not ids:
        return
    names = [known.name for known in signals]
    progress.stage(f"Computing hashes of {dataset.name}", total=len(ids))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for chunk in _chunks(ids):
            images = list(Image.objects.filter(pk__in=chunk).order_by("pk"))
            described = list(pool.map(lambda image: _describe(image, names), images))
            _store(dataset, [image.pk for image in images], described, names)
            progress.advance(len(images))


def _describe(image: Image, names: Sequence[str]) -> Bits:
    with default_storage.open(str(image.file)) as stream:
        return compute(read_image(stream.read()).rgb, names)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
