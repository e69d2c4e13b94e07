"""Hashes and vectors that people bring. What is stored of an image never changes by it.

Vectors are stored under signals of their project, so that two teams' files never mix; a hash is the same for all.
"""

from __future__ import annotations

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import PackedBits, Vectors
from analysis.core.embedding_files import EmbeddingFile, open_embeddings
from analysis.core.errors import AnalysisError, UnknownName
from analysis.core.fingerprints import Fingerprints, read_fingerprints
from analysis.core.hashes import as_stored, bit_lengths
from analysis.models import Coverage, Embedding, Signal
from analysis.signals import ANY, BROUGHT, KnownSignal, signal
from catalog.core.errors import BrokenTable
from catalog.hooks import BroughtHashes, BroughtVectors
from catalog.models import Dataset

SAME = 1e-6
"""How far the numbers of one vector may differ that was brought twice."""
EXAMPLES = 3
"""How many images are told that have another hash."""


def take_hashes(dataset: Dataset, brought: BroughtHashes) -> list[str]:
    """Store the hashes of files; what is there already stays. Returns sentences for people.

    Raises:
        BrokenTable: a file cannot be read, or an image has another hash under its signal.
    """
    said = []
    for file_name, data in sorted(brought.files.items()):
        try:
            read = read_fingerprints(file_name, data, None, brought.names, known=bit_lengths())
            said += _store_hashes(dataset, file_name, brought, read)
        except UnknownName as error:
            said.append(f"{file_name} was not read ({error.message})")
        except AnalysisError as error:
            # For the person who uploads it is one more broken file of theirs.
            raise BrokenTable(error.message, remedy=error.remedy) from error
    return said


def _store_hashes(dataset: Dataset, file_name: str, brought: BroughtHashes, read: Fingerprints) -> list[str]:
    known = signal(read.signal)
    ids = np.array(brought.image_ids, np.int64)[read.rows]
    apart = _apart(dataset, known, ids, read.bits)
    if (other := np.flatnonzero(apart > 0)).size:
        examples = ", ".join(
            f"{brought.names[int(read.rows[row])]} ({known.words(float(apart[row]))} apart)" for row in other[:EXAMPLES]
        )
        more = f" and {len(other) - EXAMPLES:,} more" if len(other) > EXAMPLES else ""
        raise AnalysisError(
            f"{file_name}: {_counted(len(other), 'image has', 'images have')} another hash under {known.name} already, "
            f"and a signal never changes: {examples}{more}.",
            remedy="See whether the hashes are in the order of the names. Else leave these rows out, as an object by "
            "name can; the hashes that are here stay.",
        )
    new = apart < 0
    bits = PackedBits(read.bits.packed[new], read.bits.n_bits)
    bulk.write_descriptors(
        dataset_id=dataset.pk, signal_id=known.id, image_ids=ids[new], rows=as_stored(known.name, bits)
    )
    if new.any():
        _uncover(dataset, known.name)
    said = [f"{_counted(len(bits), 'hash', 'hashes')} {known.name} from {file_name}"]
    if before := len(ids) - len(bits):
        said.append(f"here before: {_counted(before, 'hash', 'hashes')} of {file_name}")
    return said


def _apart(dataset: Dataset, known: KnownSignal, ids: NDArray[np.int64], bits: PackedBits) -> NDArray[np.int64]:
    """By how many bits each hash differs from what its image has stored; -1 where it has nothing."""
    metric = known.hash.metric
    held, rows = bulk.read_descriptors(dataset_id=dataset.pk, signal_id=known.id, width=metric.width)
    found = np.full(len(ids), -1, np.int64)
    there = np.isin(ids, held)
    if there.any():
        mine = metric.stack(rows).packed[np.searchsorted(held, ids[there])]
        found[there] = np.bitwise_count(mine ^ bits.packed[there]).sum(axis=1)
    return found


def _uncover(dataset: Dataset, name: str) -> None:
    """Forget up to which image a signal's pairs were found: a comparison may count images that it did not see."""
    named = Q(signal__name__in=[name, f"{name}@{ANY}"])
    Coverage.objects.filter(named, Q(dataset_a=dataset) | Q(dataset_b=dataset)).delete()


def take_vectors(dataset: Dataset, brought: BroughtVectors) -> list[str]:
    """Store a file of vectors under its signal; what is there already stays. Returns sentences for people.

    Raises:
        BrokenTable: the file cannot be read, or an image has another vector under this signal.
    """
    try:
        with brought.open() as stream:
            return _store(dataset, brought, open_embeddings(brought.file_name, stream, brought.names))
    except AnalysisError as error:
        # For the person who uploads it is one more broken file of theirs.
        raise BrokenTable(error.message, remedy=error.remedy) from error


def signal_name(project_id: int, name: str) -> str:
    """The storage key of brought vectors: `name` is the file's stem and its dimensions, such as ``embeddings-512``."""
    return f"{BROUGHT}{project_id}/{name}"


def _store(dataset: Dataset, brought: BroughtVectors, file: EmbeddingFile) -> list[str]:
    image_ids = np.array([-1 if pk is None else pk for pk in brought.image_ids], np.int64)
    row: Signal | None = None
    filled = False
    stored = known = divided = 0
    for batch in file.batches():
        if row is None:
            row, _ = Signal.objects.get_or_create(
                name=signal_name(dataset.project_id, file.name),
                defaults={"dim": file.dim, "project_id": dataset.project_id},
            )
            filled = Embedding.objects.filter(dataset=dataset, signal=row).exists()
        ids = image_ids[batch.first : batch.first + len(batch.vectors)]
        new = ids >= 0
        divided += batch.divided
        if filled:
            there = _there(brought.file_name, file.name, row, ids, batch.vectors)
            known += int(there.sum())
            new &= ~there
        if new.any():
            bulk.write_embeddings(
                dataset_id=dataset.pk,
                signal_id=row.pk,
                image_ids=ids[new],
                vectors=Vectors(batch.vectors.values[new]),
            )
            stored += int(new.sum())
    if row is not None and stored:
        _uncover(dataset, row.name)
    said = [f"{_counted(stored, 'embedding')} {file.name} from {brought.file_name}"]
    if known:
        said.append(f"here before: {_counted(known, 'row')} of {brought.file_name}")
    if divided:
        said.append(f"divided by their length, which was not 1: {_counted(divided, 'row')} of {brought.file_name}")
    return said


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _there(file_name: str, name: str, signal: Signal, ids: NDArray[np.int64], vectors: Vectors) -> NDArray[np.bool_]:
    """Which rows are stored already.

    Raises:
        AnalysisError: with other numbers.
    """
    stored = Embedding.objects.filter(signal=signal, image_id__in=ids[ids >= 0].tolist())
    row_of = {pk: row for row, pk in enumerate(ids.tolist())}
    there = np.zeros(len(ids), np.bool_)
    for image_id, image_name, vector in stored.values_list("image_id", "image__name", "vector"):
        row = row_of[image_id]
        there[row] = True
        if np.abs(np.asarray(vector, np.float32) - vectors.values[row]).max() > SAME:
            raise AnalysisError(
                f"{file_name}: {image_name} has another vector under “{name}” already, and a signal never changes.",
                remedy="Rename the file, for example to embeddings-2.npy; its vectors then stand beside the old ones.",
            )
    return there
