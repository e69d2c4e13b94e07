"""Asking for comparisons, and for the example that shows one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from analysis.core.errors import AnalysisError
from analysis.models import Comparison, ComparisonSignal
from analysis.signals import ANY, check_distance, signal_in
from analysis.workspace._jobs import datasets_inside, waiting
from catalog.core import example
from catalog.models import Dataset, Job, Project, Upload
from catalog.workspace import begin_upload, dataset_for

BEING_DRAWN = "Being drawn"
"""The stage of an upload of the example that waits for its pictures."""


@transaction.atomic
def begin_example(*, project: Project, by: AbstractBaseUser | None) -> None:
    """Make the example's datasets, each with an upload that waits to be drawn, so that the page shows them at once.

    Datasets that have images already stay as they are.
    """
    for name, source_name in example.FOLDERS.items():
        dataset = dataset_for(project=project, name=name, by=by)
        if dataset.image_count or dataset.uploads.filter(status=Job.Status.QUEUED).exists():
            continue
        upload = begin_upload(dataset=dataset, kind="folder", source_name=source_name, bytes_expected=0, by=by)
        Upload.objects.filter(pk=upload.pk).update(
            status=Job.Status.QUEUED, stage=BEING_DRAWN, heartbeat_at=timezone.now()
        )


@transaction.atomic
def create_comparison(
    *,
    project: Project,
    datasets: Sequence[Dataset],
    signals: Mapping[str, float],
    scope: str,
    by: AbstractBaseUser | None,
    name: str = "",
) -> Comparison:
    """A comparison that waits for a worker.

    Args:
        project: whose datasets are compared.
        datasets: two or more; one is enough for the scope within.
        signals: signal name → largest distance explored.
        scope: across, within or both.
        by: who asks.
        name: empty for the names of the datasets.

    Raises:
        AnalysisError: too few datasets, no signal, an unknown scope or a distance that makes no sense.
    """
    chosen = datasets_inside(project, datasets, what="A comparison")
    if scope not in Comparison.Scope.values:
        raise AnalysisError(f"There is no scope “{scope}”.", remedy=f"There are: {', '.join(Comparison.Scope.values)}.")
    needed = 2 if scope == Comparison.Scope.ACROSS else 1
    if len(chosen) < needed:
        raise AnalysisError(
            f"The scope “{scope}” needs at least {needed} dataset{'s' if needed > 1 else ''}; {len(chosen)} chosen.",
            remedy="Choose more datasets, or the scope within.",
        )
    if not signals:
        raise AnalysisError("A comparison needs at least one signal.", remedy="Choose one, such as phash-8.")
    checked = {}
    for signal_name, distance in signals.items():
        known = signal_in(project, signal_name)
        if known.orientation not in ("", ANY):
            raise AnalysisError(
                f"{signal_name} is for one orientation only.",
                remedy=f"Write {known.base.name} or {known.base.name}@any.",
            )
        checked[known.id] = check_distance(known, distance)
    comparison = Comparison.objects.create(
        project=project,
        name=" ".join(name.split())[:300],
        scope=scope,
        **waiting(by),
    )
    comparison.datasets.set(chosen)
    ComparisonSignal.objects.bulk_create(
        ComparisonSignal(comparison=comparison, signal_id=signal_id, max_distance=distance)
        for signal_id, distance in checked.items()
    )
    return comparison
