"""`manage.py make_split`: a few-shot split in which no copy lies on both sides."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analysis import queries
from analysis.core.samplers import SAMPLERS
from analysis.core.split_table import CLUSTERS
from analysis.schemas.outputs import SplitDetail, SplitIn
from analysis.tasks import make_split
from analysis.workspace import create_split
from catalog.queries import datasets_named
from simweb.cli import JobCommand, require_project
from simweb.people import person_named


class Command(JobCommand):
    """Draw a split of one dataset."""

    help = "Draw a few-shot split of a dataset in which no cluster of copies lies on both sides."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The recipe."""
        super().add_arguments(parser)
        parser.add_argument("project", help="slug or name")
        parser.add_argument("dataset", help="slug or name")
        parser.add_argument("--n-way", type=int, required=True, help="classes")
        parser.add_argument("--k-shot", type=int, required=True, help="support images of each class")
        parser.add_argument("--n-query", type=int, help="query images of each class (default: all the rest)")
        parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
        parser.add_argument(
            "--signal", default="", help="its pairs join copies into clusters (default: the pairs people accepted)"
        )
        parser.add_argument("--max-distance", type=float, metavar="BITS", help="(default: the signal's own)")
        parser.add_argument(
            "--clusters",
            default="together",
            choices=list(CLUSTERS),
            help=" ".join(f"{name}: {words}" for name, words in CLUSTERS.items()),
        )
        parser.add_argument("--sampler", default="uniform", choices=list(SAMPLERS))
        parser.add_argument(
            "--classes", action="extend", nargs="+", metavar="LABEL", help="draw from these only (default: all)"
        )
        parser.add_argument("--name", default="", help="(default: dataset and recipe)")

    def handle(self, *args: Any, project: str, dataset: str, as_json: bool, wait: bool, **options: Any) -> None:
        """Draw it."""
        found = require_project(project)
        asked = SplitIn(dataset=dataset, **{name: options[name] for name in SplitIn.model_fields if name in options})
        [chosen] = datasets_named(found, [dataset])
        split = create_split(
            dataset=chosen,
            recipe=asked.recipe(),
            seed=asked.seed,
            by=person_named(options["user"]),
            name=asked.name,
            signal_name=asked.signal,
            max_distance=asked.max_distance,
        )
        self.work(split, make_split, wait=wait)
        out = SplitDetail.from_orm(queries.split(found, split.pk))
        if as_json:
            self.show(out)
            return
        self.stdout.write(f"Split {out.id}, {out.name}, is {out.status}.")
        for row in out.classes:
            self.stdout.write(f"  {row.label}: {row.support:,} support, {row.query:,} query")
        for left in out.left_out:
            self.note(f"Left out: {left.images:,} images: {left.words}")
