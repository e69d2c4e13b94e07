"""A second look at the pairs of a comparison: what to look at, how far it is, what came of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from analysis import charts, queries, tasks, workspace
from analysis.core.errors import AnalysisError
from analysis.core.verifiers import VERIFIERS
from analysis.models import Comparison, ComparisonSignal
from analysis.views.addresses import threshold_in
from analysis.views.pages import person, progress
from analysis.workspace import MOST_LOOKS
from catalog.jobs import queue
from catalog.models import Membership
from catalog.queries import access

USUAL = "orb-1"


@require_safe
def box(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """The part of a comparison's page that asks for a look; the address names signal, distance and verifier."""
    way = access(request.user, project)
    found = queries.comparison(way.project, comparison)
    row, known, distance = threshold_in(request, found)
    verifier = VERIFIERS[request.GET.get("verifier", "") or USUAL]
    running = queries.verification_runs(way.project).filter(comparison=found).first()
    context = {
        "project": way.project,
        "comparison": found,
        "known": known,
        "t": distance,
        "verifier": verifier,
        "verifiers": list(VERIFIERS.values()),
        "run": running if running and not (running.is_over and running.status == "done") else None,
        "may_look": way.may(Membership.Role.ANNOTATOR),
        **_state(found, row, distance, verifier.name),
    }
    return render(request, "analysis/verify_box_body.html", context)


def _state(comparison: Comparison, row: ComparisonSignal, distance: float, verifier: str) -> dict[str, Any]:
    """How far the verifier is with the pairs up to the distance; where they are too many, only that."""
    summary = queries.summary(comparison, row.signal_id)
    pairs = 0 if summary is None else charts.pairs_at(summary.curve, charts.step_at(summary.curve, distance))
    if pairs > MOST_LOOKS:
        return {"too_many": pairs, "most": MOST_LOOKS}
    state = queries.verified(
        comparison,
        signal_id=row.signal_id,
        max_distance=distance,
        verifier=verifier,
        inliers=VERIFIERS[verifier].default_inliers,
    )
    return {"state": state, "open": state.pairs - state.looked_at, "pairs": pairs}


@require_POST
def begin(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """Have a verifier look at the pairs up to a distance, in a worker. For annotators."""
    way = access(request.user, project, Membership.Role.ANNOTATOR)
    found = queries.comparison(way.project, comparison)
    asked = request.POST.get("t", "")
    try:
        distance = float(asked) if asked else None
    except ValueError:
        raise AnalysisError(f"“{asked}” is no distance.", remedy="Give a number.") from None
    run = workspace.request_verification(
        comparison=found,
        verifier=request.POST.get("verifier", ""),
        by=person(request),
        signal_name=request.POST.get("signal", ""),
        max_distance=distance,
    )
    queue(tasks.run_verification, run.pk)
    query = urlencode({"signal": run.signal.name, "t": f"{run.max_distance:g}", "verify": 1})
    return redirect(f"{reverse('comparison', args=[project, comparison])}?{query}#verify")


@require_safe
def status(request: HttpRequest, project: str, run: int) -> HttpResponse:
    """How far a run is, for the page to poll; when it is over, the page is to load anew."""
    way = access(request.user, project)
    return progress(request, queries.verification_run(way.project, run))
