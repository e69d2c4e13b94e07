"""`manage.py verify`: look at the pixels of a comparison's pairs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from analysis import queries
from analysis.core.verifiers import VERIFIERS
from analysis.models import VerificationRun
from analysis.schemas.verification import VerificationRunOut
from analysis.tasks import run_verification
from analysis.workspace import request_verification
from simweb.cli import JobCommand, require_comparison, require_project
from simweb.people import person_named

PAGE = 1000


class Command(JobCommand):
    """Have a verifier look at the pairs of a comparison."""

    help = (
        "Find the same keypoints in both pictures of a comparison's pairs, and the transformation that explains them. "
        "With --list the pairs that surely show the same thing, one a line: dataset/image, dataset/image and inliers, "
        "separated by tabs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which pairs, and which verifier."""
        super().add_arguments(parser)
        parser.add_argument("project", help="slug or name")
        parser.add_argument("comparison", type=int, help="its number")
        parser.add_argument("--verifier", default="orb-1", help=f"one of {', '.join(VERIFIERS)} (default: orb-1)")
        parser.add_argument("--signal", default="", help="which pairs (default: the comparison's first signal)")
        parser.add_argument("--max-distance", type=float, help="pairs up to here (default: the signal's own)")
        parser.add_argument("--list", action="store_true", dest="as_list", help="list what was found, with --wait")

    def handle(self, *args: Any, project: str, comparison: int, as_json: bool, wait: bool, **options: Any) -> None:
        """Look, or have a worker look."""
        found = require_project(project)
        verifier = VERIFIERS[options["verifier"]]
        run = request_verification(
            comparison=require_comparison(found, comparison),
            verifier=verifier.name,
            by=person_named(options["user"]),
            signal_name=options["signal"],
            max_distance=options["max_distance"],
        )
        self.work(run, run_verification, wait=wait)
        out = VerificationRunOut.from_orm(queries.verification_run(found, run.pk))
        if as_json:
            self.show(out)
        elif options["as_list"]:
            self._list(run, verifier.default_inliers)
        else:
            came = out.found
            self.stdout.write(
                f"{verifier.title} has looked at {came.looked_at:,} of {came.pairs:,} pairs: {came.sure:,} surely show "
                f"the same thing, {came.mirrored:,} of them mirrored."
            )

    def _list(self, run: VerificationRun, inliers: int) -> None:
        after = (0, 0)
        while True:
            rows = queries.verified_pairs(run, inliers=inliers, after=after, limit=PAGE)
            for row in rows[:PAGE]:
                a, b = (f"{image.dataset.name}/{image.name}" for image in (row.a, row.b))
                self.stdout.write(f"{a}\t{b}\t{row.looked.inliers}")
            if len(rows) <= PAGE:
                return
            after = rows[PAGE - 1].a.pk, rows[PAGE - 1].b.pk
