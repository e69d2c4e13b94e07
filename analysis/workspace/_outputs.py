"""Asking for reports and splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from django.contrib.auth.models import AbstractBaseUser

from analysis.core.errors import AnalysisError
from analysis.core.scales import explored
from analysis.core.splits import InvalidRecipe, Recipe
from analysis.models import Comparison, Report, Split
from analysis.queries import coverage_within
from analysis.signals import KnownSignal, check_distance, signal_in
from analysis.workspace._jobs import on_its_way, waiting
from catalog.models import Dataset, Job

MOST_SEED = 2**63 - 1
"""The largest number that the database's column holds."""


def request_report(*, comparison: Comparison, thresholds: Mapping[str, float], by: AbstractBaseUser | None) -> Report:
    """A report that waits for a worker; the one that is already on its way, where the same was asked for.

    Args:
        comparison: a comparison that is done.
        thresholds: signal name → largest distance; signals that are missing stand at their largest explored.
        by: who asks.

    Raises:
        AnalysisError: the comparison is not done, or a threshold lies beyond what was explored.
    """
    if comparison.status != Job.Status.DONE:
        raise AnalysisError("The comparison is not done yet.", remedy="Wait for it, then ask for the report.")
    largest = {row.signal.name: row.max_distance for row in comparison.signals.all()}
    for name, distance in thresholds.items():
        if name not in largest:
            raise AnalysisError(f"This comparison has no signal “{name}”.", remedy=f"It has: {', '.join(largest)}.")
        if not explored(distance, largest[name]):
            raise AnalysisError(
                f"{distance:g} is not between 0 and {largest[name]:g}, the largest distance explored under {name}.",
                remedy="Choose a smaller distance, or compare again up to a larger one.",
            )
    chosen = {name: min(thresholds.get(name, most), most) for name, most in largest.items()}
    same = on_its_way(comparison.reports.filter(thresholds=chosen))
    if same is not None:
        return same
    return Report.objects.create(comparison=comparison, thresholds=chosen, unit="files", **waiting(by))


class NotCovered(AnalysisError):
    """The pairs inside a dataset are not known as far as they are needed."""


def require_covered(*, dataset: Dataset, known: KnownSignal, max_distance: float) -> None:
    """Refuse unless all pairs inside the dataset up to the distance have been found.

    Raises:
        NotCovered: saying how far they are known.
    """
    reach = coverage_within(dataset, known)
    if reach is None:
        what = f"The images of “{dataset.name}” have not been compared with each other under {known.name}"
    elif reach.max_distance < max_distance:
        what = f"The pairs inside “{dataset.name}” are known up to {known.words(reach.max_distance)} under {known.name}"
    elif reach.new_images:
        what = (
            f"“{dataset.name}” has {reach.new_images:,} images that came after its pairs under {known.name} were found"
        )
    else:
        return
    raise NotCovered(
        f"{what}, so copies among them could end up on both sides.",
        remedy=f"Compare the dataset within itself up to {known.words(max_distance)} first.",
    )


def create_split(
    *,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    by: AbstractBaseUser | None,
    name: str = "",
    signal_name: str = "",
    max_distance: float | None = None,
) -> Split:
    """A split that waits for a worker.

    Args:
        dataset: whose images are split.
        recipe: what to make.
        seed: of the draw.
        by: who asks.
        name: empty for dataset and recipe.
        signal_name: the signal whose pairs make clusters; empty for the pairs that people accepted.
        max_distance: largest distance under the signal.

    Raises:
        InvalidRecipe: a seed out of range.
        InvalidArray: a distance that makes no sense under the signal.
        NotCovered: the pairs inside the dataset are not known up to the distance.
    """
    if not 0 <= seed <= MOST_SEED:
        raise InvalidRecipe(f"A seed is a whole number from 0 to {MOST_SEED:,}, not {seed:,}.")
    known, distance = None, None
    if signal_name:
        known = signal_in(dataset.project, signal_name)
        distance = check_distance(known, known.default_distance if max_distance is None else max_distance)
        require_covered(dataset=dataset, known=known, max_distance=distance)
    cleaned = " ".join(name.split())[:200]
    return Split.objects.create(
        project=dataset.project,
        dataset=dataset,
        name=cleaned or f"{dataset.name}, {recipe.n_way}-way {recipe.k_shot}-shot",
        recipe=asdict(recipe),
        seed=seed,
        signal_id=known.id if known else None,
        max_distance=distance,
        **waiting(by),
    )
