"""“Have we seen this?” over everything that the person may see."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from ninja import Router

from analysis import neighbours, queries
from analysis.api.search import asked_in, body_of, links, one_of
from analysis.core.errors import AnalysisError
from analysis.neighbours import Asked, Digests
from analysis.schemas.search import LookUpIn, LookUpOut, MatchOut, SignalReach
from analysis.signals import KnownSignal, check_distance
from catalog.models import Dataset
from catalog.queries import visible_datasets
from catalog.schemas import problems

router = Router(tags=["search"])


@router.post(
    "/lookup",
    response={200: LookUpOut, **problems(401, 403, 404, 422)},
    operation_id="look_up",
    summary="Have we seen this?",
    openapi_extra=body_of(LookUpIn),
)
def look_up(request: HttpRequest) -> LookUpOut:
    """Every image of your projects that is the same file, the same pixels, or within the distance of a signal.

    Send a form with the file `image`, or JSON with a `hash` or a `vector` and its `signal`. Nothing of it is kept.
    """
    payload, picture = asked_in(request, LookUpIn)
    datasets = visible_datasets(request.user, payload.projects, payload.datasets)
    asked, digests = _asked(payload, picture, datasets)
    answer = neighbours.look_up(asked, dataset_ids=[each.pk for each in datasets], digests=digests, limit=payload.limit)
    images = queries.images_by_id([match.image_id for match in answer.matches])
    link_to = links(request)
    matches = [
        MatchOut.of(match, images[match.image_id], link_to) for match in answer.matches if match.image_id in images
    ]
    return LookUpOut(
        seen=bool(matches),
        matches=matches,
        signals=[
            SignalReach(
                signal=each.query.known.name,
                max_distance=each.max_distance,
                unit=each.query.known.scale.unit,
                more=each.query.known.name in answer.more,
            )
            for each in asked
        ],
        datasets=len(datasets),
        images=sum(each.image_count for each in datasets),
        sha256=digests.sha256 if digests else "",
    )


def _asked(
    payload: LookUpIn, picture: UploadedFile[bytes] | None, datasets: Sequence[Dataset]
) -> tuple[list[Asked], Digests | None]:
    """The queries with their distances, and the digests of the picture."""
    projects = {each.project for each in datasets}
    known = [neighbours.signal_among(projects, name) for name in payload.signal]
    what = one_of(image=picture, hash=payload.hash, vector=payload.vector)
    digests = None
    if picture is not None:
        decoded = neighbours.read_picture(picture)
        digests = Digests(decoded.sha256, decoded.pixel_hash)
        known = known or neighbours.at_import()
        turn = payload.any_orientation or any(each.any_orientation for each in known)
        found = neighbours.of_pixels(decoded.rgb, known, any_orientation=turn)
    else:
        one = _only(known, f"a {what}")
        found = [
            neighbours.of_hash(payload.hash, one) if payload.hash else neighbours.of_vector(payload.vector or [], one)
        ]
    if payload.max_distance is None:
        return [Asked(query, query.known.default_distance) for query in found], digests
    one = _only([query.known for query in found], "max_distance")
    return [Asked(found[0], check_distance(one, payload.max_distance))], digests


def _only(known: Sequence[KnownSignal], what: str) -> KnownSignal:
    if len(known) != 1:
        raise AnalysisError(
            f"{what[0].upper()}{what[1:]} belongs to one signal, and {len(known) or 'none'} is named.",
            remedy="Name one signal, such as phash-8.",
        )
    return known[0]
