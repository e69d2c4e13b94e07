"""Projections."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from analysis import queries, workspace
from analysis.api.unfinished import unfinished
from analysis.core.projection.table import table
from analysis.models import Projection
from analysis.plots import Plot
from analysis.schemas.exploration import PointsOut, ProjectionIn, ProjectionOut, ProjectionPage
from analysis.signals import signal_in
from analysis.tasks import run_projection
from catalog.api import PAGE, After, Limit, person
from catalog.jobs import queue
from catalog.models import Membership
from catalog.queries import access, datasets_named
from catalog.schemas import READS, WRITES, newest, problems

CSV = {"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}}

router = Router(tags=["projections"])


@router.get(
    "/projects/{slug:project}/projections",
    response={200: ProjectionPage, **READS},
    operation_id="list_projections",
    summary="The projections",
)
def list_projections(request: HttpRequest, project: str, after: After = 0, limit: Limit = PAGE) -> dict[str, Any]:
    """The project's projections, the newest first."""
    return newest(queries.projections(access(request.user, project).project), after=after, limit=limit)


@router.post(
    "/projects/{slug:project}/projections",
    response={201: ProjectionOut, **WRITES},
    operation_id="create_projection",
    summary="Lay images out by likeness",
)
def create_projection(request: HttpRequest, project: str, payload: ProjectionIn) -> Status[Projection]:
    """Ask for two coordinates of every embedding. Asked for again, it is the projection that is there. For editors."""
    way = access(request.user, project, Membership.Role.EDITOR)
    datasets = datasets_named(way.project, payload.datasets)
    if not payload.datasets:
        described = queries.embedding_counts(datasets, signal_in(way.project, payload.signal).id)
        datasets = [dataset for dataset in datasets if dataset.pk in described]
    made = workspace.request_projection(
        project=way.project,
        signal_name=payload.signal,
        datasets=datasets,
        method=payload.chosen(),
        by=person(request),
    )
    if made.status == Projection.Status.QUEUED:
        queue(run_projection, made.pk)
    return Status(201, queries.projection(way.project, made.pk))


@router.get(
    "/projects/{slug:project}/projections/{int:projection}",
    response={200: ProjectionOut, **READS},
    operation_id="read_projection",
    summary="One projection: status and parameters",
)
def read_projection(request: HttpRequest, project: str, projection: int) -> Projection:
    """What is projected, and how far it is."""
    return queries.projection(access(request.user, project).project, projection)


@router.post(
    "/projects/{slug:project}/projections/{int:projection}/run",
    response={202: ProjectionOut, **WRITES},
    operation_id="run_projection_again",
    summary="Compute it again",
)
def run_projection_again(request: HttpRequest, project: str, projection: int) -> Status[Projection]:
    """Compute it from the embeddings as they are now, or after a failure; nothing happens while it runs. Editors."""
    way = access(request.user, project, Membership.Role.EDITOR)
    found = queries.projection(way.project, projection)
    workspace.queue_again(job=found)
    queue(run_projection, found.pk)
    return Status(202, queries.projection(way.project, projection))


@router.get(
    "/projects/{slug:project}/projections/{int:projection}/points",
    response={200: PointsOut, **READS, **problems(409)},
    operation_id="read_points",
    summary="The coordinates, as JSON",
)
def read_points(request: HttpRequest, project: str, projection: int) -> dict[str, Any]:
    """The coordinates of every image that is still there; 409 until they are computed."""
    plot = _plot(request, project, projection)
    scene = plot.scene([plot.coloring("dataset")])
    x, y = plot.points.T.tolist() if len(plot) else ([], [])
    return {"image": plot.ids.tolist(), "name": scene.names, "dataset": scene.datasets, "x": x, "y": y}


@router.get(
    "/projects/{slug:project}/projections/{int:projection}/points.csv",
    response={200: None, **READS, **problems(409)},
    operation_id="download_points",
    summary="The coordinates, as CSV",
    openapi_extra=CSV,
)
def download_points(request: HttpRequest, project: str, projection: int) -> HttpResponse:
    """Columns image, dataset, label, x, y; 409 until they are computed."""
    plot = _plot(request, project, projection)
    name = f"{project}-projection-{projection}.csv"
    return HttpResponse(
        table(plot.scene([plot.coloring("dataset")])),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _plot(request: HttpRequest, project: str, projection: int) -> Plot:
    found = queries.projection(access(request.user, project).project, projection)
    if not found.n_images:
        raise unfinished(found)
    return Plot(found)


@router.delete(
    "/projects/{slug:project}/projections/{int:projection}",
    response={204: None, **WRITES},
    operation_id="delete_projection",
    summary="Delete a projection",
)
def delete_projection(request: HttpRequest, project: str, projection: int) -> Status[None]:
    """The embeddings stay. 409 while it is being computed. For editors."""
    way = access(request.user, project, Membership.Role.EDITOR)
    found = queries.projection(way.project, projection)
    workspace.delete_projection(projection=found)
    return Status(204, None)
