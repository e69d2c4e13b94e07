"""Search: the images nearest to an image, a picture or a text; and the ladder of example pairs."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from analysis import neighbours, queries
from analysis.core.errors import AnalysisError
from analysis.core.orientations import words as orientation_words
from analysis.models import Projection
from analysis.neighbours import Nearest, Query
from analysis.signals import ANY, UPRIGHT, KnownSignal
from catalog.core.errors import CatalogError
from catalog.core.images import thumbnail
from catalog.models import Dataset, Image, Project
from catalog.queries import Access, access
from catalog.queries import image as image_of
from catalog.views.pages import number_in

HOW_MANY = (12, 24, 48, 96)
USUAL_K = 24
QUERY_SIZE = 320
"""Pixels of the picture that is shown of an uploaded query; it travels in the page, since it is stored nowhere."""
STARTS = 12
"""Images that the empty page offers."""
_IN_ADDRESS = 40
"""Results that a link to the plot marks."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the address says beside the query: it holds for images, texts and uploaded pictures alike.

    Attributes:
        known: the signal; None where nothing can be searched yet.
        offered: signals to choose from.
        datasets: where to look.
        everywhere: all datasets of the project.
        k: how many.
        turned: whether the query is mirrored and turned, too.
    """

    known: KnownSignal | None
    offered: list[KnownSignal]
    datasets: list[Dataset]
    everywhere: list[Dataset]
    k: int
    turned: bool

    @classmethod
    def of(cls, project: Project, values: QueryDict) -> Settings:
        """From an address, with a sensible value for whatever it does not say or says wrongly."""
        everywhere = list(project.datasets.all())
        offered = neighbours.searchable(everywhere)
        named = set(values.getlist("dataset"))
        chosen = [each for each in everywhere if each.slug in named]
        name, _, turn = values.get("signal", "").partition("@")
        known = next((each for each in offered if each.name == name), None)
        k = values.get("k", "")
        return cls(
            known=known or (offered[0] if offered else None),
            offered=offered,
            datasets=chosen or everywhere,
            everywhere=everywhere,
            k=int(k) if k.isdecimal() and int(k) in HOW_MANY else USUAL_K,
            turned=values.get("turned") == "1" or turn == ANY,
        )

    def address(self, **more: str) -> str:
        """The part of an address that says the same, and more."""
        values: list[tuple[str, str]] = [("signal", self.known.name)] if self.known else []
        if len(self.datasets) < len(self.everywhere):
            values += [("dataset", each.slug) for each in self.datasets]
        if self.k != USUAL_K:
            values.append(("k", str(self.k)))
        if self.turned:
            values.append(("turned", "1"))
        return urlencode([*values, *more.items()])


@dataclass(frozen=True, slots=True)
class Source:
    """What the person searches by.

    Attributes:
        image: an image of the project.
        text: words.
        picture: the uploaded picture as a data address.
        name: what it is called on the page.
    """

    image: Image | None = None
    text: str = ""
    picture: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A result as the page shows it.

    Attributes:
        image: with dataset and labels.
        distance: on the signal's scale.
        number: the distance for people.
        after: what stands behind the number: the unit, or the similarity.
        usual: whether most copies are as near.
        turned: what was done to the query to match it; empty where nothing was.
    """

    image: Image
    distance: float
    number: str
    after: str
    usual: bool
    turned: str


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, project: str) -> HttpResponse:
    """The form and what was found. An uploaded picture comes by POST; everything else is in the address."""
    way = access(request.user, project)
    settings = Settings.of(way.project, request.GET)
    asked = number_in(request, "image")
    image = image_of(way.project, asked) if asked else None
    context: dict[str, Any] = {"settings": settings, "source": Source(), "status": 200}
    if settings.known is not None:
        try:
            source, query = _asked(request, image, settings, settings.known)
            context |= {"source": source} | (_found(way, settings, query, source) if query else {})
        except (AnalysisError, CatalogError) as error:
            context |= {"problem": error, "status": 422}
    return _render(request, way, context)


def _render(request: HttpRequest, way: Access, context: Mapping[str, Any]) -> HttpResponse:
    settings: Settings = context["settings"]
    known = settings.known
    more = {
        "project": way.project,
        "access": way,
        "section": "search",
        "known": known,
        "takes_text": known is not None and neighbours.takes_text(known),
        "takes_pictures": known is not None and neighbours.takes_pictures(known),
        "text_signals": [each for each in settings.offered if neighbours.takes_text(each)],
        "datasets": [(each, each in settings.datasets) for each in settings.everywhere],
        "how_many": HOW_MANY,
        "images": sum(each.image_count for each in settings.datasets),
        "starts": [] if "hits" in context else _starts(way.project),
    }
    template = "analysis/search_results.html" if request.headers.get("HX-Request") else "analysis/search.html"
    return render(request, template, {**more, **context}, status=context["status"])


def _starts(project: Project) -> list[Image]:
    """A few images to begin with: pictures where there are any."""
    of_project = Image.objects.filter(dataset__project=project).select_related("dataset").order_by("dataset", "pk")
    return list(of_project.exclude(file="")[:STARTS]) or list(of_project[:STARTS])


def _asked(
    request: HttpRequest, image: Image | None, settings: Settings, known: KnownSignal
) -> tuple[Source, Query | None]:
    """What is searched by, described; None where nothing was asked yet."""
    picture = request.FILES.get("picture")
    if request.method == "POST":
        if not isinstance(picture, UploadedFile):
            raise CatalogError("No picture was sent.", remedy="Choose one, or drop it on the page.")
        decoded = neighbours.read_picture(picture)
        shown = base64.b64encode(thumbnail(decoded.rgb, QUERY_SIZE)).decode()
        (query,) = neighbours.of_pixels(decoded.rgb, [known], any_orientation=settings.turned)
        return Source(picture=f"data:image/jpeg;base64,{shown}", name=str(picture.name)), query
    # Words are typed anew, while the image is only carried along.
    if text := " ".join(request.GET.get("text", "").split()):
        return Source(text=text, name=f"“{text}”"), neighbours.of_text(text, known)
    if image is not None:
        return Source(image=image, name=image.name), neighbours.of_image(image, known, any_orientation=settings.turned)
    return Source(), None


def _found(way: Access, settings: Settings, query: Query, source: Source) -> dict[str, Any]:
    nearest = neighbours.nearest(query, dataset_ids=[each.pk for each in settings.datasets], k=settings.k)
    hits = _hits(query.known, nearest)
    usual = query.known.default_distance
    return {
        "hits": hits,
        "near": sum(hit.usual for hit in hits),
        "usual": usual,
        "ring": _ring(way.project, query.known, hits, source),
        "plot": _plot(way.project, query.known, hits, source),
    }


def _hits(known: KnownSignal, nearest: Nearest) -> list[Hit]:
    images = queries.images_by_id(nearest.image_ids.tolist())
    rows = zip(nearest.image_ids.tolist(), nearest.distance.tolist(), nearest.orientation.tolist(), strict=True)
    hits = []
    for pk, distance, orientation in rows:
        number, _, after = known.words(distance).partition(" ")
        turned = "" if orientation == UPRIGHT else orientation_words(orientation)
        if pk in images:
            usual = distance <= known.default_distance
            hits.append(Hit(images[pk], distance, number, after, usual=usual, turned=turned))
    return hits


def _ring(project: Project, known: KnownSignal, hits: Sequence[Hit], source: Source) -> dict[str, Any]:
    """What the ring plot draws."""

    def picture(image: Image) -> str:
        return reverse("image-file", args=[image.pk, "thumb"]) if image.has_picture else ""

    return {
        "query": {"name": source.name, "picture": picture(source.image) if source.image else source.picture},
        "usual": known.default_distance,
        "places": known.scale.places,
        "points": [
            {
                "id": hit.image.pk,
                "name": hit.image.name,
                "dataset": hit.image.dataset.name,
                "color": hit.image.dataset.color,
                "picture": picture(hit.image),
                "distance": hit.distance,
                "words": known.words(hit.distance),
                "page": reverse("image", args=[project.slug, hit.image.pk]),
            }
            for hit in hits
        ],
    }


def _plot(project: Project, known: KnownSignal, hits: Sequence[Hit], source: Source) -> str:
    """The address of a projection that marks the query black and the results red; empty where none is known."""
    if not known.is_embedding or not hits:
        return ""
    of_project = Projection.objects.filter(project=project, signal_id=known.id, status=Projection.Status.DONE)
    newest = of_project.order_by("-pk").first()
    place = ("projection", newest.pk) if newest else ("explore",)
    address = reverse(place[0], args=[project.slug, *place[1:]])
    marks = {"results": ",".join(str(hit.image.pk) for hit in hits[:_IN_ADDRESS])}
    if source.image is not None:
        marks["query"] = str(source.image.pk)
    return f"{address}?{urlencode(marks, safe=',')}"


@require_GET
def ladder(request: HttpRequest, project: str) -> HttpResponse:
    """Example pairs at rising similarity, of the project's own pictures."""
    way = access(request.user, project)
    settings = Settings.of(way.project, request.GET)
    known = settings.known
    context: dict[str, Any] = {
        "project": way.project,
        "access": way,
        "section": "search",
        "settings": settings,
        "known": known,
        "datasets": [(each, each in settings.datasets) for each in settings.everywhere],
    }
    if known is not None:
        made = neighbours.ladder(known, [each.pk for each in settings.datasets])
        images = queries.images_by_id([pk for rung in made.rungs for a, b, _ in rung.pairs for pk in (a, b)])
        context |= {
            "images": made.images,
            "rungs": [
                {
                    "distance": rung.distance,
                    "title": f"Similarity {1 - rung.distance:g}" if known.is_embedding else known.words(rung.distance),
                    "usual": rung.distance <= known.default_distance,
                    "pairs": [(images[a], images[b], distance) for a, b, distance in rung.pairs],
                }
                for rung in made.rungs
            ],
        }
    return render(request, "analysis/search_ladder.html", context)
