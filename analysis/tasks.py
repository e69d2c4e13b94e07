"""Tasks of the analysis: thin, repeatable, by primary key. They alone know the order of the stages."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from celery import Task, shared_task
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone

from analysis import neighbours
from analysis.core.errors import AnalysisError
from analysis.models import Block, Comparison, ModelComparison, Projection, Report, Split, VerificationRun
from analysis.pipeline import compare
from analysis.pipeline.compare_models import compare_models
from analysis.pipeline.extract import extract_embeddings, extract_hashes, require_described
from analysis.pipeline.project import compute_projection
from analysis.pipeline.report import write_report
from analysis.pipeline.split import freeze_split
from analysis.pipeline.summarise import summarise
from analysis.pipeline.verify import verify_pairs
from analysis.signals import KnownSignal, signal, with_embeddings
from analysis.workspace import BEING_DRAWN, create_comparison, first_projection, queue_again
from catalog.core import example
from catalog.core.errors import CatalogError
from catalog.core.sources import open_source
from catalog.ingest import ingest
from catalog.jobs import Progress, claim, lost, queue, work_on
from catalog.models import Dataset, Project, Upload
from catalog.tasks import import_upload
from catalog.workspace import dataset_for

EXPECTED = (AnalysisError, CatalogError)

SHARED_FROM = 2_000_000_000
"""Comparisons of two images from which other workers are called: about what one does in a second."""
WAIT_SECONDS = 0.3
"""How often a worker looks whether the others have finished the last blocks."""
SWEEP_SECONDS = 60
"""How often the sweep comes."""


@shared_task(name="analysis.run_comparison", bind=True)
def run_comparison(self: Task[[int], None], comparison_id: int) -> None:
    """Compute what a comparison asks for, as far as it is missing: descriptors, pairs, overlap.

    Called as a function it does all of it here; sent to the queue, it calls other workers to the blocks.
    """
    comparison = claim(Comparison, comparison_id)
    if comparison is None:
        return
    asked: list[tuple[KnownSignal, float]] = []
    with work_on(comparison, expected=EXPECTED) as progress:
        Comparison.objects.filter(pk=comparison.pk).update(data_changed_at=None)
        asked = _describe(comparison, progress)
        try:
            _find_pairs(comparison, asked, progress, from_queue=not self.request.called_directly)
        finally:
            compare.settle(comparison)
        progress.stage("Counting overlaps", total=len(asked), unit="signals")
        for known, max_distance in asked:
            summarise(comparison, known.name, max_distance)
            progress.advance()
    _show_embeddings(comparison.project, [known for known, _ in asked], from_queue=not self.request.called_directly)
    # An import that ended while this ran could not mark it as outdated, since it was not done.
    if compare.has_newer_images(comparison, asked):
        Comparison.objects.filter(pk=comparison.pk).update(data_changed_at=timezone.now())


def _describe(comparison: Comparison, progress: Progress[Comparison]) -> list[tuple[KnownSignal, float]]:
    """Have everything described that the comparison needs.

    A signal that cannot be computed, for want of a model or of fingerprints, stops alone and says why on its row.

    Returns:
        the signals that can be compared, with the largest distance.

    Raises:
        AnalysisError: none can.
    """
    rows = list(comparison.signals.select_related("signal"))
    datasets = list(comparison.datasets.all())
    for dataset in datasets:
        extract_hashes(dataset, [signal(row.signal.name) for row in rows], progress)
    able = []
    for row in rows:
        known = signal(row.signal.name)
        try:
            extract_embeddings(datasets, known, progress)
            require_described(datasets, known)
        except AnalysisError as error:
            row.error = str(error)
        else:
            row.error = ""
            able.append((known, row.max_distance))
        row.save(update_fields=["error"])
    if not able:
        raise AnalysisError(" ".join(row.error for row in rows))
    return able


def show_embeddings(dataset: Dataset, *, from_queue: bool) -> None:
    """Have the embeddings of a dataset laid out, now that some were brought: by the workers, or here."""
    with contextlib.suppress(*EXPECTED):
        _show_embeddings(dataset.project, with_embeddings([dataset]), from_queue=from_queue)


def _show_embeddings(project: Project, asked: Sequence[KnownSignal], *, from_queue: bool) -> None:
    """Have a first projection made of embeddings that nobody has looked at, or go on with it."""
    for known in asked:
        made = first_projection(project=project, known=known.base) if known.is_embedding else None
        if made is not None and from_queue:
            run_projection.delay(made.pk)
        elif made is not None:
            run_projection(made.pk)


def _find_pairs(
    comparison: Comparison, asked: compare.Asked, progress: Progress[Comparison], *, from_queue: bool
) -> None:
    """Have all blocks of a comparison done, by this worker and by those that are free.

    This worker never waits while a block is to be had, so the comparison ends whether others come or not.
    """
    total = compare.plan(comparison, asked)
    progress.stage("Comparing", total=total, unit="comparisons")
    while True:
        state = compare.state(comparison.pk)
        if state.error:
            raise AnalysisError(state.error)
        if not state.queued and not state.running:
            return
        # Who comes calls the next; if nobody is here, nobody was free, or the message was lost with its worker.
        if from_queue and total >= SHARED_FROM and state.queued > 1 and not state.running:
            join_next_block.delay(comparison.pk)
        block = compare.take(comparison.pk)
        if block is None:
            time.sleep(WAIT_SECONDS)
        else:
            _join(block)


@shared_task(name="analysis.join_next_block")
def join_next_block(comparison_id: int) -> None:
    """Do one block of a comparison, whichever is next.

    Before it begins it sends for one more worker, as long as there is more to do. So exactly one message of a
    comparison waits in the queue: every free worker is engaged at once, and other people's work waits for one block.
    """
    block = compare.take(comparison_id)
    if block is None:
        return
    if compare.state(comparison_id).queued:
        join_next_block.delay(comparison_id)
    # The comparison says to its people what went wrong.
    with contextlib.suppress(*EXPECTED):
        _join(block)


def _join(block: Block) -> None:
    with work_on(block, expected=EXPECTED) as progress:
        progress.stage("Comparing", total=block.total, unit="comparisons")
        compare.join(block)
        progress.advance(block.total)
        compare.report(block)


@shared_task(name="analysis.make_split")
def make_split(split_id: int) -> None:
    """Draw a split and write its archive."""
    split = claim(Split, split_id)
    if split is None:
        return
    with work_on(split, expected=EXPECTED) as progress:
        freeze_split(split, progress)


@shared_task(name="analysis.build_report")
def build_report(report_id: int) -> None:
    """Write the archive of a report."""
    report = claim(Report, report_id)
    if report is None:
        return
    with work_on(report, expected=EXPECTED) as progress:
        write_report(report, progress)


@shared_task(name="analysis.run_projection")
def run_projection(projection_id: int) -> None:
    """Compute the coordinates of a projection."""
    projection = claim(Projection, projection_id)
    if projection is None:
        return
    begun = set(projection.datasets.all())
    with work_on(projection, expected=EXPECTED) as progress:
        compute_projection(projection, progress)
    # A first projection takes in datasets whose embeddings come while it is computed.
    if set(projection.datasets.all()) - begun:
        queue_again(job=projection)
        queue(run_projection, projection_id)


@shared_task(name="analysis.run_verification")
def run_verification(run_id: int) -> None:
    """Look at the pixels of a comparison's pairs."""
    run = claim(VerificationRun, run_id)
    if run is None:
        return
    with work_on(run, expected=EXPECTED) as progress:
        verify_pairs(run, progress)


@shared_task(name="analysis.run_model_comparison")
def run_model_comparison(comparison_id: int) -> None:
    """Compare two models on the same images."""
    comparison = claim(ModelComparison, comparison_id)
    if comparison is None:
        return
    with work_on(comparison, expected=EXPECTED) as progress:
        compare_models(comparison, progress)


@shared_task(name="analysis.load_example")
def load_example(project_id: int, user_id: int | None) -> None:
    """Draw the example into the uploads that wait for it (see `begin_example`), and compare its datasets."""
    project = Project.objects.get(pk=project_id)
    user = get_user_model().objects.filter(pk=user_id or 0).first()
    datasets = [dataset_for(project=project, name=name, by=user) for name in example.FOLDERS]
    with tempfile.TemporaryDirectory(prefix="example-", dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        example.generate(Path(folder))
        for dataset in datasets:
            for waiting in dataset.uploads.filter(status=Upload.Status.QUEUED, stage=BEING_DRAWN):
                upload = claim(Upload, waiting.pk)
                if upload is None:
                    continue
                source_path = Path(folder) / example.FOLDERS[dataset.name]
                with work_on(upload, expected=EXPECTED) as progress, open_source(source_path) as source:
                    ingest(upload, source, progress)
    if not project.comparisons.exists():
        comparison = create_comparison(
            project=project,
            datasets=datasets,
            signals={"phash-8": 16, "dhash-8": 12, "block_mean-16": 24},
            scope=Comparison.Scope.BOTH,
            by=user,
        )
        run_comparison(comparison.pk)


@shared_task(name="analysis.keep_embedding_indexes")
def keep_embedding_indexes() -> None:
    """Make the indexes of neighbour search where embeddings have become many; drop those whose embeddings are gone."""
    neighbours.keep_indexes()


@shared_task(name="analysis.sweep")
def sweep() -> None:
    """Send work again whose worker or message was lost; claiming keeps it from being done twice."""
    for upload in lost(Upload):
        import_upload.delay(upload.pk)
    for comparison in lost(Comparison):
        run_comparison.delay(comparison.pk)
    for split in lost(Split):
        make_split.delay(split.pk)
    for report in lost(Report):
        build_report.delay(report.pk)
    for projection in lost(Projection):
        run_projection.delay(projection.pk)
    for run in lost(VerificationRun):
        run_verification.delay(run.pk)
    for models in lost(ModelComparison):
        run_model_comparison.delay(models.pk)
    if neighbours.work():
        # Building may take longer than the time to the next sweep; what waits until then is not needed twice.
        keep_embedding_indexes.apply_async(expires=SWEEP_SECONDS)
