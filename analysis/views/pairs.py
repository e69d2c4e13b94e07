"""Pairs: the list that filters in the address narrow, and the page of one pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis import charts, queries
from analysis.models import Verdict
from analysis.models.review import ACCEPTED, Choice
from analysis.pipeline.review import GIVEN, canonical
from analysis.queries import Cell, PairKey, PairRow
from analysis.signals import signal
from analysis.views import evidence
from analysis.views.addresses import address_of, cell_in, cell_name, cell_text, threshold_in
from analysis.views.review import CHOICES
from analysis.views.review_rows import differences
from catalog.models import Image, Label, Membership
from catalog.queries import access
from catalog.views.pages import number_in

PAGE = 48
SHOWS = {
    "": "All",
    "open": "Not judged yet",
    "accepted": "Accepted",
    "rejected": "Rejected",
    **{choice.value: choice.label for choice in GIVEN},
}
"""What the list can be narrowed to, as the address says it (see `queries.FILTERS`)."""
KEYPOINTS = {"": "All", "found": "Found", "none": "Not found", "unchecked": "Not checked"}
"""The same of what verifiers found (see `queries.KEYPOINTS`)."""


@dataclass(frozen=True, slots=True)
class SideLabels:
    """The labels of one side of a pair, each with whether the other side lacks it."""

    labels: list[tuple[Label, bool]]

    @classmethod
    def both(cls, row: PairRow) -> tuple[SideLabels, SideLabels]:
        """Both sides; nothing is marked where one side has no labels at all."""
        a, b = list(row.a.labels.all()), list(row.b.labels.all())
        return cls._of(a, b), cls._of(b, a)

    @classmethod
    def _of(cls, own: list[Label], others: list[Label]) -> SideLabels:
        names = {label.pk for label in others}
        return cls([(label, bool(names) and label.pk not in names) for label in own])


@require_GET
def index(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """A page of a comparison's pairs, the closest first."""
    way = access(request.user, project)
    chosen = queries.comparison(way.project, comparison)
    row, known, distance = threshold_in(request, chosen)
    cell = cell_in(request, chosen)
    show, differ = request.GET.get("show", ""), request.GET.get("differ") == "1"
    keypoints = request.GET.get("keypoints", "")
    found = queries.pairs(
        chosen,
        signal_id=row.signal_id,
        max_distance=distance,
        cell=cell,
        show=show,
        labels_differ=differ,
        keypoints=keypoints,
        after=PairKey.parse(request.GET.get("after", "")),
        limit=PAGE,
    )
    more, found = len(found) > PAGE, found[:PAGE]
    state = {
        "signal": known.name,
        "t": f"{distance:g}",
        "cell": cell_text(cell),
        "show": show,
        "differ": "1" if differ else "",
        "keypoints": keypoints,
    }
    looked = queries.verifications_of(found)
    names = {dataset.pk: dataset for dataset in chosen.datasets.all()}
    summary = queries.summary(chosen, row.signal_id)
    context: dict[str, Any] = {
        "project": way.project,
        "access": way,
        "section": "overlap",
        "comparison": chosen,
        "title": charts.title(chosen),
        "known": known,
        "t": known.scale.number(distance),
        "largest": known.scale.number(row.max_distance),
        "signals": [(each, signal(each.signal.name)) for each in chosen.signals.all()],
        "cells": [(cell_text(each), cell_name(each, names)) for each in queries.cells(chosen)],
        "chosen_cell": state["cell"],
        "shows": SHOWS.items(),
        "show": show,
        "differ": differ,
        "keypoints_shows": KEYPOINTS.items(),
        "keypoints": keypoints,
        "pairs": [(pair, *SideLabels.both(pair), looked.get((pair.a.pk, pair.b.pk), ())) for pair in found],
        "total": None if summary is None or show or differ or keypoints else _total(summary.curve, distance, cell),
        "first_page": not request.GET.get("after"),
        "next": address_of({**state, "after": str(found[-1].key)}) if more else "",
        "first": address_of(state),
        "dashboard": address_of({"signal": known.name, "t": f"{distance:g}"}),
        # The review's own default is what is not judged yet; there "all" has a name.
        "review": address_of({**state, "show": show or "all", "differ": "", "keypoints": ""}),
        "may_judge": way.may(Membership.Role.ANNOTATOR),
    }
    return render(request, "analysis/pairs.html", context)


def _total(curve: charts.Curve, distance: float, cell: Cell | None) -> int:
    """How many pairs the whole list has, from the stored overlap."""
    step = charts.step_at(curve, distance)
    if cell is None:
        return charts.pairs_at(curve, step)
    positions = {pk: position for position, pk in enumerate(curve["datasets"])}
    if cell.a not in positions or cell.b not in positions:
        return 0
    return charts.at(curve["pairs"][positions[cell.a]][positions[cell.b]], step)


@require_GET
def detail(request: HttpRequest, project: str, a: int, b: int) -> HttpResponse:
    """One pair: both pictures, every distance, keypoints, what differs, and what was said of it."""
    way = access(request.user, project)
    one, other = canonical(*queries.pair_images(way.project, a, b))
    if (one.pk, other.pk) != (a, b):
        query = request.META.get("QUERY_STRING", "")
        return redirect(reverse("pair", args=[project, one.pk, other.pk]) + (f"?{query}" if query else ""))
    images = queries.images_by_id([one.pk, other.pk])
    one, other = images[one.pk], images[other.pk]
    said = list(queries.verdicts(one, other))
    decided = queries.decision(one, other)
    standing = queries.standing_stacks(reversed(said))
    person = request.user.pk or 0
    own = standing.get(person, [])
    # As in the review: who may judge is not led by what others said before they have judged.
    blind = way.may(Membership.Role.ANNOTATOR) and not own
    shown = [verdict for verdict in said if not blind or verdict.annotator_id == person]
    sides = SideLabels.both(PairRow(one, other, 0, ""))
    context: dict[str, Any] = {
        "project": way.project,
        "access": way,
        "section": "overlap",
        "sides": list(zip((one, other), sides, strict=True)),
        "one": one,
        "other": other,
        "facts": _facts(one, other),
        "differences": differences(one, other),
        "choice": decided.choice if decided and not blind else "",
        "choice_title": Choice(decided.choice).label if decided and not blind else "not judged by you" if said else "",
        "accepted": decided is not None and decided.choice in ACCEPTED,
        "history": [(verdict, _stands(verdict, standing)) for verdict in shown],
        "held_back": len(said) - len(shown),
        "chosen": own[-1].choice if own else "",
        "own": own[-1] if own else None,
        "choices": CHOICES,
        "may_judge": way.may(Membership.Role.ANNOTATOR),
        **evidence.of_pair(request, one, other),
        **_place(request, way.project, one, other),
    }
    return render(request, "analysis/pair.html", context)


def _stands(verdict: Verdict, standing: dict[int, list[Verdict]]) -> bool:
    """Whether it is what its annotator says now."""
    stack = standing.get(verdict.annotator_id, [])
    return bool(stack) and stack[-1].pk == verdict.pk


def _facts(one: Image, other: Image) -> list[tuple[str, str, str]]:
    """What is known of both pictures, one beside the other."""

    def size(image: Image) -> str:
        return f"{image.width:,} × {image.height:,} px" if image.width and image.height else ""

    def kind(image: Image) -> str:
        return " ".join(filter(None, [image.format, f"({image.mode})" if image.mode else ""]))

    rows = [
        ("Path", one.path, other.path),
        ("Size", size(one), size(other)),
        ("Format", kind(one), kind(other)),
    ]
    return [row for row in rows if row[1] or row[2]]


def _place(request: HttpRequest, project: Any, one: Image, other: Image) -> dict[str, Any]:
    """The comparison that the person came from, and this pair's place in its review."""
    asked = number_in(request, "in")
    if not asked:
        return {}
    found = queries.comparison(project, asked)
    row = queries.chosen_signal(found, request.GET.get("signal", ""))
    place: dict[str, Any] = {"comparison": found, "comparison_title": charts.title(found)}
    pair = queries.pair_row(found, signal_id=row.signal_id, a=one.pk, b=other.pk)
    if pair is not None:
        distance = max(pair.distance, queries.usual_distance(row))
        state = {"signal": row.signal.name, "t": f"{distance:g}"}
        place["review"] = address_of({**state, "show": "all", "at": str(pair.key)})
        place["list"] = address_of(state)
    return place
