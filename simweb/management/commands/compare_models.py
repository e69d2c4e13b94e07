"""`manage.py compare_models`: how far two models agree on what is near."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analysis import queries
from analysis.schemas.models import AgreementOut, EstimateOut, ModelComparisonDetail
from analysis.tasks import run_model_comparison
from analysis.workspace import MOST_NEIGHBOURS, request_model_comparison
from catalog.queries import datasets_named
from simweb.cli import JobCommand, add_datasets, require_project
from simweb.people import person_named


class Command(JobCommand):
    """Compare two models on the images that both describe."""

    help = "Say how far two models agree on the nearest images of each image, and where they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Two models × datasets."""
        super().add_arguments(parser)
        parser.add_argument("project", help="slug or name")
        parser.add_argument("first", help="an embedding signal: an encoder's name (models list), or brought vectors")
        parser.add_argument("second", help="another one")
        parser.add_argument(
            "--k", type=int, default=10, help=f"neighbours of each image, at most {MOST_NEIGHBOURS} (default: 10)"
        )
        add_datasets(parser)

    def handle(self, *args: Any, project: str, as_json: bool, wait: bool, **options: Any) -> None:
        """Compare."""
        found = require_project(project)
        comparison = request_model_comparison(
            project=found,
            first=options["first"],
            second=options["second"],
            datasets=datasets_named(found, options["datasets"]),
            k=options["k"],
            by=person_named(options["user"]),
        )
        self.work(comparison, run_model_comparison, wait=wait)
        out = ModelComparisonDetail.from_orm(queries.model_comparison(found, comparison.pk))
        if as_json:
            self.show(out)
            return
        self.stdout.write(f"Model comparison {out.id} is {out.status}.")
        if out.agreement is not None:
            self._say(out, out.agreement)

    def _say(self, out: ModelComparisonDetail, found: AgreementOut) -> None:
        write = self.stdout.write
        for row in found.described:
            if row.both < row.images:
                self.note(f"{row.dataset}: {row.images - row.both:,} of {row.images:,} images lack a model")
        write(f"{found.images:,} images, of each the {out.k} nearest others")
        write(f"Common neighbours: {_percent(found.overlap)}; by chance {found.chance:.1%}")
        write(f"Same nearest image: {_percent(found.nearest)}")
        if found.order is not None:
            write(f"Same order of two common neighbours: {_percent(found.order)}; by chance 50.0%")
        spearman = found.correlation.spearman
        if spearman is not None:
            write(
                f"Rank correlation of distances: {spearman.value:.3f} ({spearman.low:.3f} to {spearman.high:.3f}), "
                f"of {found.correlation.pairs:,} pairs"
            )
        write("Common\tImages\tShare")
        for line in found.table:
            write(f"{line.common}\t{line.images}\t{line.share:.1%}")
        for near, far, pairs in ((out.first, out.second, found.near_first), (out.second, out.first, found.near_second)):
            write(f"Near under {near}, far under {far}: {pairs.found:,} of {pairs.mutual:,} pairs")


def _percent(estimate: EstimateOut) -> str:
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
