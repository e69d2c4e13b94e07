"""From a comparison at given thresholds to its report: read from the database, written as one archive."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from analysis import bulk, descriptors
from analysis.core.archive import ArchiveWriter
from analysis.core.arrays import PackedBits
from analysis.core.errors import AnalysisError
from analysis.core.fingerprints import PUBLISHED_FILES
from analysis.core.report import DatasetHashes, DatasetPart, FurtherHashes, ReportData, SignalPart, report_files
from analysis.core.versions import versions
from analysis.models import Comparison, Coverage, Report
from analysis.models.review import Choice
from analysis.population import Population
from analysis.queries import cells
from analysis.signals import KnownSignal, signal
from catalog.jobs import Progress
from catalog.models import Dataset, Image, Label, RefusedFile

CHOICES = tuple(choice for choice in Choice if choice != Choice.WITHDRAWN)


class DataChanged(AnalysisError):
    """The datasets are not what the comparison was computed on."""


def write_report(report: Report, progress: Progress[Any]) -> None:
    """Write the archive of a report. Repeating it replaces the archive.

    Raises:
        DataChanged: images came or went since the comparison was computed, so that not all pairs are known.
    """
    progress.stage("Reading pairs and hashes", unit="files")
    files = report_files(report_data(report.comparison, report.thresholds))
    progress.stage("Writing the report", total=len(files), unit="files")
    scratch = Path(settings.FILE_UPLOAD_TEMP_DIR)
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(prefix="report-", dir=scratch) as out:
        with ArchiveWriter(out, compress=True) as archive:
            for file in files:
                archive.write(file.path, file.chunks())
                progress.advance()
        out.seek(0)
        before = str(report.archive)
        key = default_storage.save(f"reports/{report.comparison.project_id}/{report.pk}.zip", File(out))
    Report.objects.filter(pk=report.pk).update(archive=key)
    if before and before != key:
        default_storage.delete(before)


def report_data(comparison: Comparison, thresholds: Mapping[str, float]) -> ReportData:
    """All that the report of a comparison tells.

    Args:
        comparison: one that is done.
        thresholds: signal name -> largest distance, for each signal that the report is about. Of one that could not
            be computed it tells that, and why.

    Raises:
        DataChanged: images came or went since the comparison was computed.
    """
    population = Population(list(comparison.datasets.all()))
    rows = [(row, row.signal.name) for row in comparison.signals.select_related("signal")]
    known = [(signal(name), thresholds[name]) for row, name in rows if name in thresholds and not row.error]
    judged = _verdicts(comparison, population)
    return ReportData(
        title=comparison.name or " × ".join(dataset.name for dataset in population.datasets),
        scope=comparison.scope,
        date=f"{comparison.finished_at:%d %B %Y, %H:%M %Z}" if comparison.finished_at else "",
        datasets=[_dataset(dataset, population) for dataset in population.datasets],
        signals=[_signal(comparison, one, threshold, population, judged) for one, threshold in known],
        choices=[choice.label for choice in CHOICES],
        versions=versions(),
        picture=partial(_picture, population.ids),
        # The two hashes that studies publish go along, whatever was compared, so that others can compare by them.
        further=[
            FurtherHashes(each.name, each.title, _descriptors(each, population))
            for each in map(signal, PUBLISHED_FILES)
            if each.name not in {one.name for one, _ in known}
        ],
        notes=[f"{signal(name).title} could not be computed: {row.error}" for row, name in rows if row.error],
    )


def _picture(ids: NDArray[np.int64], row: int) -> bytes | None:
    key = Image.objects.values_list("thumbnail", flat=True).get(pk=int(ids[row]))
    if not key:
        return None
    with default_storage.open(str(key)) as stream:
        content: bytes = stream.read()
    return content


def _dataset(dataset: Dataset, population: Population) -> DatasetPart:
    ids = population.ids[population.dataset == population.datasets.index(dataset)]
    last = int(ids[-1]) if len(ids) else 0
    images = Image.objects.filter(dataset=dataset, pk__lte=last).order_by("pk")
    rows = list(images.values_list("name", "path"))
    if len(rows) != len(ids):
        raise _changed(dataset)
    return DatasetPart(
        name=dataset.name,
        names=[name for name, _ in rows],
        paths=[path for _, path in rows],
        pictures=images.exclude(file="").count(),
        labels=_labels(dataset, ids, [name for name, _ in rows]),
        refused=list(
            RefusedFile.objects.filter(upload__dataset=dataset)
            .exclude(upload__status="failed")
            .order_by("pk")
            .values_list("path", "reason")
        ),
    )


def _labels(dataset: Dataset, ids: NDArray[np.int64], names: Sequence[str]) -> dict[str, list[str]]:
    image_ids, label_ids = bulk.read_image_labels(dataset_id=dataset.pk)
    known = dict(Label.objects.filter(pk__in=np.unique(label_ids).tolist()).values_list("pk", "name"))
    found: dict[str, list[str]] = {}
    here = np.isin(image_ids, ids)
    for row, label in zip(np.searchsorted(ids, image_ids[here]).tolist(), label_ids[here].tolist(), strict=True):
        found.setdefault(names[row], []).append(known[label])
    return found


def _descriptors(known: KnownSignal, population: Population) -> list[DatasetHashes]:
    """What every dataset has under a signal."""
    found = []
    for position, dataset in enumerate(population.datasets):
        side = descriptors.read(known.base, dataset.pk)
        ids = side.ids
        start, stop = population.bounds[position : position + 2]
        own = population.ids[start:stop]
        if len(ids) and not np.isin(ids, own).all():
            raise _changed(dataset)
        bits = side.upright if isinstance(side.upright, PackedBits) else None
        found.append(DatasetHashes(bits, np.searchsorted(own, ids).astype(np.int64)))
    return found


def _signal(
    comparison: Comparison,
    known: KnownSignal,
    threshold: float,
    population: Population,
    judged: Mapping[int, NDArray[np.int64]],
) -> SignalPart:
    hashes = _descriptors(known, population)
    last = {
        dataset.pk: int(population.ids[start + each.rows[-1]]) if len(each.rows) else 0
        for dataset, each, start in zip(population.datasets, hashes, population.bounds[:-1], strict=True)
    }
    parts = []
    for cell in cells(comparison):
        covered = Coverage.objects.filter(
            signal_id=known.id,
            dataset_a=cell.a,
            dataset_b=cell.b,
            max_distance__gte=threshold,
            upto_a__gte=last[cell.a],
            upto_b__gte=last[cell.b],
        )
        if not covered.exists():
            raise _changed(next(dataset for dataset in population.datasets if dataset.pk in (cell.a, cell.b)))
        read = bulk.read_measurements(signal_id=known.id, dataset_a=cell.a, dataset_b=cell.b, max_distance=threshold)
        parts.append((cell, read))
    found = population.pairs(parts)
    order = np.lexsort((found.b, found.a, found.distance))
    pairs = found.take(order)
    keys = pairs.a * len(population.ids) + pairs.b
    verdicts = np.full(len(pairs), -1, np.int8)
    for position, of_choice in judged.items():
        verdicts[np.isin(keys, of_choice)] = position
    return SignalPart(
        name=known.name,
        title=known.title,
        summary=known.summary,
        scale=known.scale,
        threshold=threshold,
        hashes=hashes,
        pairs=pairs,
        verdicts=verdicts,
    )


def _verdicts(comparison: Comparison, population: Population) -> dict[int, NDArray[np.int64]]:
    """Position in `CHOICES` -> the pairs of which it holds, as a × rows + b."""
    found = {}
    for position, choice in enumerate(CHOICES):
        pairs = population.pairs(
            [
                (cell, bulk.read_accepted(dataset_a=cell.a, dataset_b=cell.b, choices=[choice]))
                for cell in cells(comparison)
            ]
        )
        found[position] = pairs.a * len(population.ids) + pairs.b
    return found


def _changed(dataset: Dataset) -> DataChanged:
    return DataChanged(
        f"“{dataset.name}” has images that were not there when the comparison was computed, or lost some.",
        remedy="Compute the comparison again, then ask for the report.",
    )
