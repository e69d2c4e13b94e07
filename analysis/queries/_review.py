"""Reads for the review: what is judged, what is left, who said what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.shortcuts import get_object_or_404

from analysis.core.curves import unpack
from analysis.models import (
    Comparison,
    ComparisonSignal,
    Summary,
    Verdict,
)
from analysis.models.review import Choice
from analysis.queries._comparisons import Cell, cells, summary
from catalog.models import Project


def judged_counts(
    comparison: Comparison, *, signal_id: int, max_distance: float, cell: Cell | None = None
) -> dict[str, int]:
    """How many of the comparison's pairs up to a distance have each verdict; unjudged ones are not counted."""
    asked = cells(comparison) if cell is None else [cell]
    query = """
        SELECT d.choice, count(*) FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
        JOIN analysis_decision d ON d.dataset_a_id = cell.a AND d.dataset_b_id = cell.b
        JOIN analysis_measurement m ON m.image_a_id = d.image_a_id AND m.image_b_id = d.image_b_id
        WHERE m.signal_id = %s AND m.distance <= %s GROUP BY d.choice
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[c.a for c in asked], [c.b for c in asked], signal_id, max_distance])
        return dict(cursor.fetchall())


def standing_stacks(verdicts: Iterable[Verdict]) -> dict[int, list[Verdict]]:
    """Each annotator's verdicts of one pair that are not taken back; the last of each list is what they say now.

    A withdrawal takes back the latest verdict before it that still stood, so what was said before stands again.

    Args:
        verdicts: of one pair, the oldest first.
    """
    stacks: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.choice != Choice.WITHDRAWN:
            stacks[verdict.annotator_id].append(verdict)
        elif stacks[verdict.annotator_id]:
            stacks[verdict.annotator_id].pop()
    return {annotator: stack for annotator, stack in stacks.items() if stack}


def verdict(project: Project, verdict_id: int) -> Verdict:
    """One verdict of a pair of the project's images (else 404)."""
    found = Verdict.objects.select_related("image_a", "image_b")
    return get_object_or_404(found, pk=verdict_id, image_a__dataset__project=project, image_b__dataset__project=project)


def decided_among(project: Project, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of some pairs of the project's images, by ids in canonical order, that have a decision."""
    query = """
        SELECT d.image_a_id, d.image_b_id FROM unnest(%s::bigint[], %s::bigint[]) AS pair(a, b)
        JOIN analysis_decision d ON d.image_a_id = pair.a AND d.image_b_id = pair.b
        JOIN catalog_dataset s ON s.id = d.dataset_a_id AND s.project_id = %s
    """
    if not pairs:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query, [[a for a, _ in pairs], [b for _, b in pairs], project.pk])
        found: list[tuple[int, int]] = cursor.fetchall()
    return found


def pair_total(comparison: Comparison, *, signal_id: int, max_distance: float, cell: Cell | None = None) -> int:
    """How many pairs the comparison (or one of its dataset pairs) has up to a distance.

    Read from the stored overlap; counted only where that does not say it: none is stored, or images came since.
    """
    stored = summary(comparison, signal_id)
    reach = np.float32(stored.curve["steps"][-1]) if stored is not None else np.float32(-1)
    if stored is None or comparison.data_changed_at is not None or reach < np.float32(max_distance):
        return _counted_pairs(comparison, signal_id=signal_id, max_distance=max_distance, cell=cell)
    place = {dataset_id: position for position, dataset_id in enumerate(stored.curve["datasets"])}
    return sum(
        _pairs_at(stored.curve["steps"], stored.curve["pairs"][place[each.a]][place[each.b]], max_distance)
        for each in (cells(comparison) if cell is None else [cell])
    )


def _pairs_at(steps: Sequence[float], packed: list[int], distance: float) -> int:
    """The count of a packed curve at a distance."""
    # As they were stored: 0.12 is a little less in float32.
    step = int(np.searchsorted(np.array(steps, np.float32), np.float32(distance), side="right")) - 1
    return int(unpack(packed, len(steps))[step]) if step >= 0 else 0


def _counted_pairs(comparison: Comparison, *, signal_id: int, max_distance: float, cell: Cell | None) -> int:
    asked = cells(comparison) if cell is None else [cell]
    query = """
        SELECT count(*) FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
        JOIN analysis_measurement m ON m.dataset_a_id = cell.a AND m.dataset_b_id = cell.b
        WHERE m.signal_id = %s AND m.distance <= %s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[c.a for c in asked], [c.b for c in asked], signal_id, max_distance])
        total: int = cursor.fetchone()[0]
    return total


def distance_with_more(
    comparison: Comparison,
    *,
    signal_id: int,
    beyond: float,
    max_distance: float,
    cell: Cell | None = None,
    at_least: int = 10,
) -> float | None:
    """The smallest distance beyond one at which there are some more pairs; None where there are none.

    Args:
        comparison: whose datasets and scope.
        signal_id: the signal.
        beyond: the distance that was done.
        max_distance: the largest distance explored.
        cell: only pairs of these two datasets.
        at_least: how many more; where there are fewer, the distance of the last of them.
    """
    asked = cells(comparison) if cell is None else [cell]
    query = """
        SELECT max(distance) FROM (
            SELECT found.distance FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
            CROSS JOIN LATERAL (
                SELECT m.distance FROM analysis_measurement m
                WHERE m.signal_id = %s AND m.dataset_a_id = cell.a AND m.dataset_b_id = cell.b
                AND m.distance > %s AND m.distance <= %s ORDER BY m.distance LIMIT %s
            ) AS found ORDER BY found.distance LIMIT %s
        ) AS next
    """
    with connection.cursor() as cursor:
        bounds = [signal_id, beyond, max_distance, at_least, at_least]
        cursor.execute(query, [[c.a for c in asked], [c.b for c in asked], *bounds])
        found: float | None = cursor.fetchone()[0]
    return found


@dataclass(frozen=True, slots=True)
class ReviewState:
    """How far the review of a comparison under one signal is.

    Attributes:
        comparison: with its datasets.
        row: the signal, with the largest distance explored.
        threshold: the distance up to which pairs are counted.
        total: pairs up to it; None while the overlap has not been computed.
        judged: how many of them have a decision.
    """

    comparison: Comparison
    row: ComparisonSignal
    threshold: float
    total: int | None
    judged: int

    @property
    def left(self) -> int | None:
        """Pairs without a decision; None while their number is not known."""
        return None if self.total is None else max(self.total - self.judged, 0)


def review_states(asked: Sequence[tuple[Comparison, ComparisonSignal, float]]) -> list[ReviewState]:
    """How far each review is, for comparisons with their datasets and signals, at given thresholds; two queries."""
    summaries = Summary.objects.filter(comparison__in={comparison for comparison, _, _ in asked})
    stored = {
        (comparison_id, signal_id): (steps, pairs)
        for comparison_id, signal_id, steps, pairs in summaries.values_list(
            "comparison_id", "signal_id", "curve__steps", "curve__pairs"
        )
    }
    parts = [
        (n, row.signal_id, threshold, cell.a, cell.b)
        for n, (comparison, row, threshold) in enumerate(asked)
        for cell in cells(comparison)
    ]
    query = """
        SELECT part.n, count(*)
        FROM unnest(%s::int[], %s::int[], %s::float8[], %s::bigint[], %s::bigint[]) AS part(n, signal, most, a, b)
        JOIN analysis_decision d ON d.dataset_a_id = part.a AND d.dataset_b_id = part.b
        JOIN analysis_measurement m ON m.image_a_id = d.image_a_id AND m.image_b_id = d.image_b_id
            AND m.signal_id = part.signal AND m.distance <= part.most
        GROUP BY part.n
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[part[column] for part in parts] for column in range(5)])
        judged = dict(cursor.fetchall())
    states = []
    for n, (comparison, row, threshold) in enumerate(asked):
        total = None
        if (comparison.pk, row.signal_id) in stored:
            steps, pairs = stored[comparison.pk, row.signal_id]
            # Each pair of datasets stands twice; on and above the diagonal, once.
            curves = [pairs[i][j] for i in range(len(pairs)) for j in range(i, len(pairs))]
            total = sum(_pairs_at(steps, curve, threshold) for curve in curves)
        states.append(ReviewState(comparison, row, threshold, total, judged.get(n, 0)))
    return states


def judged_by_distance(comparison: Comparison, *, signal_id: int, max_distance: float) -> list[tuple[str, float, int]]:
    """How many of the comparison's judged pairs lie at each distance: verdict, distance, count; the closest first."""
    asked = cells(comparison)
    query = """
        SELECT d.choice, m.distance, count(*) FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
        JOIN analysis_decision d ON d.dataset_a_id = cell.a AND d.dataset_b_id = cell.b
        JOIN analysis_measurement m ON m.image_a_id = d.image_a_id AND m.image_b_id = d.image_b_id
        WHERE m.signal_id = %s AND m.distance <= %s GROUP BY d.choice, m.distance ORDER BY m.distance, d.choice
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[c.a for c in asked], [c.b for c in asked], signal_id, max_distance])
        return [(choice, distance, count) for choice, distance, count in cursor.fetchall()]


def last_verdict() -> int:
    """The newest verdict's key: while it stays, no decision has changed."""
    return Verdict.objects.order_by("-id").values_list("id", flat=True).first() or 0
