"""Review: the page of the queue, the queue's batches, verdicts, and the choice of what to review."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from math import ceil
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from analysis import queries
from analysis.core.errors import AnalysisError
from analysis.core.scales import snapped
from analysis.models import Comparison, ComparisonSignal
from analysis.models.review import Choice
from analysis.pipeline import review
from analysis.queries import Cell, PairKey, PairRow
from analysis.signals import KnownSignal, signal
from analysis.views.review_rows import describe, history
from catalog.core.errors import CatalogError, NotAllowed
from catalog.models import Image, Membership
from catalog.queries import access

BATCH = 20
AHEAD = 40
"""Pairs of the queue that one verdict may ask after."""

SHOWS = {
    "open": "Not judged yet",
    "all": "All pairs",
    "accepted": "Accepted",
    "rejected": "Rejected",
    **{choice.value: choice.label for choice in review.GIVEN},
}
"""What the queue can be narrowed to, as the address says it."""

HELP = {
    Choice.SAME_IMAGE: "One picture, perhaps resized, recompressed or recoloured.",
    Choice.SAME_OBJECT: "Another photograph or reproduction of the same object.",
    Choice.DETAIL: "One shows a part of what the other shows.",
    Choice.RELATED: "Another version, copy or frame, but not the same object.",
    Choice.DIFFERENT: "They have nothing to do with each other.",
    Choice.UNSURE: "It cannot be told from these pictures.",
}
CHOICES = [
    {"key": str(n), "value": choice.value, "title": choice.label, "help": HELP[choice]}
    for n, choice in enumerate(review.GIVEN, 1)
]
"""The verdicts with their keys, for `analysis/_verdict_buttons.html`."""

P = ParamSpec("P")


def _answers_json(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Give domain errors to a script as JSON, where the middleware would give a page."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (AnalysisError, CatalogError) as error:
            status = 403 if isinstance(error, NotAllowed) else 422
            return JsonResponse({"message": error.message, "remedy": error.remedy}, status=status)

    return wrapped


@dataclass(frozen=True, slots=True)
class Scope:
    """What a review's address asks for.

    Attributes:
        comparison: whose pairs.
        row: the signal, with the largest distance explored.
        threshold: the largest distance asked for.
        cell: only pairs of these two datasets.
        show: a key of `SHOWS`.
    """

    comparison: Comparison
    row: ComparisonSignal
    threshold: float
    cell: Cell | None
    show: str

    @classmethod
    def read(cls, request: HttpRequest, comparison: Comparison) -> Scope:
        """The scope that an address asks for; what it leaves out has defaults.

        Raises:
            AnalysisError: an unknown signal or filter, a threshold that is no number, a cell that is not covered.
        """
        row = queries.chosen_signal(comparison, request.GET.get("signal", ""))
        show = request.GET.get("show") or "open"
        if show not in SHOWS:
            raise AnalysisError(f"There is no filter “{show}”.", remedy=f"There are: {', '.join(SHOWS)}.")
        asked = request.GET.get("t", "")
        try:
            threshold = float(asked) if asked else usual_threshold(row)
        except ValueError:
            raise AnalysisError(f"“{asked}” is no distance.", remedy="Give a number, such as 8.") from None
        # Beyond what was explored there may be pairs that nobody has looked for.
        threshold = snapped(signal(row.signal.name).scale, threshold, row.max_distance)
        return cls(comparison, row, threshold, cls._cell(request.GET.get("cell", ""), comparison), show)

    @staticmethod
    def _cell(text: str, comparison: Comparison) -> Cell | None:
        if not text:
            return None
        try:
            a, b = sorted(int(part) for part in text.split(","))
        except ValueError:
            raise AnalysisError(f"“{text}” is no pair of datasets.", remedy="Choose one in the list.") from None
        if Cell(a, b) not in queries.cells(comparison):
            raise AnalysisError("The comparison does not cover pairs of these two datasets.")
        return Cell(a, b)

    def address(self, **changed: str) -> str:
        """The scope as a query string, with something changed."""
        values = {
            "signal": self.row.signal.name,
            "t": self.known.scale.number(self.threshold),
            "cell": f"{self.cell.a},{self.cell.b}" if self.cell else "",
            "show": self.show,
            **changed,
        }
        return urlencode({key: value for key, value in values.items() if value}, safe=",")

    @property
    def known(self) -> KnownSignal:
        """The signal."""
        return signal(self.row.signal.name)

    @property
    def filter(self) -> str:
        """The filter as lists of pairs name it."""
        return "" if self.show == "all" else self.show

    @property
    def _within(self) -> dict[str, Any]:
        return {"signal_id": self.row.signal_id, "max_distance": self.threshold, "cell": self.cell}

    def page(self, *, after: PairKey | None, limit: int) -> list[PairRow]:
        """Pairs of the queue in order, one more than `limit` where there are more."""
        return queries.pairs(self.comparison, **self._within, show=self.filter, after=after, limit=limit)

    def pair(self, key: PairKey) -> PairRow | None:
        """One pair of the comparison, whether the filter would show it or not."""
        return queries.pair_row(self.comparison, signal_id=self.row.signal_id, a=key.a, b=key.b)

    def counts(self) -> dict[str, Any]:
        """How many pairs there are, how many have which decision, and what lies beyond the threshold."""
        total = queries.pair_total(self.comparison, **self._within)
        found = {
            "total": total,
            "judged": queries.judged_counts(self.comparison, **self._within),
            "threshold": self.threshold,
            "threshold_words": self.known.words(self.threshold),
            "explored": self.known.words(self.row.max_distance),
            "further": None,
        }
        beyond = queries.distance_with_more(
            self.comparison,
            signal_id=self.row.signal_id,
            beyond=self.threshold,
            max_distance=self.row.max_distance,
            cell=self.cell,
        )
        if beyond is not None:
            scale = self.known.scale
            beyond = min(
                scale.threshold(round(ceil(beyond / scale.step - 1e-6) * scale.step, 6)), self.row.max_distance
            )
            within = {**self._within, "max_distance": beyond}
            more = queries.pair_total(self.comparison, **within) - total
            found["further"] = {
                "words": scale.words(beyond),
                "pairs": more,
                "query": self.address(t=scale.number(beyond)),
            }
        return found


def usual_threshold(row: ComparisonSignal) -> float:
    """The distance at which a review begins: the signal's usual one, as far as it was explored."""
    return min(signal(row.signal.name).default_distance, row.max_distance)


@never_cache
@ensure_csrf_cookie
@require_GET
def page(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """The review page, with the first batch in it."""
    way = access(request.user, project)
    chosen = queries.comparison(way.project, comparison)
    if chosen.status != Comparison.Status.DONE and not chosen.summaries.exists():
        return redirect("comparison", project, comparison)
    scope = Scope.read(request, chosen)
    may_judge = way.may(Membership.Role.ANNOTATOR)
    at = _pair_of(request.GET.get("at", ""))
    names = {dataset.pk: dataset.name for dataset in chosen.datasets.all()}
    known = signal(scope.row.signal.name)
    kwargs = {"project": project, "comparison": comparison}
    config = {
        "user": request.user.pk,
        "mayJudge": may_judge,
        "show": scope.show,
        "signal": scope.row.signal.name,
        "scope": scope.address(),
        "queue": reverse("review-queue", kwargs=kwargs),
        "withdraw": reverse("verdict-withdraw", args=[project, 0]),
        "signIn": reverse("sign-in"),
        "choices": CHOICES,
        "counts": scope.counts(),
        "batch": _batch(request, way.may, scope, after=None, at=at),
        "links": {
            "list": f"{reverse('pairs', kwargs=kwargs)}?{scope.address(show=scope.filter)}",
            "overlap": reverse("comparison", kwargs=kwargs),
            "split": reverse("split-new", args=[project]),
            "reviews": reverse("review-index", args=[project]),
            "review": reverse("review", kwargs=kwargs),
            "open": scope.address(show="open"),
        },
    }
    context = {
        "project": way.project,
        "access": way,
        "section": "review",
        "comparison": chosen,
        "scope": scope,
        "known": known,
        "signals": [
            (row, each.title, each.scale.number(usual_threshold(row)), each.words(row.max_distance))
            for row in chosen.signals.all()
            for each in [signal(row.signal.name)]
        ],
        "cells": [(cell, _cell_name(cell, names)) for cell in queries.cells(chosen)],
        "cell_name": _cell_name(scope.cell, names) if scope.cell else "All datasets",
        "shows": SHOWS.items(),
        "show_title": SHOWS[scope.show],
        "may_judge": may_judge,
        "choices": CHOICES,
        "config": config,
    }
    return render(request, "analysis/review.html", context)


@never_cache
@require_GET
@_answers_json
def queue(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """A batch of the queue as JSON: `rows`, `next` (the key to ask with as `after`; null at the end) and,
    with `counts=1`, `counts`. With `at` the batch begins with that pair, whatever was said of it.
    """
    way = access(request.user, project)
    scope = Scope.read(request, queries.comparison(way.project, comparison))
    after, at = PairKey.parse(request.GET.get("after", "")), _pair_of(request.GET.get("at", ""))
    batch = _batch(request, way.may, scope, after=after, at=at)
    if request.GET.get("counts"):
        batch["counts"] = scope.counts()
    return JsonResponse(batch)


@require_POST
@_answers_json
def judge(request: HttpRequest, project: str, a: int, b: int) -> HttpResponse:
    """Append a verdict. JSON in, JSON out; a form is answered with the pair's page.

    JSON in: `choice`, `note`, `seconds`, and `ahead`, the pairs ("a-b") that come next in the queue. Out: `verdict`
    (its id), `decision`, `mine`, `history`, and `decided`, those of `ahead` that others have decided meanwhile.
    """
    way = access(request.user, project, Membership.Role.ANNOTATOR)
    one, other = queries.pair_images(way.project, a, b)
    said = _body(request) if request.content_type == "application/json" else request.POST.dict()
    seconds = said.get("seconds") or None
    if seconds is not None and not isinstance(seconds, int | float):
        raise AnalysisError("Seconds are a number.")
    asked = said.get("ahead")
    ahead = [_ids(pair) for pair in asked[:AHEAD]] if isinstance(asked, list) else []
    verdict = review.judge(
        one=one,
        other=other,
        annotator=_person(request),
        choice=str(said.get("choice", "")),
        note=str(said.get("note") or ""),
        seconds=seconds,
    )
    if request.content_type != "application/json":
        return redirect("pair", project, verdict.image_a_id, verdict.image_b_id)
    return JsonResponse(
        {
            "verdict": verdict.pk,
            "decided": [f"{a}-{b}" for a, b in queries.decided_among(way.project, ahead)],
            **_state(request, verdict.image_a, verdict.image_b),
        }
    )


@require_POST
@_answers_json
def withdraw(request: HttpRequest, project: str, verdict: int) -> HttpResponse:
    """Take one's own verdict back. A form is answered with the pair's page, a script with what holds now."""
    way = access(request.user, project, Membership.Role.ANNOTATOR)
    given = queries.verdict(way.project, verdict)
    review.withdraw(verdict=given, annotator=_person(request))
    if request.content_type != "application/json":
        return redirect("pair", project, given.image_a_id, given.image_b_id)
    return JsonResponse(_state(request, given.image_a, given.image_b))


@require_GET
def index(request: HttpRequest, project: str) -> HttpResponse:
    """What there is to review: every comparison with each of its signals."""
    way = access(request.user, project)
    comparisons = list(queries.comparisons(way.project))
    asked = [(each, row, usual_threshold(row)) for each in comparisons for row in each.signals.all()]
    states = queries.review_states(asked)
    entries = []
    for each in comparisons:
        rows = [
            {
                "state": state,
                "title": signal(state.row.signal.name).title,
                "up_to": signal(state.row.signal.name).words(state.threshold),
                "share": 100 * state.judged / state.total if state.total else 0,
                "query": urlencode({"signal": state.row.signal.name, "t": f"{state.threshold:g}"}),
            }
            for state in states
            if state.comparison.pk == each.pk
        ]
        entries.append({"comparison": each, "datasets": each.datasets.all(), "rows": rows})
    first = next((state for state in states if state.left), None)
    context = {
        "project": way.project,
        "access": way,
        "section": "review",
        "entries": entries,
        "first": first,
        "may_judge": way.may(Membership.Role.ANNOTATOR),
        "may_compare": way.may(Membership.Role.EDITOR),
    }
    return render(request, "analysis/review_index.html", context)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # the login middleware lets no one else in
    return request.user


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        said = json.loads(request.body)
    except ValueError:
        raise AnalysisError("The request is no JSON.") from None
    if not isinstance(said, dict):
        raise AnalysisError("The request is no JSON object.")
    return said


def _ids(pair: object) -> tuple[int, int]:
    try:
        a, b = str(pair).split("-")
        return int(a), int(b)
    except ValueError:
        raise AnalysisError(f"“{pair}” is no pair.") from None


def _pair_of(text: str) -> PairKey | None:
    """The pair that an address names; none where it makes no sense, since old links should still open the queue."""
    try:
        return PairKey.parse(text)
    except AnalysisError:
        return None


def _cell_name(cell: Cell, names: dict[int, str]) -> str:
    return f"within {names[cell.a]}" if cell.a == cell.b else f"{names[cell.a]} – {names[cell.b]}"


def _batch(
    request: HttpRequest, may: Callable[[str], bool], scope: Scope, *, after: PairKey | None, at: PairKey | None
) -> dict[str, Any]:
    first = scope.pair(at) if at else None
    if first is not None:
        after = first.key
    rows = scope.page(after=after, limit=BATCH)
    more, rows = len(rows) > BATCH, rows[:BATCH]
    following = str(rows[-1].key) if more else None
    rows = [first, *rows] if first is not None else rows
    # Who may judge should not be led by what others said; who may only look sees all of it.
    blind = may(Membership.Role.ANNOTATOR)
    project = scope.comparison.project.slug
    return {
        "rows": describe(rows, project=project, person=_person(request).pk, blind=blind, signal=scope.row.signal.name),
        "next": following,
        "from": str(first.key) if first is not None else None,
    }


def _state(request: HttpRequest, a: Image, b: Image) -> dict[str, Any]:
    """What holds of a pair after the person's own word, with what others said of it."""
    decided = queries.decision(a, b)
    said = list(reversed(queries.verdicts(a, b)))
    return {
        "decision": decided.choice if decided else "",
        **history(said, person=_person(request).pk, blind=True),
    }
