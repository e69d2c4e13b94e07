"""Vectors that people bring: stored under signals of their project, so that two teams' files never mix."""

from __future__ import annotations

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import Vectors
from analysis.core.embedding_files import EmbeddingFile, open_embeddings
from analysis.core.errors import AnalysisError
from analysis.models import Coverage, Embedding, Signal
from analysis.signals import ANY, BROUGHT
from catalog.core.errors import BrokenTable
from catalog.hooks import BroughtVectors
from catalog.models import Dataset

SAME = 1e-6
"""How far the numbers of one vector may differ that was brought twice."""


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
    signal: Signal | None = None
    filled = False
    stored = known = divided = 0
    for batch in file.batches():
        if signal is None:
            signal, _ = Signal.objects.get_or_create(
                name=signal_name(dataset.project_id, file.name),
                defaults={"dim": file.dim, "project_id": dataset.project_id},
            )
            filled = Embedding.objects.filter(dataset=dataset, signal=signal).exists()
        ids = image_ids[batch.first : batch.first + len(batch.vectors)]
        new = ids >= 0
        divided += batch.divided
        if filled:
            there = _there(brought.file_name, file.name, signal, ids, batch.vectors)
            known += int(there.sum())
            new &= ~there
        if new.any():
            bulk.write_embeddings(
                dataset_id=dataset.pk,
                signal_id=signal.pk,
                image_ids=ids[new],
                vectors=Vectors(batch.vectors.values[new]),
            )
            stored += int(new.sum())
    if signal is not None and stored:
        # A comparison may already count these images as compared under this signal.
        named = Q(signal__name__in=[signal.name, f"{signal.name}@{ANY}"])
        Coverage.objects.filter(named, Q(dataset_a=dataset) | Q(dataset_b=dataset)).delete()
    said = [f"{_counted(stored, 'embedding')} {file.name} from {brought.file_name}"]
    if known:
        said.append(f"here before: {_counted(known, 'row')} of {brought.file_name}")
    if divided:
        said.append(f"divided by their length, which was not 1: {_counted(divided, 'row')} of {brought.file_name}")
    return said


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


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
