"""Reads of comparisons, what they cover and what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from django.db import connection
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from analysis.core.errors import AnalysisError
from analysis.models import (
    Comparison,
    ComparisonSignal,
    Coverage,
    Summary,
)
from analysis.signals import KnownSignal, signal
from catalog.models import Dataset, Project


@dataclass(frozen=True, slots=True)
class Cell:
    """Two datasets of a comparison by id, a ≤ b; a = b is inside one dataset."""

    a: int
    b: int

    @classmethod
    def of(cls, one: Dataset, other: Dataset) -> Self:
        """The cell of two datasets, whichever comes first."""
        return cls(*sorted((one.pk, other.pk)))


def comparisons(project: Project) -> QuerySet[Comparison]:
    """The project's comparisons, the newest first, with datasets and signals."""
    return project.comparisons.prefetch_related("datasets", "signals__signal").order_by("-id")


def comparison(project: Project, comparison_id: int) -> Comparison:
    """One comparison of the project (else 404), with datasets and signals."""
    return get_object_or_404(comparisons(project), pk=comparison_id)


def cells(comparison: Comparison) -> list[Cell]:
    """The dataset pairs that a comparison's scope covers."""
    ids = sorted(dataset.pk for dataset in comparison.datasets.all())
    across = [Cell(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :]]
    within = [Cell(a, a) for a in ids]
    return {"across": across, "within": within, "both": across + within}[comparison.scope]


def chosen_signal(comparison: Comparison, name: str = "") -> ComparisonSignal:
    """The comparison's signal of this name, or its first that could be computed.

    Raises:
        AnalysisError: the comparison has no such signal.
    """
    rows = list(comparison.signals.all())
    for row in sorted(rows, key=lambda row: bool(row.error)):
        if not name or row.signal.name == name:
            return row
    raise AnalysisError(
        f"This comparison has no signal “{name}”.", remedy=f"It has: {', '.join(row.signal.name for row in rows)}."
    )


def usual_distance(row: ComparisonSignal) -> float:
    """The distance within which most copies lie under a comparison's signal, as far as it was explored."""
    return min(signal(row.signal.name).default_distance, row.max_distance)


def summary(comparison: Comparison, signal_id: int) -> Summary | None:
    """The stored overlap under one signal; None while it has not been computed."""
    return Summary.objects.filter(comparison=comparison, signal_id=signal_id).first()


def pairs_found(comparisons: Sequence[Comparison]) -> dict[tuple[int, int], int]:
    """Pairs up to the largest distance explored, by comparison id and signal id, from the stored overlaps."""
    query = """
        SELECT s.comparison_id, s.signal_id, coalesce(sum((packed.value ->> -1)::bigint), 0)
        FROM analysis_summary s
        CROSS JOIN LATERAL jsonb_array_elements(s.curve -> 'pairs') WITH ORDINALITY AS line(value, i)
        CROSS JOIN LATERAL jsonb_array_elements(line.value) WITH ORDINALITY AS packed(value, j)
        WHERE s.comparison_id = ANY(%s) AND packed.j >= line.i GROUP BY s.comparison_id, s.signal_id
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[comparison.pk for comparison in comparisons]])
        return {(comparison_id, signal_id): int(n) for comparison_id, signal_id, n in cursor.fetchall()}


def brought(datasets: Sequence[Dataset]) -> dict[int, set[str]]:
    """Which descriptors a dataset has at all: dataset id → signal names; one look into an index for each."""
    query = """
        SELECT d.id, s.name FROM unnest(%s::bigint[]) AS d(id) CROSS JOIN analysis_signal s
        WHERE EXISTS (SELECT 1 FROM analysis_hash h WHERE h.dataset_id = d.id AND h.signal_id = s.id)
           OR EXISTS (SELECT 1 FROM analysis_embedding e WHERE e.dataset_id = d.id AND e.signal_id = s.id)
    """
    found: dict[int, set[str]] = {dataset.pk: set() for dataset in datasets}
    with connection.cursor() as cursor:
        cursor.execute(query, [list(found)])
        for dataset_id, name in cursor.fetchall():
            found[dataset_id].add(name)
    return found


def without_descriptor(comparison: Comparison, known: KnownSignal) -> dict[int, int]:
    """Images that take no part under a signal, since they brought other fingerprints: dataset id → how many.

    Only datasets with fingerprints are counted: of pictures everything is computed, unless the vectors were brought or
    their model is not here any more. Datasets that lack none are absent.
    """
    computed = not known.is_embedding or known.encoder is not None
    asked = {
        each.pk: each.image_count
        for each in comparison.datasets.all()
        if each.file_count < each.image_count or not computed
    }
    if not asked:
        return {}
    table = known.stored._meta.db_table
    query = f"SELECT dataset_id, count(*) FROM {table} WHERE dataset_id = ANY(%s) AND signal_id = %s GROUP BY 1"  # noqa: S608  # the name of one of two tables
    with connection.cursor() as cursor:
        cursor.execute(query, [list(asked), known.base.id])
        have = dict(cursor.fetchall())
    lacking = {pk: images - have.get(pk, 0) for pk, images in asked.items()}
    return {pk: n for pk, n in lacking.items() if n > 0}


def possible_pairs(comparison: Comparison, lacking: Mapping[int, int] | None = None) -> int:
    """How many pairs of images a comparison compares under a signal.

    Args:
        comparison: with its datasets.
        lacking: images that take no part, by dataset id.
    """
    left_out = lacking or {}
    counts = {each.pk: each.image_count - left_out.get(each.pk, 0) for each in comparison.datasets.all()}
    return sum(
        counts[cell.a] * (counts[cell.a] - 1) // 2 if cell.a == cell.b else counts[cell.a] * counts[cell.b]
        for cell in cells(comparison)
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the pairs inside a dataset are known under a signal.

    Attributes:
        max_distance: up to which all pairs have been found.
        new_images: described images that came later, whose pairs are not known.
    """

    max_distance: float
    new_images: int


def coverage_within(dataset: Dataset, known: KnownSignal) -> Reach | None:
    """How far the pairs inside a dataset are known; None where they were never looked for."""
    row = Coverage.objects.filter(signal_id=known.id, dataset_a=dataset, dataset_b=dataset).first()
    if row is None:
        return None
    described = known.stored._default_manager.filter(dataset=dataset, signal_id=known.base.id)
    later = described.filter(image_id__gt=row.upto_a).count()
    return Reach(row.max_distance, later)


def covered(project: Project, signal_id: int) -> dict[Cell, float]:
    """The dataset pairs of a project that have been compared under a signal: cell → largest distance explored."""
    rows = Coverage.objects.filter(signal_id=signal_id, dataset_a__project=project).order_by("dataset_a", "dataset_b")
    return {Cell(row.dataset_a_id, row.dataset_b_id): row.max_distance for row in rows}
