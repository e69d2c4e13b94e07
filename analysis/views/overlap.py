"""The overlap dashboard: a comparison under one signal at one threshold, and the data its script redraws from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from analysis import charts, queries
from analysis.core.overlap import DEFINITION
from analysis.models import Comparison, ComparisonSignal, Summary
from analysis.models.review import ACCEPTED, Choice
from analysis.pipeline.summarise import confirmed
from analysis.signals import KnownSignal, signal
from analysis.views.addresses import threshold_in
from catalog.models import Dataset, Membership
from catalog.queries import Access, access

COUNTS = {"found": "found", "confirmed": "confirmed"}
CLOSEST = 8
KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Look:
    """What an address of the dashboard asks for.

    Attributes:
        way: the person's way into the project.
        comparison: with datasets and signals.
        row: the chosen signal, with the largest distance explored.
        known: the chosen signal.
        distance: the threshold.
        count: a key of `COUNTS`.
        summary: the stored overlap; None while it has not been computed.
    """

    way: Access
    comparison: Comparison
    row: ComparisonSignal
    known: KnownSignal
    distance: float
    count: str
    summary: Summary | None

    @classmethod
    def read(cls, request: HttpRequest, project: str, comparison: int) -> Look:
        """The look that an address asks for; what it leaves out has defaults.

        Raises:
            AnalysisError: an unknown signal, or a threshold that is no distance.
        """
        way = access(request.user, project)
        chosen = queries.comparison(way.project, comparison)
        row, known, distance = threshold_in(request, chosen)
        count = request.GET.get("count", "")
        return cls(
            way,
            chosen,
            row,
            known,
            distance,
            count if count in COUNTS else "found",
            queries.summary(chosen, row.signal_id),
        )

    def curve(self, summary: Summary) -> charts.Curve:
        """The overlap that is shown: by all pairs found, or by accepted pairs alone, whatever their distance."""
        return _confirmed(self.comparison) if self.count == "confirmed" else summary.curve

    def datasets(self, curve: charts.Curve) -> list[Dataset]:
        """The datasets of a curve in its order; one that was deleted since keeps its place."""
        by_id = {dataset.pk: dataset for dataset in self.comparison.datasets.all()}
        return [
            by_id.get(pk) or Dataset(pk=pk, name="deleted dataset", slug="", position=n)
            for n, pk in enumerate(curve["datasets"])
        ]

    def judged(self) -> list[tuple[str, float, int]]:
        """Verdict, distance and count of the judged pairs."""
        return queries.judged_by_distance(
            self.comparison, signal_id=self.row.signal_id, max_distance=self.row.max_distance
        )


def _confirmed(comparison: Comparison) -> dict[str, Any]:
    # Counted anew only when something was said, or images came or went.
    sizes = "-".join(f"{dataset.pk}.{dataset.image_count}" for dataset in comparison.datasets.all())
    key = f"confirmed:{comparison.pk}:{queries.last_verdict()}:{sizes}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        found = confirmed(comparison)
        cache.set(key, found, 300)
    return found


@require_GET
def dashboard(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """The page. Its numbers are rendered here for the address's state; the script takes over from there."""
    look = Look.read(request, project, comparison)
    context: dict[str, Any] = {
        "project": look.way.project,
        "access": look.way,
        "section": "overlap",
        "comparison": look.comparison,
        "title": charts.title(look.comparison),
        "may_edit": look.way.may(Membership.Role.EDITOR),
        "signals": [(row, signal(row.signal.name)) for row in look.comparison.signals.all()],
        "known": look.known,
        "row": look.row,
        "failed": [(row, signal(row.signal.name)) for row in look.comparison.signals.all() if row.error],
    }
    if look.summary is not None:
        context |= _numbers(look, look.summary)
    return render(request, "analysis/comparison.html", context)


def _numbers(look: Look, summary: Summary) -> dict[str, Any]:
    curve = look.curve(summary)
    step = charts.step_at(curve, look.distance)
    datasets = look.datasets(curve)
    now = charts.overlap(curve, step, datasets, queries.cells(look.comparison))
    found = charts.pairs_at(summary.curve, charts.step_at(summary.curve, look.distance))
    judged = Counter[str]()
    for choice, distance, n in look.judged():
        if distance <= look.distance:
            judged[choice] += n
    sets = len(datasets)
    lacking = queries.without_descriptor(look.comparison, look.known)
    closest = queries.pairs(
        look.comparison,
        signal_id=look.row.signal_id,
        max_distance=look.row.max_distance,
        show="accepted" if look.count == "confirmed" else "",
        limit=CLOSEST,
    )[:CLOSEST]
    return {
        "summary": summary,
        "now": now,
        "t": look.known.scale.number(look.distance),
        "largest": look.known.scale.number(look.row.max_distance),
        "count": look.count,
        "counts": COUNTS.items(),
        "histogram": charts.histogram(summary.curve),
        "steps": len(summary.curve["steps"]),
        "slider_step": charts.slider_step(summary.curve),
        "found": found,
        "judged": sum(judged.values()),
        "open": max(found - sum(judged.values()), 0),
        "accepted": sum(judged[choice] for choice in ACCEPTED),
        "judged_text": charts.verdicts_text(judged),
        "compared": queries.possible_pairs(look.comparison, lacking),
        "lacking": [(dataset, lacking[dataset.pk]) for dataset in datasets if dataset.pk in lacking],
        "closest": closest,
        "definition": DEFINITION,
        # Pairs inside datasets alone say nothing of what datasets share.
        "has_sets": sets > 1 and look.comparison.scope != Comparison.Scope.WITHIN,
        "has_venn": sets in (2, 3),
        "config": {
            "t": look.distance,
            "count": look.count,
            "scale": charts.scale_config(look.known.scale),
            "steps": summary.curve["steps"],
            "accepted": list(ACCEPTED),
            "titles": dict(Choice.choices),
            "mostLabels": charts.MOST_LABELS,
            "tint": charts.TINT,
            "cells": [[cell.a, cell.b] for cell in queries.cells(look.comparison)],
            "datasets": [
                {"id": dataset.pk, "name": dataset.name, "color": f"var(--d{dataset.color})"} for dataset in datasets
            ],
        },
    }


@require_GET
def curve(request: HttpRequest, project: str, comparison: int) -> HttpResponse:
    """The overlap at every threshold as JSON: `found` and `shown` curves, `venn` of the shown one, and `judged`."""
    look = Look.read(request, project, comparison)
    if look.summary is None:
        return JsonResponse({"message": "The overlap has not been computed yet."}, status=404)
    shown = look.curve(look.summary)
    answer = {
        "curve": shown,
        "found": charts.pairs_by_step(look.summary.curve),
        "judged": look.judged(),
        "venn": _venn(look, look.summary, shown),
    }
    response = JsonResponse(answer)
    response["Cache-Control"] = "private, no-cache"
    return response


def _venn(look: Look, summary: Summary, shown: charts.Curve) -> dict[str, Any] | None:
    if look.count == "confirmed":
        return charts.venn_steps(shown)
    key = f"venn:{summary.pk}:{summary.computed_at.timestamp()}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        found = charts.venn_steps(shown)
        cache.set(key, found, KEPT_SECONDS)
    return found
