"""Review of the pairs on which two models differ most: the same desk and keys, another queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from analysis import queries
from analysis.models import ModelComparison
from analysis.queries import SIDES, DifferentPair, Measured, PairKey, PairRow
from analysis.signals import KnownSignal
from analysis.views.addresses import address_of
from analysis.views.models import narrowed, side_models, title_of
from analysis.views.review import answers_json, batch, desk
from analysis.views.review_rows import evidence
from analysis.views.review_scope import Evidence, show_from
from catalog.models import Project
from catalog.queries import access


@dataclass(frozen=True, slots=True)
class DifferentPairsScope:
    """The pairs that one model finds near and the other far, the most different first (see `review_scope.Scope`).

    Attributes:
        comparison: of the two models.
        side: one of `SIDES`.
        show: a key of `SHOWS`.
        pairs: all pairs of the side.
    """

    comparison: ModelComparison
    side: str
    show: str
    pairs: list[DifferentPair]

    @classmethod
    def read(cls, request: HttpRequest, comparison: ModelComparison) -> DifferentPairsScope:
        """The scope that an address asks for: `near`, the side, and `show`.

        Raises:
            AnalysisError: an unknown side or filter, or a comparison that is not computed.
        """
        side = request.GET.get("near") or SIDES[0]
        show = show_from(request)
        return cls(comparison, side, show, queries.different_pairs(comparison, side))

    @property
    def project(self) -> Project:
        """See `Scope`."""
        return self.comparison.project

    @property
    def name(self) -> str:
        """See `Scope`."""
        return title_of(self.comparison)

    @property
    def said(self) -> str:
        """See `Scope`."""
        near, far = self._models
        return f"Near under {near.title}, far under {far.title}"

    @property
    def signal_name(self) -> str:
        """See `Scope`: that of the model that finds them near."""
        return self._models[0].name

    @property
    def form(self) -> str:
        """See `Scope`."""
        return "analysis/review_scope_models.html"

    def choices(self) -> dict[str, Any]:
        """See `Scope`."""
        return {"sides": [(side, *side_models(self.comparison, side)) for side in SIDES]}

    def address(self, **changed: str) -> str:
        """See `Scope`."""
        return address_of({"near": self.side, "show": self.show, **changed})

    def page(self, *, after: PairKey | None, limit: int) -> list[PairRow]:
        """See `Scope`."""
        rows = [pair.row for pair in narrowed(self.pairs, self.show)]
        if after is not None:
            rows = [row for row in rows if row.distance > after.distance]
        return rows[: limit + 1]

    def pair(self, key: PairKey) -> PairRow | None:
        """See `Scope`."""
        return next((pair.row for pair in self.pairs if (pair.row.a.pk, pair.row.b.pk) == (key.a, key.b)), None)

    def counts(self) -> dict[str, Any]:
        """See `Scope`."""
        judged: dict[str, int] = {}
        for pair in self.pairs:
            if pair.row.choice:
                judged[pair.row.choice] = judged.get(pair.row.choice, 0) + 1
        near, far = self._models
        found = self.comparison.result[f"near_{self.side}"]["found"]
        all_of = f"all pairs that are near under {near.title} and far under {far.title}"
        return {
            "total": len(self.pairs),
            "judged": judged,
            "within": "in this list",
            "none": f"What is near under {near.title} is near under {far.title}, too.",
            "beyond": f"These are {all_of}."
            if len(self.pairs) >= found
            else f"These are the most different {len(self.pairs):,} of {all_of}: {found:,}.",
            "further": None,
        }

    def evidence(self, rows: Sequence[PairRow]) -> Evidence:
        """See `Scope`: similarity and ranks under both models."""
        wanted = {(row.a.pk, row.b.pk) for row in rows}
        near, far = self._models
        others = self.comparison.result["images"] - 1
        return {
            key: (
                _evidence(near, pair.near_distance, pair.near, others),
                _evidence(far, pair.far_distance, pair.far, others),
            )
            for pair in self.pairs
            if (key := (pair.row.a.pk, pair.row.b.pk)) in wanted
        }

    @property
    def queue_url(self) -> str:
        """See `Scope`."""
        return self._url("model-review-queue")

    @property
    def links(self) -> dict[str, str]:
        """See `Scope`."""
        shown = address_of({"near": self.side, "show": self.show})
        return {
            "review": self._url("model-review"),
            "list": f"{self._url('model-pairs')}?{shown}",
            "origin": self._url("model-comparison"),
            "origin_title": "How the models agree",
        }

    @property
    def _models(self) -> tuple[KnownSignal, KnownSignal]:
        return side_models(self.comparison, self.side)

    def _url(self, name: str) -> str:
        return reverse(name, args=[self.project.slug, self.comparison.pk])


def _evidence(known: KnownSignal, distance: float, ranks: tuple[int, int], others: int) -> dict[str, Any]:
    note = f"rank {ranks[0]:,} and {ranks[1]:,} of {others:,}, seen from the first image and from the second"
    return evidence(Measured(known, distance, None), note=note)


@never_cache
@ensure_csrf_cookie
@require_GET
def page(request: HttpRequest, project: str, model_comparison: int) -> HttpResponse:
    """The review page of the pairs on which two models differ, with the first batch in it."""
    way = access(request.user, project)
    found = queries.model_comparison(way.project, model_comparison)
    if found.status != ModelComparison.Status.DONE:
        return redirect("model-comparison", project, model_comparison)
    return desk(request, way, DifferentPairsScope.read(request, found))


@never_cache
@require_GET
@answers_json
def queue(request: HttpRequest, project: str, model_comparison: int) -> HttpResponse:
    """A batch of these pairs as JSON, as `review.batch` says."""
    way = access(request.user, project)
    found = queries.model_comparison(way.project, model_comparison)
    return batch(request, way, DifferentPairsScope.read(request, found))
