"""Neighbour search in a project."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.urls import reverse
from ninja import Query, Router, Schema
from ninja.errors import ValidationError
from pydantic import ValidationError as Misfit

from analysis import neighbours, queries
from analysis.core.errors import AnalysisError
from analysis.schemas.search import ImageOut, LinkTo, NeighbourOut, SearchIn, SearchOut, similarity
from analysis.signals import KnownSignal, signal_in
from catalog.models import Image
from catalog.queries import Access, access, datasets_named
from catalog.queries import image as image_of
from catalog.schemas import READS, WRITES

Asked = TypeVar("Asked", bound=Schema)

router = Router(tags=["search"])

JSON, FORM = "application/json", "multipart/form-data"


def body_of(schema: type[Schema]) -> dict[str, Any]:
    """The OpenAPI of a body that is either JSON, or a form with the file `image`."""
    fields = schema.model_json_schema()
    picture = {"type": "string", "format": "binary", "description": "A picture; looked at and forgotten."}
    form = {**fields, "properties": {"image": picture, **fields["properties"]}}
    return {"requestBody": {"content": {FORM: {"schema": form}, JSON: {"schema": fields}}}}


def asked_in(request: HttpRequest, schema: type[Asked]) -> tuple[Asked, UploadedFile[bytes] | None]:
    """What the body asks for, as JSON or as a form, and the picture that came with it.

    Raises:
        ValidationError: it does not have the documented form.
    """
    try:
        if request.content_type == JSON:
            return schema.model_validate_json(request.body or b"{}"), None
        values: dict[str, Any] = {}
        for name in schema.model_fields:
            given = request.POST.getlist(name)
            if given and given != [""]:
                values[name] = given[0] if len(given) == 1 else given
        picture = cast("UploadedFile[bytes] | None", request.FILES.get("image"))
        return schema.model_validate(values), picture
    except Misfit as error:
        raise ValidationError(
            cast("list[dict[str, Any]]", error.errors(include_url=False, include_context=False, include_input=False))
        ) from error


def links(request: HttpRequest) -> LinkTo:
    """Gives the address of an image's page."""
    return lambda image: request.build_absolute_uri(reverse("image", args=[image.dataset.project.slug, image.pk]))


def one_of(**given: object) -> str:
    """The name of the one thing that was given to ask by.

    Raises:
        AnalysisError: none was, or several.
    """
    named = [name for name, value in given.items() if value]
    if len(named) != 1:
        what = f"{' and '.join(named)} were sent" if named else "Nothing was sent"
        *rest, last = given
        raise AnalysisError(f"{what} to look for.", remedy=f"Send one of {', '.join(rest)} or {last}.")
    return named[0]


@router.get(
    "/projects/{slug:project}/search",
    response={200: SearchOut, **READS},
    operation_id="search_from_image",
    summary="Images like an image",
)
def search_from_image(
    request: HttpRequest,
    *,
    project: str,
    image: Annotated[int, Query(description="Number of an image of the project.")] = 0,
    text: Annotated[str, Query(description="Or words, under a signal that knows texts.")] = "",
    signal: Annotated[str, Query(examples=["phash-8"])] = "phash-8",
    dataset: Annotated[list[str], Query(description="Slugs or names; all if left out.")] = [],  # noqa: B006  # read by ninja
    k: Annotated[int, Query(ge=1, le=500)] = 24,
    any_orientation: bool = False,
) -> SearchOut:
    """The images nearest to an image of the project, or to a text, in some of its datasets; the nearest first."""
    asked = SearchIn(
        image_id=image,
        text=text,
        hash="",
        vector=None,
        signal=signal,
        datasets=dataset,
        k=k,
        any_orientation=any_orientation,
    )
    return _search(request, access(request.user, project), asked, None)


@router.post(
    "/projects/{slug:project}/search",
    response={200: SearchOut, **WRITES},
    operation_id="search",
    summary="Images like a picture, hash, vector or text",
    openapi_extra=body_of(SearchIn),
)
def search(request: HttpRequest, project: str) -> SearchOut:
    """The images nearest to what is sent, in some of the project's datasets; the nearest first.

    Send a form with the file `image`, or JSON. Nothing of it is kept.
    """
    way = access(request.user, project)
    return _search(request, way, *asked_in(request, SearchIn))


def _search(request: HttpRequest, way: Access, asked: SearchIn, picture: UploadedFile[bytes] | None) -> SearchOut:
    known = signal_in(way.project, asked.signal)
    datasets = datasets_named(way.project, asked.datasets)
    query = _query(way, known, asked, picture)
    found = neighbours.nearest(query, dataset_ids=[each.pk for each in datasets], k=asked.k)
    images = queries.images_by_id(found.image_ids.tolist())
    link_to = links(request)
    rows = zip(found.image_ids.tolist(), found.distance.tolist(), found.orientation.tolist(), strict=True)
    return SearchOut(
        signal=known.base.name,
        unit=known.scale.unit,
        default_distance=known.default_distance,
        items=[
            NeighbourOut(
                image=ImageOut.of(images[pk], link_to),
                distance=distance,
                similarity=similarity(known, distance),
                orientation=orientation,
            )
            for pk, distance, orientation in rows
            if pk in images
        ],
    )


def _query(way: Access, known: KnownSignal, asked: SearchIn, picture: UploadedFile[bytes] | None) -> neighbours.Query:
    turn = asked.any_orientation or known.any_orientation
    match one_of(image=picture, image_id=asked.image_id, text=asked.text, hash=asked.hash, vector=asked.vector):
        case "image":
            assert picture is not None  # noqa: S101  # it is the one thing given
            (query,) = neighbours.of_pixels(neighbours.read_picture(picture).rgb, [known], any_orientation=turn)
            return query
        case "image_id":
            image: Image = image_of(way.project, asked.image_id)
            return neighbours.of_image(image, known, any_orientation=turn)
        case "text":
            return neighbours.of_text(asked.text, known)
        case "hash":
            return neighbours.of_hash(asked.hash, known)
        case _:
            return neighbours.of_vector(asked.vector or [], known)
