"""Reports and splits."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest
from ninja import Router, Status

from analysis import queries, workspace
from analysis.api.unfinished import unfinished
from analysis.core.samplers import SAMPLERS, FewShotSampler
from analysis.models import Report, Split
from analysis.schemas.outputs import (
    ReportIn,
    ReportOut,
    ReportPage,
    SamplerOut,
    SplitDetail,
    SplitIn,
    SplitOut,
    SplitPage,
)
from analysis.tasks import build_report, make_split
from catalog.api import PAGE, After, Limit, person
from catalog.jobs import queue
from catalog.models import Membership
from catalog.queries import access, datasets_named
from catalog.schemas import READS, WRITES, newest, problems

ZIP = {"responses": {200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}}}

router = Router()


@router.post(
    "/projects/{slug:project}/comparisons/{int:comparison}/reports",
    response={201: ReportOut, **WRITES},
    operation_id="request_report",
    summary="Ask for a report",
    tags=["reports"],
)
def request_report(request: HttpRequest, project: str, comparison: int, payload: ReportIn) -> Status[Report]:
    """A comparison's report at the thresholds given: figures, tables and lists of pairs in one archive."""
    way = access(request.user, project)
    found = queries.comparison(way.project, comparison)
    made = workspace.request_report(comparison=found, thresholds=payload.thresholds, by=person(request))
    queue(build_report, made.pk)
    return Status(201, queries.report(way.project, made.pk))


@router.get(
    "/projects/{slug:project}/comparisons/{int:comparison}/reports",
    response={200: ReportPage, **READS},
    operation_id="list_reports",
    summary="Reports of a comparison",
    tags=["reports"],
)
def list_reports(
    request: HttpRequest, project: str, comparison: int, after: After = 0, limit: Limit = PAGE
) -> dict[str, Any]:
    """The reports of a comparison, the newest first."""
    found = queries.comparison(access(request.user, project).project, comparison)
    return newest(found.reports.all(), after=after, limit=limit)


@router.get(
    "/projects/{slug:project}/reports/{int:report}",
    response={200: ReportOut, **READS},
    operation_id="read_report",
    summary="One report: status",
    tags=["reports"],
)
def read_report(request: HttpRequest, project: str, report: int) -> Report:
    """How far a report is."""
    return queries.report(access(request.user, project).project, report)


@router.get(
    "/projects/{slug:project}/reports/{int:report}/archive",
    response={200: None, **READS, **problems(409)},
    operation_id="download_report",
    summary="Download a report",
    tags=["reports"],
    openapi_extra=ZIP,
)
def download_report(request: HttpRequest, project: str, report: int) -> FileResponse:
    """The report as a ZIP archive; 409 until it is done."""
    way = access(request.user, project)
    found = queries.report(way.project, report)
    return _archive(str(found.archive), f"{way.project.slug}-report-{found.pk}.zip", found)


@router.get(
    "/samplers",
    response={200: list[SamplerOut], **problems(401)},
    operation_id="list_samplers",
    summary="Ways to draw a split",
    tags=["splits"],
)
def list_samplers(request: HttpRequest) -> list[FewShotSampler]:
    """Every way in which this installation draws classes and support images."""
    return [SAMPLERS[name] for name in SAMPLERS]


@router.get(
    "/projects/{slug:project}/splits",
    response={200: SplitPage, **READS},
    operation_id="list_splits",
    summary="The splits",
    tags=["splits"],
)
def list_splits(request: HttpRequest, project: str, after: After = 0, limit: Limit = PAGE) -> dict[str, Any]:
    """The project's splits, the newest first."""
    return newest(queries.splits(access(request.user, project).project), after=after, limit=limit)


@router.post(
    "/projects/{slug:project}/splits",
    response={201: SplitOut, **WRITES},
    operation_id="create_split",
    summary="Make a split",
    tags=["splits"],
)
def create_split(request: HttpRequest, project: str, payload: SplitIn) -> Status[Split]:
    """A few-shot split of one dataset in which no cluster of copies lies on both sides. For editors.

    With a signal, the dataset must have been compared within itself up to the distance.
    """
    way = access(request.user, project, Membership.Role.EDITOR)
    [dataset] = datasets_named(way.project, [payload.dataset])
    made = workspace.create_split(
        dataset=dataset,
        recipe=payload.recipe(),
        seed=payload.seed,
        by=person(request),
        name=payload.name,
        signal_name=payload.signal,
        max_distance=payload.max_distance,
    )
    queue(make_split, made.pk)
    return Status(201, queries.split(way.project, made.pk))


@router.get(
    "/projects/{slug:project}/splits/{int:split}",
    response={200: SplitDetail, **READS},
    operation_id="read_split",
    summary="One split: status and classes",
    tags=["splits"],
)
def read_split(request: HttpRequest, project: str, split: int) -> Split:
    """How far a split is; then its classes and how many images were left out, by reason."""
    return queries.split(access(request.user, project).project, split)


@router.get(
    "/projects/{slug:project}/splits/{int:split}/archive",
    response={200: None, **READS, **problems(409)},
    operation_id="download_split",
    summary="Download a split",
    tags=["splits"],
    openapi_extra=ZIP,
)
def download_split(request: HttpRequest, project: str, split: int) -> FileResponse:
    """The split as a ZIP archive: pictures by side and class, the manifest, the proof. 409 until it is done."""
    way = access(request.user, project)
    found = queries.split(way.project, split)
    return _archive(str(found.archive), f"{way.project.slug}-split-{found.pk}.zip", found)


def _archive(key: str, filename: str, job: Report | Split) -> FileResponse:
    if not key or job.status != job.Status.DONE:
        raise unfinished(job)
    return FileResponse(
        default_storage.open(key), as_attachment=True, filename=filename, content_type="application/zip"
    )
