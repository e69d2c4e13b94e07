"""A second look at pairs from their pixels."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Status

from analysis import queries, workspace
from analysis.core.errors import AnalysisError
from analysis.core.verifiers import VERIFIERS, Verifier
from analysis.models import VerificationRun
from analysis.pipeline.review import canonical
from analysis.pipeline.verify import verify_pair
from analysis.schemas.verification import (
    VerificationIn,
    VerificationOut,
    VerificationRunIn,
    VerificationRunOut,
    VerifiedPairOut,
    VerifiedPairPage,
    VerifierOut,
)
from analysis.tasks import run_verification
from catalog.api import PAGE, Limit, person
from catalog.jobs import queue
from catalog.models import Membership
from catalog.queries import access
from catalog.schemas import READS, WRITES, problems

router = Router(tags=["verification"])


@router.get(
    "/verifiers",
    response={200: list[VerifierOut], **problems(401)},
    operation_id="list_verifiers",
    summary="Ways to look at pixels",
)
def list_verifiers(request: HttpRequest) -> list[Verifier]:
    """Every verifier of this installation."""
    return list(VERIFIERS.values())


@router.get(
    "/projects/{slug:project}/pairs/{int:a}-{int:b}/verifications",
    response={200: list[VerificationOut], **READS},
    operation_id="list_verifications",
    summary="What verifiers found in a pair",
)
def list_verifications(request: HttpRequest, project: str, a: int, b: int) -> list[VerificationOut]:
    """What was found so far in two images by number in any order."""
    way = access(request.user, project)
    one, other = canonical(*queries.pair_images(way.project, a, b))
    return [VerificationOut.of(row) for row in queries.verifications(one, other)]


@router.post(
    "/projects/{slug:project}/pairs/{int:a}-{int:b}/verifications",
    response={201: VerificationOut, **WRITES},
    operation_id="verify_pair",
    summary="Look at the pixels of a pair",
)
def verify(request: HttpRequest, project: str, a: int, b: int, payload: VerificationIn) -> Status[VerificationOut]:
    """Find the same keypoints in both pictures, and the transformation that explains them; also in the mirror image.

    It takes less than a second; what is known already is given at once. For annotators.
    """
    way = access(request.user, project, Membership.Role.ANNOTATOR)
    one, other = canonical(*queries.pair_images(way.project, a, b))
    return Status(201, VerificationOut.of(verify_pair(one, other, payload.verifier)))


@router.post(
    "/projects/{slug:project}/comparisons/{int:comparison}/verifications",
    response={202: VerificationRunOut, **WRITES},
    operation_id="verify_comparison",
    summary="Look at the pixels of a comparison's pairs",
)
def verify_comparison(
    request: HttpRequest, project: str, comparison: int, payload: VerificationRunIn
) -> Status[VerificationRun]:
    """Have a verifier look at all pairs up to a distance that it has not looked at. For annotators."""
    way = access(request.user, project, Membership.Role.ANNOTATOR)
    run = workspace.request_verification(
        comparison=queries.comparison(way.project, comparison),
        verifier=payload.verifier,
        by=person(request),
        signal_name=payload.signal,
        max_distance=payload.max_distance,
    )
    queue(run_verification, run.pk)
    return Status(202, queries.verification_run(way.project, run.pk))


@router.get(
    "/projects/{slug:project}/verifications/{int:run}",
    response={200: VerificationRunOut, **READS},
    operation_id="read_verification_run",
    summary="One look at a comparison's pairs: status and progress",
)
def read_verification_run(request: HttpRequest, project: str, run: int) -> VerificationRun:
    """How far it is, and what came of it so far."""
    return queries.verification_run(access(request.user, project).project, run)


@router.get(
    "/projects/{slug:project}/verifications/{int:run}/pairs",
    response={200: VerifiedPairPage, **READS},
    operation_id="list_verified_pairs",
    summary="What a verifier found in a comparison's pairs",
)
def list_verified_pairs(
    request: HttpRequest,
    *,
    project: str,
    run: int,
    min_inliers: Annotated[int, Query(ge=0, description="Only pairs with so many inliers at least.")] = 0,
    after: Annotated[str, Query(description="The `next` of the page before.")] = "",
    limit: Limit = PAGE,
) -> VerifiedPairPage:
    """The pairs of a run that its verifier has looked at, with their inliers."""
    found = queries.verification_run(access(request.user, project).project, run)
    rows = queries.verified_pairs(found, inliers=min_inliers, after=_place(after), limit=limit)
    more, rows = len(rows) > limit, rows[:limit]
    following = f"{rows[-1].a.pk}-{rows[-1].b.pk}" if more else None
    return VerifiedPairPage(items=[VerifiedPairOut.of(row) for row in rows], next=following)


def _place(text: str) -> tuple[int, int]:
    if not text:
        return 0, 0
    a, _, b = text.partition("-")
    if not (a.isdecimal() and b.isdecimal()):
        raise AnalysisError(f"“{text}” is no place in a list of pairs.", remedy="Ask for the first page again.")
    return int(a), int(b)
