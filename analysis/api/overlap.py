"""The overlap of a comparison."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from django.http import HttpRequest
from ninja import Query, Router

from analysis import queries
from analysis.core.errors import AnalysisError
from analysis.core.scales import explored, snapped
from analysis.models import Comparison, ComparisonSignal, Summary
from analysis.pipeline.summarise import confirmed
from analysis.schemas.overlap import CurveOut, OverlapOut, Reading
from analysis.signals import signal as signal_of
from catalog.core.errors import Conflict
from catalog.queries import access
from catalog.schemas import READS, problems

COUNTS = ("found", "confirmed")

SignalName = Annotated[str, Query(description="One of the comparison's signals; its first if left out.")]

router = Router(tags=["overlap"])


@router.get(
    "/projects/{slug:project}/comparisons/{int:comparison}/overlap",
    response={200: OverlapOut, **READS, **problems(409)},
    operation_id="read_overlap",
    summary="Overlap at one threshold",
)
def read_overlap(
    request: HttpRequest,
    *,
    project: str,
    comparison: int,
    signal: SignalName = "",
    max_distance: Annotated[float | None, Query(description="Up to the largest explored.")] = None,
    count: Annotated[str, Query(description="found or confirmed")] = "found",
) -> OverlapOut:
    """Images matched each way, pairs, clusters, regions and labels at a threshold; the signal's default if left out.

    With `count=confirmed`, by the pairs that people accepted alone, whatever their distance. 409 until it is computed.
    """
    found = queries.comparison(access(request.user, project).project, comparison)
    row = queries.chosen_signal(found, signal)
    return overlap_at(found, row, max_distance, count)


@router.get(
    "/projects/{slug:project}/comparisons/{int:comparison}/overlap/curve",
    response={200: CurveOut, **READS, **problems(409)},
    operation_id="read_overlap_curve",
    summary="Overlap at every threshold",
)
def read_overlap_curve(request: HttpRequest, project: str, comparison: int, signal: SignalName = "") -> CurveOut:
    """The same counts for every threshold up to the largest explored, in one answer. 409 until it is computed."""
    found = queries.comparison(access(request.user, project).project, comparison)
    row = queries.chosen_signal(found, signal)
    stored = _stored(found, row)
    return CurveOut(
        **Reading(found, stored.curve).along(),
        signal=row.signal.name,
        unit=signal_of(row.signal.name).scale.unit,
        of_bits=signal_of(row.signal.name).n_bits,
        versions=stored.versions,
        computed_at=stored.computed_at,
    )


def overlap_at(comparison: Comparison, row: ComparisonSignal, max_distance: float | None, count: str) -> OverlapOut:
    """The overlap of a comparison under one of its signals.

    Raises:
        Conflict: it is not computed yet.
        AnalysisError: a threshold beyond what was explored, or an unknown way to count.
    """
    if count not in COUNTS:
        raise AnalysisError(f"There is no count “{count}”.", remedy=f"There are: {', '.join(COUNTS)}.")
    stored = _stored(comparison, row)
    distance = threshold(row, max_distance)
    data = confirmed(comparison) if count == "confirmed" else stored.curve
    return OverlapOut(
        **Reading(comparison, data).at(distance),
        signal=row.signal.name,
        max_distance=distance,
        unit=signal_of(row.signal.name).scale.unit,
        of_bits=signal_of(row.signal.name).n_bits,
        count=count,
        versions=stored.versions,
        computed_at=stored.computed_at,
    )


def threshold(row: ComparisonSignal, asked: float | None) -> float:
    """The threshold that was asked for; else the signal's default, as far as it was explored.

    Raises:
        AnalysisError: it lies beyond what was explored.
    """
    if asked is None:
        return queries.usual_distance(row)
    return snapped(signal_of(row.signal.name).scale, explored_distance(row, asked), row.max_distance)


def explored_distance(row: ComparisonSignal, asked: float) -> float:
    """A distance that was asked for, as stored distances are compared with it.

    Raises:
        AnalysisError: it lies beyond what was explored.
    """
    if not explored(asked, row.max_distance):
        raise AnalysisError(
            f"{asked:g} is not between 0 and {row.max_distance:g}, the largest distance explored under "
            f"{row.signal.name}.",
            remedy="Choose a smaller distance, or compare up to a larger one.",
        )
    return float(np.float32(asked))


def require_computed(row: ComparisonSignal) -> None:
    """Refuse a signal that stopped, as long as the comparison's other signals have something to tell.

    Raises:
        Conflict: saying why it stopped.
    """
    if row.error:
        raise Conflict(
            f"{signal_of(row.signal.name).title} could not be computed: {row.error}",
            remedy="Then run the comparison again. Its other signals were computed.",
        )


def _stored(comparison: Comparison, row: ComparisonSignal) -> Summary:
    stored = queries.summary(comparison, row.signal_id)
    if stored is None:
        require_computed(row)
        raise Conflict(
            f"The overlap is not computed yet: the comparison is {comparison.status}.",
            remedy="Read the comparison until its status is done.",
        )
    return stored
