"""“Have we seen this?” asked from any page of a project: a dropped picture, answered in a dialog."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from analysis import neighbours, queries
from analysis.core.errors import AnalysisError
from analysis.neighbours import Asked, Digests
from catalog.core.errors import CatalogError
from catalog.queries import access, visible_datasets

SHOWN = 24
"""Images that the dialog shows."""


@require_POST
def look_up(request: HttpRequest, project: str) -> HttpResponse:
    """The answer as a piece of page, over everything that the person may see; nothing of the picture is kept."""
    way = access(request.user, project)
    context: dict[str, Any] = {"project": way.project, "access": way}
    try:
        context |= _answer(request)
        status = 200
    except (AnalysisError, CatalogError) as error:
        context["problem"] = error
        status = 422
    return render(request, "analysis/search_lookup.html", context, status=status)


def _answer(request: HttpRequest) -> dict[str, Any]:
    picture = request.FILES.get("picture")
    if not isinstance(picture, UploadedFile):
        raise CatalogError("No picture was sent.", remedy="Choose one, or drop it on the page.")
    decoded = neighbours.read_picture(picture)
    turned = request.POST.get("turned") == "1"
    datasets = visible_datasets(request.user)
    asked = [
        Asked(query, query.known.default_distance)
        for query in neighbours.of_pixels(decoded.rgb, neighbours.at_import(), any_orientation=turned)
    ]
    answer = neighbours.look_up(
        asked,
        dataset_ids=[each.pk for each in datasets],
        digests=Digests(decoded.sha256, decoded.pixel_hash),
        limit=SHOWN,
    )
    images = queries.images_by_id([match.image_id for match in answer.matches[:SHOWN]])
    return {
        "name": str(picture.name),
        "turned": turned,
        "matches": [(match, images[match.image_id]) for match in answer.matches[:SHOWN] if match.image_id in images],
        "more": bool(answer.more) or len(answer.matches) > SHOWN,
        "signals": [each.query.known for each in asked],
        "datasets": len(datasets),
        "projects": len({each.project_id for each in datasets}),
        "images": sum(each.image_count for each in datasets),
    }
