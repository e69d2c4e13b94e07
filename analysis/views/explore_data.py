"""What the plot asks for: its points, their groups, the image under the pointer, those selected; and its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_safe

from analysis import plots, queries
from analysis.core.projection.page import page
from analysis.core.projection.picture import picture
from analysis.core.projection.table import table
from analysis.core.projection.wire import packed_codes, packed_points
from analysis.models import Projection
from analysis.plots import Plot, Words
from analysis.signals import signal
from catalog.core.images import read_pixels, thumbnail
from catalog.models import Image
from catalog.queries import Access, access
from catalog.queries import image as image_of
from catalog.views.pages import number_in

PAGE = 60
PANEL = 12
"""Selected images that the panel beside the plot shows."""

MOST_COMPARED = 5_000
"""Selected images up to which the pairs among them are looked up."""

PAIRS = 12
CARD_SECONDS = 300
MOST_PICTURES = 600
"""Pictures that go into a downloaded page, each of some kilobytes."""

PICTURE_PIXELS = 128


def _plot(request: HttpRequest, project: str, projection: int) -> tuple[Access, Plot]:
    """The plot of a projection that has coordinates (else 404)."""
    way = access(request.user, project)
    found = queries.projection(way.project, projection)
    if not found.n_images:
        raise Http404
    return way, Plot(found)


@require_safe
def points(request: HttpRequest, project: str, projection: int) -> HttpResponse:
    """The points as `packed_points` writes them. Asked for again, it is a 304 until images go or it is recomputed."""
    _, plot = _plot(request, project, projection)
    etag = f'"{plot.version}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        content = packed_points(plot.ids, plot.points, plot.frame)
        response = HttpResponse(content, content_type="application/octet-stream")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


@require_safe
def groups(request: HttpRequest, project: str, projection: int) -> JsonResponse:
    """The groups of one colouring, `?by=`, and the group of each point."""
    _, plot = _plot(request, project, projection)
    coloring = plot.coloring(request.GET.get("by", "dataset"))
    counts = coloring.counts().tolist()
    response = JsonResponse(
        {
            "by": coloring.key,
            "note": coloring.note,
            "version": plot.version,
            "groups": [
                {"key": group.key, "name": group.name, "color": group.color, "count": count}
                for group, count in zip(coloring.groups, counts, strict=True)
            ],
            "codes": packed_codes(coloring.codes),
        }
    )
    # Verdicts and labels change at any time.
    response["Cache-Control"] = "private, no-store"
    return response


@require_safe
def card(request: HttpRequest, project: str, image: int) -> HttpResponse:
    """What is known of one image, in few words: for the pointer on its point."""
    way = access(request.user, project)
    found = image_of(way.project, image)
    context = {"project": way.project, "image": found, "labels": list(found.labels.all())}
    response = render(request, "analysis/explore_card.html", context)
    response["Cache-Control"] = f"private, max-age={CARD_SECONDS}"
    return response


@require_GET
def images(request: HttpRequest, project: str, projection: int) -> HttpResponse:
    """The images inside outlines of the plot: `lasso` (once or more), without the groups `hide` of `by`.

    The plot's panel asks with the header HX-Request and gets the first of them; else it is a page of its own.
    """
    way, plot = _plot(request, project, projection)
    outlines = request.GET.getlist("lasso")
    hidden = [key for key in request.GET.get("hide", "").split(",") if key]
    chosen = plot.chosen(outlines, by=request.GET.get("by", "dataset"), hidden=hidden)
    ids = sorted(plot.ids[chosen].tolist())
    panel = bool(request.headers.get("HX-Request"))
    first = number_in(request, "after")
    asked = _with_pictures_first(ids) if panel else [pk for pk in ids if pk > first][: PAGE + 1]
    found = queries.images_by_id(asked)
    rows = [found[pk] for pk in asked if pk in found][:PAGE]
    query = request.GET.copy()
    query.pop("after", None)
    context: dict[str, Any] = {
        "project": way.project,
        "access": way,
        "section": "explore",
        "projection": plot.projection,
        "words": Words.of(plot.projection),
        "images": rows,
        "count": len(ids),
        "by_dataset": _by_dataset(plot, chosen),
        "here": f"?{query.urlencode()}",
        "more": len(asked) > len(rows),
        "next": rows[-1].pk if rows else None,
        "first_page": not first,
    }
    if not first:
        context |= _pairs_among(plot, ids)
    return render(request, f"analysis/explore_{'selection' if panel else 'images'}.html", context)


def _with_pictures_first(ids: Sequence[int]) -> list[int]:
    """Some of the images for the panel, those that can be shown before those known by fingerprint only."""
    shown = Image.objects.filter(pk__in=ids[:MOST_COMPARED]).exclude(file="").order_by("pk")
    pictures = list(shown.values_list("pk", flat=True)[:PANEL])
    return [*pictures, *(pk for pk in ids[: 2 * PANEL] if pk not in pictures)][:PANEL]


def _by_dataset(plot: Plot, chosen: Any) -> list[tuple[Any, int]]:
    """How many of the chosen images each dataset has; datasets with none are left out."""
    codes = plot.coloring("dataset").codes[chosen]
    counted = [(each, int((codes == position).sum())) for position, each in enumerate(plot.population.datasets)]
    return [(dataset, count) for dataset, count in counted if count]


def _pairs_among(plot: Plot, ids: Sequence[int]) -> dict[str, Any]:
    """The closest pairs among selected images, with how their distance reads."""
    if len(ids) > MOST_COMPARED:
        return {"too_many": MOST_COMPARED}
    known = {each.id: each for each in map(signal, queries.compared_signals(plot.population.datasets))}
    limits = {pk: (each.default_distance, each.scale.unrelated) for pk, each in known.items()}
    found = queries.closest_among(ids, limits, most=PAIRS) if limits and len(ids) > 1 else []
    return {"pairs": [(pair, known[pk]) for pair, pk in found[:PAIRS]], "more_pairs": len(found) > PAIRS}


@require_GET
def download(request: HttpRequest, project: str, projection: int, kind: str) -> HttpResponseBase:
    """The projection as a file: ``csv``, ``png`` in the colours of `by`, or ``html``, a page for offline."""
    way, plot = _plot(request, project, projection)
    by = request.GET.get("by", "dataset")
    coloring = plot.coloring(by)
    if kind == "csv":
        content, media = table(plot.scene([coloring])), "text/csv; charset=utf-8"
    elif kind == "png":
        content, media = picture(plot.scene([coloring]), coloring), "image/png"
    elif kind == "html":
        keys = dict.fromkeys([*(key for key, _ in plots.colorings(plot.projection)), by])
        scene = plot.scene([plot.coloring(key) for key in keys])
        content = page(scene, scripts=plots.scripts(), shown=by, pictures=_pictures(plot))
        media = "text/html; charset=utf-8"
    else:
        raise Http404
    name = f"{slugify(way.project.name) or 'project'}-{_file_name(plot.projection)}.{kind}"
    return HttpResponse(
        content,
        content_type=media,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


def _file_name(projection: Projection) -> str:
    return slugify(Words.of(projection).title.replace("/", "-"))[:80]


def _pictures(plot: Plot) -> list[bytes | None] | None:
    """A small JPEG of each image that has a picture, where there are not too many."""
    rows = Image.objects.filter(dataset__in=plot.population.datasets, pk__in=plot.ids.tolist()).exclude(thumbnail="")
    kept = dict(rows.values_list("pk", "thumbnail")[: MOST_PICTURES + 1])
    if not kept or len(kept) > MOST_PICTURES:
        return None
    return [_small(str(kept[pk])) if pk in kept else None for pk in plot.ids.tolist()]


def _small(key: str) -> bytes | None:
    try:
        with default_storage.open(key) as stored:
            return thumbnail(read_pixels(stored.read()), PICTURE_PIXELS)
    except FileNotFoundError:
        return None
