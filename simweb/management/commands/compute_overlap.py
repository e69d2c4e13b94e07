"""`manage.py compute_overlap`: the overlap of folders of images, without a server or a database."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis.core.errors import AnalysisError, InvalidArray
from analysis.core.hashes import HASHES, bit_lengths
from analysis.core.projection import Tsne, Umap
from analysis.core.scales import Cosine
from catalog.core.errors import CatalogError
from simweb.headless import (
    Advance,
    Drawing,
    Limits,
    Output,
    Plan,
    check_out,
    overlap_of_folders,
    sentences,
    summary,
    write_results,
)

HASHED = {"perceptual": ("phash", 8), "robust": ("block_mean", 16), "both": ("phash", 8), "cosine": ("phash", 8)}
"""The hash of each method, where nobody names another."""

PROJECTIONS = {"both": ("tsne", "umap"), "tsne": ("tsne",), "umap": ("umap",), "none": ()}
OF_COSINE = {
    "clip_model": "--clip-model",
    "batch_size": "--batch-size",
    "cosine_threshold": "--cosine-threshold",
    "cosine_distance": "--cosine-distance",
    "projections": "--projections",
    "tsne_perplexity": "--tsne-perplexity",
    "umap_neighbors": "--umap-neighbors",
}
OF_HASHES = {"hash_type": "--hash-type", "hash_size": "--hash-size", "hash_threshold": "--hash-threshold"}
INTERRUPTED = 130


class Command(BaseCommand):
    """Compare datasets that lie in folders, and write the report into a folder."""

    help = (
        "Compare datasets that lie in folders (images, fingerprints or embeddings) and write the report: hashes, "
        "embeddings, projections, lists of duplicates, sheets of examples, figures, Markdown and HTML. Needs no "
        "database. Files of an earlier run are replaced."
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
        parser.add_argument(
            "--method",
            choices=["cosine", "perceptual", "both", "robust"],
            default="perceptual",
            help="Embeddings, hashes, or both; robust is perceptual with the block mean hash of 16 × 16 bits.",
        )
        parser.add_argument("--scope", choices=["across", "within", "both"], help="Pairs that the report is about.")
        parser.add_argument("--max-images", type=_count, metavar="N", help="Take N images of each dataset at most.")
        parser.add_argument(
            "--use-ground-truth", action="store_true", help="Colour by label, and count the pairs whose labels agree."
        )
        parser.add_argument("--threads", type=_count, help="Threads that decode (one for each core).")
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print a summary as JSON.")
        hashes = parser.add_argument_group("hashes")
        types = sorted({name.rpartition("-")[0] for name in HASHES})
        hashes.add_argument("--hash-type", choices=types, help="Which hash (as the method says).")
        hashes.add_argument("--hash-size", type=int, help="Bits along each side (as the method says).")
        hashes.add_argument("--hash-threshold", type=float, help="Largest distance in bits (as suits the hash).")
        embeddings = parser.add_argument_group("embeddings")
        embeddings.add_argument(
            "--clip-model",
            metavar="MODEL",
            help="ViT-B-32/openai, or any name that manage.py models list shows (openclip:ViT-B-32/openai).",
        )
        embeddings.add_argument(
            "--batch-size", type=_count, help="Images that the model takes at a time (as suits it)."
        )
        limit = embeddings.add_mutually_exclusive_group()
        limit.add_argument(
            "--cosine-threshold",
            type=float,
            metavar="SIMILARITY",
            help="Smallest cosine similarity of a pair: 0.9 is a distance of 0.1 at most (as suits the model).",
        )
        limit.add_argument(
            "--cosine-distance", type=float, metavar="DISTANCE", help="The same as largest distance: 1 - similarity."
        )
        embeddings.add_argument("--projections", choices=list(PROJECTIONS), help="What is drawn (both).")
        embeddings.add_argument("--tsne-perplexity", type=float, help="Of t-SNE (30, fewer for few images).")
        embeddings.add_argument("--umap-neighbors", type=int, help="Of UMAP (15, fewer for few images).")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare and write."""
        out: Path = options["out"]
        try:
            self._run([(name, options["root"] / name) for name in options["datasets"]], out, options)
        except (CatalogError, AnalysisError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or out} cannot be read or written: {error.strerror}.") from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing was written.", returncode=INTERRUPTED) from None

    def _run(self, folders: Sequence[tuple[str, Path]], out: Path, options: dict[str, Any]) -> None:
        plan, drawing = _plan(options), _drawing(options)
        self._check(folders, plan)
        check_out(folders, out)
        labels = plan.ground_truth
        with ExitStack() as stack, self._progress() as progress:
            advance = _reporter(progress)
            overlap = overlap_of_folders(folders, plan, advance=advance, stack=stack)
            output = stack.enter_context(Output(out))
            told = write_results(overlap, drawing, output, advance, notes=_ignored(options))
            found = summary(overlap, told, out=out, files=output.written, labels=labels)
            output.commit(found)
        if options["as_json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
        else:
            self.stdout.write(sentences(overlap, told, out=out, labels=labels))
        if told.problems:
            raise CommandError("\n".join(told.problems))

    def _check(self, folders: Sequence[tuple[str, Path]], plan: Plan) -> None:
        names = [name for name, _ in folders]
        if len(set(names)) < len(names):
            raise CommandError("A dataset is named twice.")
        if len(names) < 2 and plan.scope in (None, "across"):
            raise CommandError("The scope across needs two datasets or more. Name them, or choose --scope within.")

    def _progress(self) -> Progress:
        console = Console(file=sys.stderr)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        return Progress(*columns, console=console, disable=not console.is_terminal)


def _plan(options: dict[str, Any]) -> Plan:
    """What the options ask for.

    Raises:
        CommandError: a distance that does not exist.
        UnknownName: a hash that does not exist.
    """
    method = options["method"]
    hash_name = _hash_name(options)
    return Plan(
        hashed_as={"both": "perceptual", "cosine": ""}.get(method, method),
        hash_name=hash_name,
        cosine=method in ("cosine", "both"),
        clip_model=options["clip_model"],
        models=settings.MODELS_DIR,
        limits=Limits(_hash_limit(hash_name, options["hash_threshold"]), _cosine_limit(options)),
        scope=options["scope"],
        max_images=options["max_images"],
        batch_size=options["batch_size"],
        threads=options["threads"],
        projected=bool(_drawing(options)),
        ground_truth=options["use_ground_truth"],
    )


def _hash_name(options: dict[str, Any]) -> str:
    kind, size = HASHED[options["method"]]
    kind = options["hash_type"] or kind
    name = f"{kind}-{options['hash_size'] or size}"
    of_kind = [known for known in HASHES if known.rpartition("-")[0] == kind]
    if options["hash_size"] is None and name not in HASHES and len(of_kind) == 1:
        return of_kind[0]
    return HASHES[name].name


def _hash_limit(name: str, asked: float | None) -> float | None:
    if asked is None:
        return None
    try:
        return HASHES[name].metric.scale.threshold(asked)
    except InvalidArray as error:
        n_bits = bit_lengths().get(name)
        if n_bits is None:
            raise CommandError(f"--hash-threshold: {error}") from error
        raise CommandError(f"--hash-threshold is 0 to {n_bits} bits under {name}, not {asked:g}.") from error


def _cosine_limit(options: dict[str, Any]) -> float | None:
    similarity, distance = options["cosine_threshold"], options["cosine_distance"]
    if similarity is not None:
        if not -1 <= similarity <= 1:
            raise CommandError(
                f"--cosine-threshold is a similarity from -1 to 1, not {similarity:g}; most copies are above 0.9."
            )
        return Cosine().threshold(1 - similarity)
    if distance is not None:
        try:
            return Cosine().threshold(distance)
        except InvalidArray as error:
            raise CommandError(f"--cosine-distance: {error}") from error
    return None


def _drawing(options: dict[str, Any]) -> Drawing | None:
    """What is to be projected.

    Raises:
        InvalidProjection: a parameter out of range.
    """
    methods = PROJECTIONS[options["projections"] or "both"]
    if options["method"] not in ("cosine", "both") or not methods:
        return None
    perplexity, neighbours = options["tsne_perplexity"], options["umap_neighbors"]
    # Out of range they are refused before anything is computed.
    if perplexity is not None:
        Tsne(perplexity)
    if neighbours is not None:
        Umap(neighbours)
    return Drawing(methods, perplexity, neighbours, by_label=options["use_ground_truth"])


def _ignored(options: dict[str, Any]) -> list[str]:
    """Options that were given and mean nothing for the method."""
    method = options["method"]
    unused = OF_HASHES if method == "cosine" else {} if method == "both" else OF_COSINE
    given = [flag for key, flag in unused.items() if options[key] is not None]
    return [f"Without effect under --method {method}: {', '.join(given)}."] if given else []


def _count(text: str) -> int:
    """A number of things, at least one."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"{text} is no whole number from 1 on.")
    return number


def _reporter(progress: Progress) -> Advance:
    tasks = {}

    def advance(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = progress.add_task(what, total=total or None)
        progress.update(tasks[what], completed=done, total=total or None)

    return advance
