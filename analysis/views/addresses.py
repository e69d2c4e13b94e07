"""Addresses of a comparison's pages: the signal, the threshold and the two datasets that they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import HttpRequest

from analysis import queries
from analysis.core.errors import AnalysisError
from analysis.core.scales import snapped
from analysis.models import Comparison, ComparisonSignal
from analysis.queries import Cell
from analysis.signals import KnownSignal, signal
from catalog.models import Dataset


def address_of(values: Mapping[str, str]) -> str:
    """A query string without what is empty."""
    return urlencode({key: value for key, value in values.items() if value}, safe=",")


def threshold_in(request: HttpRequest, comparison: Comparison) -> tuple[ComparisonSignal, KnownSignal, float]:
    """The signal that `signal` names, the comparison's first if it names none, and the threshold `t` under it.

    Beyond what was explored there may be pairs that nobody has looked for, so the threshold lies within that.

    Raises:
        AnalysisError: the comparison has no such signal, or the threshold is no distance.
    """
    row = queries.chosen_signal(comparison, request.GET.get("signal", ""))
    known = signal(row.signal.name)
    asked = request.GET.get("t", "")
    try:
        distance = float(asked) if asked else known.default_distance
    except ValueError:
        distance = float("nan")
    if not distance >= 0:
        usual = known.scale.number(known.default_distance)
        raise AnalysisError(f"“{asked}” is no distance.", remedy=f"Give a number, such as {usual}.")
    return row, known, snapped(known.scale, distance, row.max_distance)


def cell_in(request: HttpRequest, comparison: Comparison) -> Cell | None:
    """The two datasets that `cell` names as `cell_text` writes them; None where it names none.

    Raises:
        AnalysisError: they are no two datasets, or the comparison does not cover them.
    """
    text = request.GET.get("cell", "")
    if not text:
        return None
    try:
        a, b = sorted(int(part) for part in text.split(","))
    except ValueError:
        raise AnalysisError(f"“{text}” is no pair of datasets.", remedy="Choose one in the list.") from None
    if Cell(a, b) not in queries.cells(comparison):
        raise AnalysisError("The comparison does not cover pairs of these two datasets.", remedy="Choose another two.")
    return Cell(a, b)


def cell_text(cell: Cell | None) -> str:
    """Two datasets as an address names them; empty for none."""
    return f"{cell.a},{cell.b}" if cell else ""


def cell_name(cell: Cell, datasets: Mapping[int, Dataset]) -> str:
    """Two datasets in words."""
    a, b = datasets[cell.a].name, datasets[cell.b].name
    return f"within {a}" if cell.a == cell.b else f"{a} – {b}"
