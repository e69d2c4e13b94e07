"""Tasks of the analysis: thin, repeatable, by primary key. They alone know the order of the stages."""

from __future__ import annotations

import tempfile
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.contrib.auth import get_user_model

from analysis.core.errors import AnalysisError
from analysis.models import Comparison, Report, Split
from analysis.pipeline.compare import cover, work
from analysis.pipeline.extract import counts, extract
from analysis.pipeline.report import write_report
from analysis.pipeline.split import freeze_split
from analysis.pipeline.summarise import summarise
from analysis.queries import cells
from analysis.signals import signal
from analysis.workspace import create_comparison
from catalog.core import example
from catalog.core.errors import CatalogError
from catalog.core.sources import open_source
from catalog.ingest import ingest
from catalog.jobs import claim, lost, work_on
from catalog.models import Project, Upload
from catalog.tasks import import_upload
from catalog.workspace import begin_upload, dataset_for

EXPECTED = (AnalysisError, CatalogError)


@shared_task(name="analysis.run_comparison")
def run_comparison(comparison_id: int) -> None:
    """Compute what a comparison asks for, as far as it is missing: descriptors, pairs, overlap."""
    comparison = claim(Comparison, comparison_id)
    if comparison is None:
        return
    with work_on(comparison, expected=EXPECTED) as progress:
        asked = [(signal(row.signal.name), row.max_distance) for row in comparison.signals.select_related("signal")]
        datasets = {dataset.pk: dataset for dataset in comparison.datasets.all()}
        Comparison.objects.filter(pk=comparison.pk).update(data_changed_at=None)
        for dataset in datasets.values():
            extract(dataset, [known for known, _ in asked], progress)
            for known, _ in asked:
                if dataset.image_count and not counts(dataset, known):
                    raise AnalysisError(
                        f"“{dataset.name}” has no {known.name} hashes: only fingerprints were brought, and not these.",
                        remedy=f"Leave {known.name} or this dataset out, or bring its {known.name} hashes.",
                    )
        blocks = [(datasets[cell.a], datasets[cell.b]) for cell in cells(comparison)]
        for known, max_distance in asked:
            progress.stage(
                f"Comparing under {known.name}", total=sum(work(a, b) for a, b in blocks), unit="comparisons"
            )
            for a, b in blocks:
                cover(known, a, b, max_distance)
                progress.advance(work(a, b))
        progress.stage("Counting overlaps", total=len(asked), unit="signals")
        for known, max_distance in asked:
            summarise(comparison, known.name, max_distance)
            progress.advance()


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


@shared_task(name="analysis.load_example")
def load_example(project_id: int, user_id: int | None) -> None:
    """Draw the example's three datasets into a project and compare them."""
    project = Project.objects.get(pk=project_id)
    user = get_user_model().objects.filter(pk=user_id or 0).first()
    scratch = Path(settings.FILE_UPLOAD_TEMP_DIR)
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="example-", dir=scratch) as folder:
        example.generate(Path(folder))
        datasets = []
        for name, source_name in example.FOLDERS.items():
            dataset = dataset_for(project=project, name=name, by=user)
            datasets.append(dataset)
            if dataset.image_count:
                continue
            upload = begin_upload(
                dataset=dataset, kind=Upload.Kind.FOLDER, source_name=source_name, bytes_expected=0, by=user
            )
            with work_on(upload, expected=EXPECTED) as progress, open_source(Path(folder) / source_name) as source:
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
