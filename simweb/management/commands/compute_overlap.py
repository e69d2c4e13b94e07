"""`manage.py compute_overlap`: the overlap of folders of images, without a server or a database."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis.core.errors import AnalysisError
from analysis.core.hashes import HASHES, bit_lengths
from analysis.core.report import ReportData, report_files
from catalog.core.errors import CatalogError
from simweb.headless import Advance, overlap_of_folders

METHODS = {"perceptual": ("phash", 8), "robust": ("block_mean", 16)}


class Command(BaseCommand):
    """Compare datasets that lie in folders, and write the report into a folder."""

    help = (
        "Compare datasets that lie in folders (images, or fingerprints) and write the report: hashes, lists of "
        "duplicates, figures, Markdown and HTML. Needs no database. Files of an earlier run are replaced."
    )
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options."""
        parser.add_argument(
            "--datasets", action="append", required=True, metavar="NAME", help="Folder below the root; repeat it."
        )
        parser.add_argument("--root", type=Path, default=Path(), help="Where the datasets lie (here).")
        parser.add_argument("--out", type=Path, required=True, help="Folder that the report is written to.")
        parser.add_argument("--method", choices=list(METHODS), default="perceptual")
        types = sorted({name.rpartition("-")[0] for name in HASHES})
        parser.add_argument("--hash-type", choices=types, help="Which hash (as the method says).")
        parser.add_argument("--hash-size", type=int, help="Bits along each side (as the method says).")
        parser.add_argument("--hash-threshold", type=int, help="Largest distance in bits (as suits the hash).")
        parser.add_argument("--scope", choices=["across", "within", "both"], default="across")
        parser.add_argument("--threads", type=int, help="Threads that decode (one for each core).")
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print a summary as JSON.")

    def handle(
        self,
        *args: Any,
        datasets: Sequence[str],
        root: Path,
        out: Path,
        method: str,
        hash_type: str | None,
        hash_size: int | None,
        hash_threshold: int | None,
        scope: str,
        threads: int | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        """Compare and write."""
        kind, size = METHODS[method]
        signal = f"{hash_type or kind}-{hash_size or size}"
        try:
            self._check(datasets, scope, signal, hash_threshold)
            threshold = int(HASHES[signal].default_distance) if hash_threshold is None else hash_threshold
            with ExitStack() as stack, self._progress() as progress:
                data = overlap_of_folders(
                    [(name, root / name) for name in datasets],
                    signal=signal,
                    threshold=threshold,
                    scope=scope,
                    threads=threads,
                    advance=_reporter(progress),
                    stack=stack,
                )
                files = self._write(data, out)
        except (CatalogError, AnalysisError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or out} cannot be read or written: {error.strerror}.") from error
        summary = _summary(data, out, files)
        self.stdout.write(json.dumps(summary, ensure_ascii=False, indent=2) if as_json else _sentences(data, out))

    def _check(self, datasets: Sequence[str], scope: str, signal: str, threshold: int | None) -> None:
        if len(set(datasets)) < len(datasets):
            raise CommandError("A dataset is named twice.")
        if len(datasets) < 2 and scope == "across":
            raise CommandError("The scope across needs two datasets or more. Name them, or choose --scope within.")
        n_bits = bit_lengths()[HASHES[signal].name]
        if threshold is not None and not 0 <= threshold <= n_bits:
            raise CommandError(f"--hash-threshold is 0 to {n_bits} bits under {signal}, not {threshold}.")

    def _progress(self) -> Progress:
        console = Console(file=sys.stderr)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        return Progress(*columns, console=console, disable=not console.is_terminal)

    def _write(self, data: ReportData, out: Path) -> list[str]:
        written = []
        for file in report_files(data):
            path = out / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                for chunk in file.chunks():
                    stream.write(chunk)
            written.append(file.path)
        return written


def _reporter(progress: Progress) -> Advance:
    tasks = {}

    def advance(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = progress.add_task(what, total=total)
        progress.update(tasks[what], completed=done)

    return advance


def _summary(data: ReportData, out: Path, files: Sequence[str]) -> dict[str, Any]:
    part = data.signals[0]
    across = int(np.count_nonzero(data.is_across(0)))
    return {
        "signal": part.name,
        "threshold": part.threshold,
        "bits": int(part.scale.largest),
        "scope": data.scope,
        "compared": data.compared(0),
        "pairs_across": across,
        "pairs_within": len(part.pairs) - across,
        "datasets": [
            {
                "name": one.name,
                "images": len(one.names),
                "refused": [{"path": path, "reason": reason} for path, reason in one.refused],
            }
            for one in data.datasets
        ],
        "cells": [
            {
                "a": data.datasets[cell.a].name,
                "b": data.datasets[cell.b].name,
                "pairs": cell.pairs,
                "images_a": cell.images_a,
                "images_b": cell.images_b,
            }
            for cell in data.cells(0)
        ],
        "out": str(out),
        "files": list(files),
        "versions": dict(data.versions),
    }


def _sentences(data: ReportData, out: Path) -> str:
    part = data.signals[0]
    lines = [f"{part.title}, {part.at_most}: {len(part.pairs):,} pairs."]
    for cell in data.cells(0):
        a, b = data.datasets[cell.a].name, data.datasets[cell.b].name
        lines.append(
            f"  {a}: {cell.pairs:,} pairs inside it, {cell.images_a:,} images in them"
            if cell.a == cell.b
            else f"  {a} – {b}: {cell.pairs:,} pairs, {cell.images_a:,} images of {a}, {cell.images_b:,} of {b}"
        )
    refused = sum(len(one.refused) for one in data.datasets)
    lines += [f"{refused:,} files were refused; the report says why."] if refused else []
    return "\n".join([*lines, f"Report: {out / 'report.html'}"])
