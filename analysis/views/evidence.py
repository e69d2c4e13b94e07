"""A pair's pixels and files: keypoints on request, one picture laid over the other, and what the files state."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_POST, require_safe
from numpy.typing import NDArray
from PIL import Image as PillowImage

from analysis import queries
from analysis.core import alignment
from analysis.core.orientations import words
from analysis.pipeline.review import canonical
from analysis.pipeline.verify import verify_pair
from analysis.views.evidence_rows import Laying, drawing, layings, looks, measured, size
from catalog.core.exif import NOTHING, Exif, read_exif
from catalog.core.images import read_pixels
from catalog.models import Image, Membership
from catalog.queries import access

LAID_SIDE = 1000
"""Longer side of a picture that is laid over another, in pixels."""
KEPT_SECONDS = 3600
LAYERS = ("second", "difference")


def of_pair(request: HttpRequest, one: Image, other: Image) -> dict[str, Any]:
    """What the page of a pair shows of distances and pixels; `look` names a verifier, `laid` a way of laying."""
    apart = {"measured": measured(one, other)}
    if not (one.has_picture and other.has_picture):
        return {**apart, "pictures": False}
    seen = looks(one, other)
    best_first = sorted((look for look in seen if look.found), key=lambda look: -look.inliers)
    asked = request.GET.get("look", "")
    shown = next((look for look in best_first if look.verifier.name == asked), next(iter(best_first), None))
    drawn = drawing(one, other, shown) if shown else None
    ways = layings(one, other, seen)
    asked = request.GET.get("laid", "")
    kept = request.GET.copy()
    for key in ("look", "laid"):
        kept.pop(key, None)
    return {
        **apart,
        "pictures": True,
        "looks": seen,
        "shown": shown,
        "drawing": drawn,
        "drawn": [(one, drawn.a), (other, drawn.b)] if drawn else [],
        "layings": ways,
        "laid": next((way for way in ways if way.key == asked), ways[0]),
        "laid_size": alignment.bounded(size(one), LAID_SIDE),
        "kept": kept.urlencode(),
    }


def _pair(request: HttpRequest, project: str, a: int, b: int, role: str = Membership.Role.VIEWER) -> list[Image]:
    """The two images in canonical order, for those who may see them (else 404)."""
    way = access(request.user, project, role)
    return list(canonical(*queries.pair_images(way.project, a, b)))


@require_POST
def verify(request: HttpRequest, project: str, a: int, b: int) -> HttpResponse:
    """Have a verifier look at the pair, then show what it found. For annotators."""
    one, other = _pair(request, project, a, b, Membership.Role.ANNOTATOR)
    verifier = request.POST.get("verifier", "")
    verify_pair(one, other, verifier)
    address = request.GET.copy()
    address["look"] = verifier
    address.pop("laid", None)
    return redirect(f"{reverse('pair', args=[project, one.pk, other.pk])}?{address.urlencode()}#keypoints")


@require_safe
def files(request: HttpRequest, project: str, a: int, b: int) -> HttpResponse:
    """What the files of both pictures state of themselves, as rows of the table on the pair's page."""
    one, other = _pair(request, project, a, b)
    return render(request, "analysis/evidence_files.html", {"rows": _stated(_exif(one), _exif(other))})


def _exif(image: Image) -> Exif:
    if not image.has_picture:
        return NOTHING
    try:
        with default_storage.open(str(image.file)) as stream:
            return read_exif(stream)
    except OSError:
        return NOTHING


def _stated(one: Exif, other: Exif) -> list[tuple[str, str, str]]:
    """What at least one of two files states."""

    def orientation(found: Exif) -> str:
        return words(found.orientation) if found.orientation > 1 else ""

    def position(found: Exif) -> str:
        return "has a position" if found.has_position else ""

    rows = [
        ("Taken", one.taken, other.taken),
        ("Camera", one.camera, other.camera),
        ("Software", one.software, other.software),
        ("Changed", one.changed, other.changed),
        ("Rights", one.rights, other.rights),
        ("Orientation", orientation(one), orientation(other)),
        ("Place", position(one), position(other)),
    ]
    return [row for row in rows if row[1] or row[2]]


@require_safe
def laid(request: HttpRequest, *, project: str, a: int, b: int, how: str, layer: str) -> HttpResponseBase:
    """The second picture laid over the first (``second``), or what then differs (``difference``), as WebP."""
    one, other = _pair(request, project, a, b)
    if layer not in LAYERS or not (one.has_picture and other.has_picture):
        raise Http404
    way = next((each for each in layings(one, other, looks(one, other)) if each.key == how), None)
    if way is None:
        raise Http404
    key = f"{one.sha256}-{other.sha256}-{how}-{layer}"
    return _answer(request, key, "WEBP", lambda: _layer(one, other, way, layer))


@require_safe
def matches(request: HttpRequest, project: str, a: int, b: int, verifier: str) -> HttpResponseBase:
    """Both pictures side by side with lines between the matched points, as PNG, to keep or to print."""
    one, other = _pair(request, project, a, b)
    look = next((each for each in looks(one, other) if each.verifier.name == verifier), None)
    if look is None or look.found is None or not (one.has_picture and other.has_picture):
        raise Http404
    lines = np.array(look.found.geometry["lines"], np.float32).reshape(-1, 5)
    key = f"{one.sha256}-{other.sha256}-{verifier}-{look.found.computed_at:%s}"
    response = _answer(
        request,
        key,
        "PNG",
        lambda: alignment.side_by_side(_pixels(one), _pixels(other), lines[:, :4], lines[:, 4] == 1),
    )
    response["Content-Disposition"] = f'attachment; filename="{one.pk}-{other.pk}-{verifier}.png"'
    return response


def _layer(one: Image, other: Image, way: Laying, layer: str) -> NDArray[np.uint8]:
    """A layer with what is not covered transparent: uint8, shape (height, width, 4)."""
    shown = alignment.bounded(size(one), LAID_SIDE)
    pixels, covered = alignment.laid_over(_pixels(other), way.homography, size_a=size(one), shown=shown)
    if layer == "difference":
        grey = alignment.difference(alignment.resized(_pixels(one), shown), pixels, covered)
        pixels = np.repeat(grey[:, :, None], 3, axis=2)
    return np.dstack([pixels, np.where(covered, 255, 0).astype(np.uint8)])


def _pixels(image: Image) -> NDArray[np.uint8]:
    try:
        with default_storage.open(str(image.file)) as stream:
            return read_pixels(stream.read())
    except FileNotFoundError as error:
        raise Http404 from error


def _answer(
    request: HttpRequest, key: str, image_format: str, draw: Callable[[], NDArray[np.uint8]]
) -> HttpResponseBase:
    """A picture of our own making, drawn unless the browser has it."""
    etag = f'"{key}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        out = BytesIO()
        PillowImage.fromarray(draw()).save(out, image_format, quality=85)
        response = HttpResponse(out.getvalue(), content_type=f"image/{image_format.lower()}")
    response["ETag"] = etag
    # Private: no shared cache may keep it.
    response["Cache-Control"] = f"private, max-age={KEPT_SECONDS}"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response
