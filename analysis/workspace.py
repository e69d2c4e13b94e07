"""Writes that people ask for directly: comparisons, splits, reports, projections. The work itself is a task's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from analysis.core.errors import AnalysisError
from analysis.core.projection import Method, Pca
from analysis.core.splits import InvalidRecipe, Recipe
from analysis.core.verifiers import VERIFIERS
from analysis.models import Comparison, ComparisonSignal, Projection, Report, Split, VerificationRun
from analysis.queries import chosen_signal, coverage_within, embedding_counts, same_projection, verified
from analysis.signals import ANY, KnownSignal, check_distance, signal, signal_in
from catalog.core import example
from catalog.core.errors import Conflict
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
    chosen = list(dict.fromkeys(datasets))
    if any(dataset.project_id != project.pk for dataset in chosen):
        raise AnalysisError("A comparison stays inside one project.")
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
        status=Job.Status.QUEUED,
        stage="Waiting for a worker",
        heartbeat_at=timezone.now(),
        created_by_id=by.pk if by else None,
    )
    comparison.datasets.set(chosen)
    ComparisonSignal.objects.bulk_create(
        ComparisonSignal(comparison=comparison, signal_id=signal_id, max_distance=distance)
        for signal_id, distance in checked.items()
    )
    return comparison


def queue_again(*, job: Job) -> None:
    """Queue a job that is over, because it failed or its data changed. Every stage is repeatable."""
    type(job)._default_manager.filter(pk=job.pk, status__in=[Job.Status.DONE, Job.Status.FAILED]).update(
        status=Job.Status.QUEUED, stage="Waiting for a worker", heartbeat_at=timezone.now(), error=""
    )


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
    explored = {row.signal.name: row.max_distance for row in comparison.signals.all()}
    for name, distance in thresholds.items():
        if name not in explored:
            raise AnalysisError(f"This comparison has no signal “{name}”.", remedy=f"It has: {', '.join(explored)}.")
        if not 0 <= distance <= explored[name]:
            raise AnalysisError(
                f"{distance:g} is not between 0 and {explored[name]:g}, the largest distance explored under {name}.",
                remedy="Choose a smaller distance, or compare again up to a larger one.",
            )
    chosen = {**explored, **thresholds}
    waiting = comparison.reports.filter(thresholds=chosen, status__in=[Job.Status.QUEUED, Job.Status.RUNNING])
    if (same := waiting.first()) is not None:
        return same
    return Report.objects.create(
        comparison=comparison,
        thresholds=chosen,
        status=Job.Status.QUEUED,
        stage="Waiting for a worker",
        unit="files",
        heartbeat_at=timezone.now(),
        created_by_id=by.pk if by else None,
    )


def request_verification(
    *,
    comparison: Comparison,
    verifier: str,
    by: AbstractBaseUser | None,
    signal_name: str = "",
    max_distance: float | None = None,
) -> VerificationRun:
    """A look at the pixels of a comparison's pairs, which waits for a worker; the one on its way, if it is the same.

    Args:
        comparison: a comparison that is done.
        verifier: name of a verifier.
        by: who asks.
        signal_name: the signal that tells which pairs; empty for the comparison's first.
        max_distance: pairs up to here; what most copies lie within, if left out.

    Raises:
        UnknownName: no such verifier.
        AnalysisError: the comparison is not done or has no such signal, the distance lies beyond what was explored,
            or there are more pairs than a run may have.
    """
    known = VERIFIERS[verifier]
    if comparison.status != Job.Status.DONE:
        raise AnalysisError("The comparison is not done yet.", remedy="Wait for it, then look at its pairs.")
    row = chosen_signal(comparison, signal_name)
    usual = min(signal(row.signal.name).default_distance, row.max_distance)
    distance = check_distance(signal(row.signal.name), usual if max_distance is None else max_distance)
    if distance > row.max_distance:
        raise AnalysisError(
            f"{distance:g} is beyond {row.max_distance:g}, the largest distance explored under {row.signal.name}.",
            remedy="Choose a smaller distance, or compare again up to a larger one.",
        )
    state = verified(
        comparison, signal_id=row.signal_id, max_distance=distance, verifier=verifier, inliers=known.default_inliers
    )
    if state.pairs - state.looked_at > MOST_LOOKS:
        raise AnalysisError(
            f"{state.pairs - state.looked_at:,} pairs are more than one run looks at ({MOST_LOOKS:,}).",
            remedy="Choose a smaller distance.",
        )
    waiting = VerificationRun.objects.filter(
        comparison=comparison,
        signal_id=row.signal_id,
        max_distance=distance,
        verifier=verifier,
        status__in=[Job.Status.QUEUED, Job.Status.RUNNING],
    )
    if (same := waiting.first()) is not None:
        return same
    return VerificationRun.objects.create(
        comparison=comparison,
        signal_id=row.signal_id,
        max_distance=distance,
        verifier=verifier,
        status=Job.Status.QUEUED,
        stage="Waiting for a worker",
        unit="pairs",
        heartbeat_at=timezone.now(),
        created_by_id=by.pk if by else None,
    )


MOST_LOOKS = 200_000
"""Pairs of one look at pixels: hours of a worker."""
MOST_SEED = 2**63 - 1
"""The largest number that the database's column holds."""


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
        status=Job.Status.QUEUED,
        stage="Waiting for a worker",
        heartbeat_at=timezone.now(),
        created_by_id=by.pk if by else None,
    )


FLAT = 3
"""So few images lie in a plane, where every method shows their exact distances, whatever its parameters."""


def request_projection(
    *, project: Project, signal_name: str, datasets: Sequence[Dataset], method: Method, by: AbstractBaseUser | None
) -> Projection:
    """A projection that waits for a worker; the one that is there, where the same was asked for before.

    Args:
        project: whose embeddings.
        signal_name: an embedding signal.
        datasets: one or more, each with embeddings under it.
        method: with its parameters.
        by: who asks.

    Raises:
        AnalysisError: the signal is no embedding, a dataset has none of its embeddings or is of another project, or
            there are too few images for the parameters.
    """
    known = signal_in(project, signal_name)
    if not known.is_embedding or known.orientation:
        raise AnalysisError(
            f"{known.title} gives no embeddings of pictures as they are.", remedy="Choose a model, or brought vectors."
        )
    chosen = list(dict.fromkeys(datasets))
    if any(dataset.project_id != project.pk for dataset in chosen):
        raise AnalysisError("A projection stays inside one project.")
    counts = embedding_counts(chosen, known.id)
    lacking = [f"“{dataset.name}”" for dataset in chosen if not counts.get(dataset.pk)]
    if lacking or not chosen:
        raise AnalysisError(
            f"{' and '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} no embeddings under {known.title}."
            if lacking
            else "A projection needs at least one dataset.",
            remedy="Choose datasets that have them, or compute them by a comparison with this signal.",
        )
    images = sum(counts.values())
    if images > FLAT:
        method.check(images)
    same = same_projection(
        project, signal_id=known.id, datasets=chosen, method=method.name, parameters=method.parameters()
    )
    if same is not None:
        return same
    with transaction.atomic():
        made = Projection.objects.create(
            project=project,
            signal_id=known.id,
            method=method.name,
            parameters=method.parameters(),
            status=Job.Status.QUEUED,
            stage="Waiting for a worker",
            heartbeat_at=timezone.now(),
            created_by_id=by.pk if by else None,
        )
        made.datasets.set(chosen)
    return made


def first_projection(*, project: Project, known: KnownSignal) -> Projection | None:
    """A PCA of all embeddings of a signal, so that there is something to look at.

    None where a projection of the signal is there, or no embedding.
    """
    if project.projections.filter(signal_id=known.id).exclude(status=Job.Status.FAILED).exists():
        return None
    datasets = list(project.datasets.all())
    counts = embedding_counts(datasets, known.id)
    described = [dataset for dataset in datasets if counts.get(dataset.pk)]
    if not described:
        return None
    return request_projection(project=project, signal_name=known.name, datasets=described, method=Pca(), by=None)


def delete_projection(*, projection: Projection) -> None:
    """Delete a projection; the embeddings stay.

    Raises:
        Conflict: it is being computed.
    """
    if projection.status == Job.Status.RUNNING:
        raise Conflict("This projection is being computed.", remedy="Wait until it is done, then delete it.")
    projection.delete()
