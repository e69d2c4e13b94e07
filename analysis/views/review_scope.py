"""What is reviewed: the pairs of a comparison up to a distance, or any other queue of pairs in an order of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Protocol

from django.http import HttpRequest
from django.urls import reverse

from analysis import queries
from analysis.core.errors import AnalysisError
from analysis.models import Comparison, ComparisonSignal
from analysis.pipeline.review import GIVEN
from analysis.queries import Cell, PairKey, PairRow
from analysis.signals import KnownSignal, signal
from analysis.views.addresses import address_of, cell_in, cell_name, cell_text, threshold_in
from catalog.models import Dataset, Project

SHOWS = {
    "open": "Not judged yet",
    "all": "All pairs",
    "accepted": "Accepted",
    "rejected": "Rejected",
    **{choice.value: choice.label for choice in GIVEN},
}
"""What a queue can be narrowed to, as the address says it."""

Evidence = Mapping[tuple[int, int], Sequence[dict[str, Any]]]
"""Image ids of a pair → what is to be said of it beside its measurements, as `review_rows.describe` says those."""


class Scope(Protocol):
    """A queue of pairs of one project's images: what the review page, its script and its batches need of it."""

    @property
    def project(self) -> Project:
        """Whose images."""
        ...

    @property
    def name(self) -> str:
        """What the pairs are pairs of, for the page's title."""
        ...

    @property
    def said(self) -> str:
        """Which of them, in a few words: “All datasets, pHash ≤ 8 of 64 bits”."""
        ...

    @property
    def show(self) -> str:
        """A key of `SHOWS`."""
        ...

    @property
    def signal_name(self) -> str:
        """The signal whose evidence stands out."""
        ...

    @property
    def form(self) -> str:
        """The template of the fields that choose another scope; its context is `scope`, `shows` and `choices`."""
        ...

    def choices(self) -> dict[str, Any]:
        """What these fields offer."""
        ...

    def address(self, **changed: str) -> str:
        """The scope as a query string, with something changed."""
        ...

    def page(self, *, after: PairKey | None, limit: int) -> list[PairRow]:
        """Pairs of the queue in order, one more than `limit` where there are more."""
        ...

    def pair(self, key: PairKey) -> PairRow | None:
        """One of the pairs, whether the filter would show it or not; None where it is none of them."""
        ...

    def counts(self) -> dict[str, Any]:
        """How far the review is.

        Returns:
            ``total`` pairs; how many have which decision, ``judged``; where they end, in words, ``within``; what to
            say where there is none, ``none``; and of what lies beyond: ``beyond`` in words, and ``further`` with
            ``words``, ``pairs`` and ``query`` where more can be had at once, else None.
        """
        ...

    def evidence(self, rows: Sequence[PairRow]) -> Evidence:
        """What is known of pairs beside their measurements."""
        ...

    @property
    def queue_url(self) -> str:
        """Where batches come from."""
        ...

    @property
    def links(self) -> dict[str, str]:
        """Addresses: ``review`` without its query, the pairs as ``list``, and ``origin`` with its ``origin_title``."""
        ...


def show_from(request: HttpRequest) -> str:
    """The filter that an address asks for.

    Raises:
        AnalysisError: there is no such filter.
    """
    show = request.GET.get("show") or "open"
    if show not in SHOWS:
        raise AnalysisError(f"There is no filter “{show}”.", remedy=f"There are: {', '.join(SHOWS)}.")
    return show


@dataclass(frozen=True, slots=True)
class ComparisonScope:
    """The pairs of a comparison up to a distance under one signal, the closest first (see `Scope`).

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
    def read(cls, request: HttpRequest, comparison: Comparison) -> ComparisonScope:
        """The scope that an address asks for; what it leaves out has defaults.

        Raises:
            AnalysisError: an unknown signal or filter, a threshold that is no number, a cell that is not covered.
        """
        row, _, threshold = threshold_in(request, comparison)
        return cls(comparison, row, threshold, cell_in(request, comparison), show_from(request))

    @property
    def project(self) -> Project:
        """See `Scope`."""
        return self.comparison.project

    @property
    def name(self) -> str:
        """See `Scope`."""
        return str(self.comparison)

    @property
    def said(self) -> str:
        """See `Scope`."""
        where = cell_name(self.cell, self._datasets) if self.cell else "All datasets"
        return f"{where}, {self.known.title} ≤ {self.known.words(self.threshold)}"

    @property
    def signal_name(self) -> str:
        """See `Scope`."""
        return self.row.signal.name

    @property
    def form(self) -> str:
        """See `Scope`."""
        return "analysis/review_scope_comparison.html"

    def choices(self) -> dict[str, Any]:
        """See `Scope`."""
        return {
            "known": self.known,
            "signals": [
                (row, each.title, each.scale.number(queries.usual_distance(row)), each.words(row.max_distance))
                for row in self.comparison.signals.all()
                for each in [signal(row.signal.name)]
            ],
            "cells": [(cell, cell_name(cell, self._datasets)) for cell in queries.cells(self.comparison)],
        }

    def address(self, **changed: str) -> str:
        """See `Scope`."""
        values = {
            "signal": self.row.signal.name,
            "t": self.known.scale.number(self.threshold),
            "cell": cell_text(self.cell),
            "show": self.show,
            **changed,
        }
        return address_of(values)

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

    @property
    def _datasets(self) -> dict[int, Dataset]:
        return {dataset.pk: dataset for dataset in self.comparison.datasets.all()}

    def page(self, *, after: PairKey | None, limit: int) -> list[PairRow]:
        """See `Scope`."""
        return queries.pairs(self.comparison, **self._within, show=self.filter, after=after, limit=limit)

    def pair(self, key: PairKey) -> PairRow | None:
        """See `Scope`."""
        return queries.pair_row(self.comparison, signal_id=self.row.signal_id, a=key.a, b=key.b)

    def counts(self) -> dict[str, Any]:
        """See `Scope`."""
        total = queries.pair_total(self.comparison, **self._within)
        explored = self.known.words(self.row.max_distance)
        found = {
            "total": total,
            "judged": queries.judged_counts(self.comparison, **self._within),
            "within": f"up to {self.known.words(self.threshold)}",
            "none": "Nothing lies this close. A larger distance may show more.",
            "beyond": f"Pairs were looked for up to {explored}. To go further, compare again with a larger distance.",
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

    def evidence(self, rows: Sequence[PairRow]) -> Evidence:
        """See `Scope`: all that a comparison knows of its pairs is measured."""
        return {}

    @property
    def queue_url(self) -> str:
        """See `Scope`."""
        return self._url("review-queue")

    @property
    def links(self) -> dict[str, str]:
        """See `Scope`."""
        return {
            "review": self._url("review"),
            "list": f"{self._url('pairs')}?{self.address(show=self.filter)}",
            "origin": self._url("comparison"),
            "origin_title": "Overlap that is confirmed",
        }

    def _url(self, name: str) -> str:
        return reverse(name, args=[self.project.slug, self.comparison.pk])
