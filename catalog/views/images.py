"""One image: its page, and its picture for those who may see it."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from catalog import files, queries
from catalog.core.images import THUMBNAIL_MEDIA_TYPE, read_pixels, thumbnail, turned_jpeg
from catalog.models import Image

VIEW_SIZE = 1600
TURNS = frozenset("2345678")
"""EXIF orientations that change a picture."""
KEPT_SECONDS = 30 * 24 * 3600
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
}


@require_safe
def detail(request: HttpRequest, project: str, image: int) -> HttpResponse:
    """The picture and what is known of it."""
    access = queries.access(request.user, project)
    found = queries.image(access.project, image)
    before, after = queries.beside(found)
    context = {
        "access": access,
        "project": access.project,
        "section": "datasets",
        "image": found,
        "dataset": found.dataset,
        "labels": found.labels.all(),
        "before": before,
        "after": after,
        "base_name": PurePosixPath(found.name).name,
    }
    return render(request, "catalog/image.html", context)


@require_safe
def file(request: HttpRequest, image: int, variant: str) -> HttpResponseBase:
    """The picture's bytes: ``thumb``, ``view`` (JPEG of at most 1600 px) or ``original`` (always a download).

    What people uploaded is never shown inline under its own type: thumb and view are JPEGs of our own making. These
    two can be asked for as an EXIF orientation turns them: `turn`, 2 to 8.
    """
    found = queries.access_of_image(request.user, image)
    turn = request.GET.get("turn", "")
    if variant not in {"thumb", "view", "original"} or not found.has_picture:
        raise Http404
    if turn and (turn not in TURNS or variant == "original"):
        raise Http404
    etag = f'"{found.sha256}-{variant}{turn}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            response = _turned(found, variant, int(turn)) if turn else _body(found, variant)
        except FileNotFoundError as error:
            raise Http404 from error
    response["ETag"] = etag
    # An image never changes once it is taken. Private: no shared cache may keep it.
    response["Cache-Control"] = f"private, max-age={KEPT_SECONDS}, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _body(image: Image, variant: str) -> FileResponse:
    if variant == "original":
        return FileResponse(
            default_storage.open(str(image.file)),
            as_attachment=True,
            filename=PurePosixPath(image.path).name,
            content_type=MEDIA_TYPES.get(image.format, "application/octet-stream"),
        )
    return FileResponse(default_storage.open(_key(image, variant)), content_type=THUMBNAIL_MEDIA_TYPE)


def _turned(image: Image, variant: str, orientation: int) -> HttpResponse:
    with default_storage.open(_key(image, variant)) as stored:
        return HttpResponse(turned_jpeg(stored.read(), orientation), content_type=THUMBNAIL_MEDIA_TYPE)


def _key(image: Image, variant: str) -> str:
    return str(image.thumbnail) if variant == "thumb" else _view_key(image)


def _view_key(image: Image) -> str:
    """Where the JPEG for the screen lies; it is made the first time that someone asks for it."""
    key = files.view_key(image.dataset_id, image.sha256)
    if not default_storage.exists(key):
        with default_storage.open(str(image.file)) as stored:
            files.keep(key, thumbnail(read_pixels(stored.read()), VIEW_SIZE))
    return key
