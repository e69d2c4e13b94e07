"""Model comparisons."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status

from analysis import queries, workspace
from analysis.api.unfinished import unfinished
from analysis.models import ModelComparison
from analysis.schemas.models import (
    DifferentPairOut,
    ModelComparisonDetail,
    ModelComparisonIn,
    ModelComparisonOut,
    ModelComparisonPage,
    Side,
)
from analysis.tasks import run_model_comparison
from catalog.api import PAGE, After, Limit, person
from catalog.jobs import queue
from catalog.models import Membership
from catalog.queries import access, datasets_named
from catalog.schemas import READS, WRITES, newest, problems

router = Router(tags=["models"])


@router.get(
    "/projects/{slug:project}/model-comparisons",
    response={200: ModelComparisonPage, **READS},
    operation_id="list_model_comparisons",
    summary="The model comparisons",
)
def list_model_comparisons(request: HttpRequest, project: str, after: After = 0, limit: Limit = PAGE) -> dict[str, Any]:
    """The project's comparisons of models, the newest first."""
    return newest(queries.model_comparisons(access(request.user, project).project), after=after, limit=limit)


@router.post(
    "/projects/{slug:project}/model-comparisons",
    response={201: ModelComparisonOut, **WRITES},
    operation_id="create_model_comparison",
    summary="Compare two models",
)
def create_model_comparison(request: HttpRequest, project: str, payload: ModelComparisonIn) -> Status[ModelComparison]:
    """Ask how far two models agree on the images that have embeddings under both. For editors."""
    way = access(request.user, project, Membership.Role.EDITOR)
    made = workspace.request_model_comparison(
        project=way.project,
        first=payload.first,
        second=payload.second,
        datasets=datasets_named(way.project, payload.datasets),
        k=payload.k,
        by=person(request),
    )
    queue(run_model_comparison, made.pk)
    return Status(201, queries.model_comparison(way.project, made.pk))


@router.get(
    "/projects/{slug:project}/model-comparisons/{int:comparison}",
    response={200: ModelComparisonDetail, **READS},
    operation_id="read_model_comparison",
    summary="One model comparison: status and numbers",
)
def read_model_comparison(request: HttpRequest, project: str, comparison: int) -> ModelComparison:
    """How far it is; then how far the models agree, with intervals and what chance alone would give."""
    return queries.model_comparison(access(request.user, project).project, comparison)


@router.get(
    "/projects/{slug:project}/model-comparisons/{int:comparison}/pairs",
    response={200: list[DifferentPairOut], **READS, **problems(409)},
    operation_id="list_different_pairs",
    summary="Pairs on which the models differ most",
)
def list_different_pairs(
    request: HttpRequest,
    project: str,
    comparison: int,
    near: Annotated[Side, Query(description="The model that finds the pairs near.")] = "first",
) -> list[DifferentPairOut]:
    """At most 200 pairs that one model finds near and the other far, the most different first; 409 until it is done."""
    found = queries.model_comparison(access(request.user, project).project, comparison)
    if found.status != ModelComparison.Status.DONE:
        raise unfinished(found)
    side = queries.SIDES[0] if near == "first" else queries.SIDES[1]
    return [DifferentPairOut.of(pair) for pair in queries.different_pairs(found, side)]


@router.delete(
    "/projects/{slug:project}/model-comparisons/{int:comparison}",
    response={204: None, **WRITES},
    operation_id="delete_model_comparison",
    summary="Delete a model comparison",
)
def delete_model_comparison(request: HttpRequest, project: str, comparison: int) -> Status[None]:
    """Embeddings and verdicts stay. 409 while it is being computed. For editors."""
    way = access(request.user, project, Membership.Role.EDITOR)
    workspace.delete_model_comparison(comparison=queries.model_comparison(way.project, comparison))
    return Status(204, None)
