"""Review: the page of the queue, the queue's batches, and verdicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from analysis import queries
from analysis.core.errors import AnalysisError
from analysis.models import Comparison
from analysis.models.review import Choice
from analysis.pipeline import review
from analysis.queries import PairKey
from analysis.views.pages import person
from analysis.views.review_rows import describe, history
from analysis.views.review_scope import SHOWS, ComparisonScope, Scope
from catalog.core.errors import CatalogError, NotAllowed
from catalog.models import Image, Membership
from catalog.queries import Access, access

BATCH = 20
AHEAD = 40
"""Pairs of the queue that one verdict may ask after."""

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


def answers_json(
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


@never_cache
@ensure_csrf_cookie
@require_GET
def page(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """The review page of a comparison's pairs, with the first batch in it."""
    way = access(request.user, project)
    chosen = queries.comparison(way.project, comparison)
    if chosen.status != Comparison.Status.DONE and not chosen.summaries.exists():
        return redirect("comparison", project, comparison)
    return desk(request, way, ComparisonScope.read(request, chosen))


def desk(request: HttpRequest, way: Access, scope: Scope) -> HttpResponse:
    """The page on which the pairs of a scope are judged; the one pair that `at` names comes first."""
    may_judge = way.may(Membership.Role.ANNOTATOR)
    at = _pair_of(request.GET.get("at", ""))
    config = {
        "user": request.user.pk,
        "mayJudge": may_judge,
        "show": scope.show,
        "signal": scope.signal_name,
        "scope": scope.address(),
        "queue": scope.queue_url,
        "withdraw": reverse("verdict-withdraw", args=[way.project.slug, 0]),
        "signIn": reverse("sign-in"),
        "choices": CHOICES,
        "counts": scope.counts(),
        "batch": _batch(request, way, scope, after=None, at=at),
        "links": {
            "split": reverse("split-new", args=[way.project.slug]),
            "reviews": reverse("review-index", args=[way.project.slug]),
            "open": scope.address(show="open"),
            **scope.links,
        },
    }
    context = {
        "project": way.project,
        "access": way,
        "section": "review",
        "scope": scope,
        "shows": SHOWS.items(),
        "show_title": SHOWS[scope.show],
        "may_judge": may_judge,
        "choices": CHOICES,
        "config": config,
        **scope.choices(),
    }
    return render(request, "analysis/review.html", context)


@never_cache
@require_GET
@answers_json
def queue(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """A batch of a comparison's pairs as JSON, as `batch` says."""
    way = access(request.user, project)
    return batch(request, way, ComparisonScope.read(request, queries.comparison(way.project, comparison)))


def batch(request: HttpRequest, way: Access, scope: Scope) -> JsonResponse:
    """A batch of a scope's queue: `rows`, `next` (the key to ask with as `after`; null at the end) and, with
    `counts=1`, `counts`. With `at` it begins with that pair, whatever was said of it.
    """
    after, at = PairKey.parse(request.GET.get("after", "")), _pair_of(request.GET.get("at", ""))
    found = _batch(request, way, scope, after=after, at=at)
    if request.GET.get("counts"):
        found["counts"] = scope.counts()
    return JsonResponse(found)


@require_POST
@answers_json
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
        annotator=person(request),
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
@answers_json
def withdraw(request: HttpRequest, project: str, verdict: int) -> HttpResponse:
    """Take one's own verdict back. A form is answered with the pair's page, a script with what holds now."""
    way = access(request.user, project, Membership.Role.ANNOTATOR)
    given = queries.verdict(way.project, verdict)
    review.withdraw(verdict=given, annotator=person(request))
    if request.content_type != "application/json":
        return redirect("pair", project, given.image_a_id, given.image_b_id)
    return JsonResponse(_state(request, given.image_a, given.image_b))


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


def _batch(
    request: HttpRequest, way: Access, scope: Scope, *, after: PairKey | None, at: PairKey | None
) -> dict[str, Any]:
    first = scope.pair(at) if at else None
    if first is not None:
        after = first.key
    rows = scope.page(after=after, limit=BATCH)
    more, rows = len(rows) > BATCH, rows[:BATCH]
    following = str(rows[-1].key) if more else None
    rows = [first, *rows] if first is not None else rows
    described = describe(
        rows,
        project=way.project.slug,
        person=person(request).pk,
        # Who may judge should not be led by what others said; who may only look sees all of it.
        blind=way.may(Membership.Role.ANNOTATOR),
        signal=scope.signal_name,
        known=scope.evidence(rows),
    )
    return {"rows": described, "next": following, "from": str(first.key) if first is not None else None}


def _state(request: HttpRequest, a: Image, b: Image) -> dict[str, Any]:
    """What holds of a pair after the person's own word, with what others said of it."""
    decided = queries.decision(a, b)
    said = list(reversed(queries.verdicts(a, b)))
    return {
        "decision": decided.choice if decided else "",
        **history(said, person=person(request).pk, blind=True),
    }
