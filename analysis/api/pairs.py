"""Pairs and verdicts."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Status

from analysis import queries
from analysis.api.overlap import SignalName, explored_distance, require_computed
from analysis.core.errors import AnalysisError
from analysis.pipeline import review
from analysis.queries import Cell, PairKey
from analysis.schemas.pairs import PairDetail, PairOut, PairPage, VerdictIn
from catalog.api import PAGE, Limit, person
from catalog.models import Image, Membership, Project
from catalog.queries import Access, access, dataset
from catalog.schemas import READS, WRITES, problems

router = Router(tags=["pairs"])


@router.get(
    "/projects/{slug:project}/comparisons/{int:comparison}/pairs",
    response={200: PairPage, **READS, **problems(409)},
    operation_id="list_pairs",
    summary="Pairs of a comparison",
)
def list_pairs(
    request: HttpRequest,
    *,
    project: str,
    comparison: int,
    signal: SignalName = "",
    max_distance: Annotated[float | None, Query(description="Up to the largest explored.")] = None,
    a: Annotated[str, Query(description="Slug of a dataset; with `b`, only pairs of these two.")] = "",
    b: Annotated[str, Query(description="Slug of a dataset; the same as `a` for pairs inside it.")] = "",
    show: Annotated[str, Query(description="open, accepted, rejected, or one verdict; empty for all.")] = "",
    labels_differ: Annotated[bool, Query(description="Only pairs whose images carry different labels.")] = False,
    keypoints: Annotated[
        str, Query(description="found, none or unchecked: what verifiers found in the pair; empty for all.")
    ] = "",
    after: Annotated[str, Query(description="The `next` of the page before.")] = "",
    limit: Limit = PAGE,
) -> PairPage:
    """Pairs up to a distance under one signal (its largest explored if left out), the closest first."""
    way = access(request.user, project)
    found = queries.comparison(way.project, comparison)
    row = queries.chosen_signal(found, signal)
    require_computed(row)
    rows = queries.pairs(
        found,
        signal_id=row.signal_id,
        max_distance=row.max_distance if max_distance is None else explored_distance(row, max_distance),
        cell=_cell(way.project, a, b),
        show=show,
        labels_differ=labels_differ,
        keypoints=keypoints,
        after=PairKey.parse(after),
        limit=limit,
    )
    more, rows = len(rows) > limit, rows[:limit]
    return PairPage(items=[PairOut.of(pair) for pair in rows], next=str(rows[-1].key) if more else None)


@router.get(
    "/projects/{slug:project}/pairs/{int:a}-{int:b}",
    response={200: PairDetail, **READS},
    operation_id="read_pair",
    summary="One pair and its verdicts",
)
def read_pair(request: HttpRequest, project: str, a: int, b: int) -> PairDetail:
    """Two images by number in any order: their distances, what holds of them, and who said what."""
    way = access(request.user, project)
    return _detail(request, way, *queries.pair_images(way.project, a, b))


@router.post(
    "/projects/{slug:project}/pairs/{int:a}-{int:b}/verdicts",
    response={201: PairDetail, **WRITES},
    operation_id="give_verdict",
    summary="Judge a pair",
)
def give_verdict(request: HttpRequest, project: str, a: int, b: int, payload: VerdictIn) -> Status[PairDetail]:
    """Append what you say of two images; your latest verdict counts. For annotators."""
    way = access(request.user, project, Membership.Role.ANNOTATOR)
    one, other = queries.pair_images(way.project, a, b)
    review.judge(
        one=one,
        other=other,
        annotator=person(request),
        choice=payload.choice,
        note=payload.note,
        seconds=payload.seconds,
    )
    return Status(201, _detail(request, way, one, other))


@router.post(
    "/projects/{slug:project}/verdicts/{int:verdict}/withdraw",
    response={200: PairDetail, **WRITES},
    operation_id="withdraw_verdict",
    summary="Take a verdict back",
)
def withdraw_verdict(request: HttpRequest, project: str, verdict: int) -> PairDetail:
    """Take your latest verdict of a pair back; what you had said before stands again. For annotators."""
    way = access(request.user, project, Membership.Role.ANNOTATOR)
    given = queries.verdict(way.project, verdict)
    review.withdraw(verdict=given, annotator=person(request))
    return _detail(request, way, given.image_a, given.image_b)


def _detail(request: HttpRequest, way: Access, one: Image, other: Image) -> PairDetail:
    # Who may judge should not be led by what others said; who may only look sees all of it.
    first, second = review.canonical(one, other)
    return PairDetail.of(first, second, person=person(request).pk, blind=way.may(Membership.Role.ANNOTATOR))


def _cell(project: Project, a: str, b: str) -> Cell | None:
    if not a and not b:
        return None
    if not (a and b):
        raise AnalysisError("Only one of two datasets is named.", remedy="Give both a and b, or neither.")
    return Cell.of(dataset(project, a), dataset(project, b))
