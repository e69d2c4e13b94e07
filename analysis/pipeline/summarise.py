"""From measurements and decisions to the overlap at every threshold, stored for the dashboard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import Pairs
from analysis.core.overlap_count import OverlapCount
from analysis.core.scales import thresholds
from analysis.core.versions import versions
from analysis.models import Comparison, Summary
from analysis.models.review import ACCEPTED
from analysis.population import Population
from analysis.queries import Cell, cells
from analysis.signals import signal
from catalog.models import Label


def summarise(comparison: Comparison, signal_name: str, max_distance: float) -> None:
    """Store the overlap of a comparison under one signal at every distance up to the largest explored."""
    known = signal(signal_name)
    population = Population(list(comparison.datasets.all()))
    found = (
        (cell, pairs)
        for cell in cells(comparison)
        for pairs in bulk.measurement_parts(
            signal_id=known.id, dataset_a=cell.a, dataset_b=cell.b, max_distance=max_distance
        )
    )
    Summary.objects.update_or_create(
        comparison=comparison,
        signal_id=known.id,
        defaults={
            "curve": _curve(population, found, thresholds(known.scale, max_distance)),
            "versions": {"signal": signal_name, "max_distance": max_distance, **versions()},
            "computed_at": timezone.now(),
        },
    )


def confirmed(comparison: Comparison) -> dict[str, Any]:
    """The overlap by accepted pairs alone, as a curve of one threshold; computed anew, since verdicts keep coming."""
    population = Population(list(comparison.datasets.all()))
    found = (
        (cell, bulk.read_accepted(dataset_a=cell.a, dataset_b=cell.b, choices=ACCEPTED)) for cell in cells(comparison)
    )
    return _curve(population, found, np.zeros(1, np.float32))


def _curve(population: Population, found: Iterable[tuple[Cell, Pairs]], steps: NDArray[np.float32]) -> dict[str, Any]:
    """The overlap curve as the dashboard reads it: with the names of datasets and labels in it."""
    labels, label_ids = population.labels()
    names = Label.objects.in_bulk(label_ids)
    count = OverlapCount(dataset=population.dataset, n_datasets=len(population.datasets), steps=steps, labels=labels)
    for part in found:
        count.add(population.pairs([part]))
    curve = count.curve().to_json()
    curve["datasets"] = [dataset.pk for dataset in population.datasets]
    curve["label_names"] = [[names[pk].name, names[pk].title] for pk in label_ids]
    return curve
