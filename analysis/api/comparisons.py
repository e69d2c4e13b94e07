"""Signals and comparisons."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from analysis import queries, workspace
from analysis.models import Comparison
from analysis.schemas.comparisons import ComparisonIn, ComparisonOut, ComparisonPage, SignalOut
from analysis.signals import signal_in, signals
from analysis.tasks import run_comparison
from catalog.api import PAGE, After, Limit, person
from catalog.jobs import queue
from catalog.models import Membership
from catalog.queries import access, datasets_named
from catalog.schemas import READS, WRITES, newest, problems

router = Router()


@router.get(
    "/signals",
    response={200: list[SignalOut], **problems(401)},
    operation_id="list_signals",
    summary="Ways to compare",
    tags=["comparisons"],
)
def list_signals(request: HttpRequest) -> list[SignalOut]:
    """Every signal that this installation computes. Vectors that were brought belong to their project.

    With `@any` behind its name, a signal also tries one side mirrored and turned, in all eight orientations.
    """
    return [SignalOut.of(known) for known in signals()]


@router.get(
    "/projects/{slug:project}/comparisons",
    response={200: ComparisonPage, **READS},
    operation_id="list_comparisons",
    summary="The comparisons",
    tags=["comparisons"],
)
def list_comparisons(request: HttpRequest, project: str, after: After = 0, limit: Limit = PAGE) -> dict[str, Any]:
    """The project's comparisons, the newest first."""
    return newest(queries.comparisons(access(request.user, project).project), after=after, limit=limit)


@router.post(
    "/projects/{slug:project}/comparisons",
    response={201: ComparisonOut, **WRITES},
    operation_id="create_comparison",
    summary="Compare datasets",
    tags=["comparisons"],
)
def create_comparison(request: HttpRequest, project: str, payload: ComparisonIn) -> Status[Comparison]:
    """Ask for all pairs of images of the datasets up to a distance under each signal. For editors."""
    way = access(request.user, project, Membership.Role.EDITOR)
    made = workspace.create_comparison(
        project=way.project,
        datasets=datasets_named(way.project, payload.datasets),
        signals={
            asked.name: signal_in(way.project, asked.name).default_distance
            if asked.max_distance is None
            else asked.max_distance
            for asked in payload.signals
        },
        scope=payload.scope,
        by=person(request),
        name=payload.name,
    )
    queue(run_comparison, made.pk)
    return Status(201, queries.comparison(way.project, made.pk))


@router.get(
    "/projects/{slug:project}/comparisons/{int:comparison}",
    response={200: ComparisonOut, **READS},
    operation_id="read_comparison",
    summary="One comparison: status and progress",
    tags=["comparisons"],
)
def read_comparison(request: HttpRequest, project: str, comparison: int) -> Comparison:
    """What is compared, and how far it is."""
    return queries.comparison(access(request.user, project).project, comparison)


@router.post(
    "/projects/{slug:project}/comparisons/{int:comparison}/run",
    response={202: ComparisonOut, **WRITES},
    operation_id="run_comparison_again",
    summary="Run it again",
    tags=["comparisons"],
)
def run_comparison_again(request: HttpRequest, project: str, comparison: int) -> Status[Comparison]:
    """Compute what is missing since new images came, or after a failure. Nothing happens while it runs. For editors."""
    way = access(request.user, project, Membership.Role.EDITOR)
    found = queries.comparison(way.project, comparison)
    workspace.queue_again(job=found)
    queue(run_comparison, found.pk)
    return Status(202, queries.comparison(way.project, comparison))
