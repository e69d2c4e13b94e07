"""`manage.py models`: the model files of this machine, and how published ones are brought here."""

from __future__ import annotations

import contextlib
import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, cast

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from analysis.core.encoders import Advance, Encoder, find, offered, problems
from analysis.core.errors import AnalysisError, ModelUnavailable

COLUMNS = ("name", "where", "size", "dimensions", "checksum", "title")


class Command(BaseCommand):
    """List, fetch and check models. Needs no database and no server."""

    help = (
        "Models that turn images into embeddings. list: what is on this machine and what could be fetched. "
        "fetch: download published weights into the models folder. check: compare every file with its checksum, load "
        "each model and have it describe two pictures. Results go to stdout, everything said about them to stderr."
    )
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, with which models."""
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
        parser.add_argument("--device", help="where check computes: cpu, cuda, cuda:1 or mps (default: the fastest)")
        parser.add_argument("action", choices=["list", "fetch", "check"])
        parser.add_argument("names", nargs="*", metavar="NAME", help="e.g. openclip:ViT-B-32/openai")

    def handle(
        self, *args: Any, action: str, names: Sequence[str], as_json: bool, device: str | None, **options: Any
    ) -> None:
        """Do it."""
        if action == "fetch" and not names:
            raise CommandError("Which models? Name one or more; python manage.py models list shows what there is.")
        try:
            {"list": self._list, "fetch": self._fetch, "check": self._check}[action](names, as_json, device)
        except AnalysisError as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run it again at any time.", returncode=130) from None

    def _list(self, names: Sequence[str], as_json: bool, device: str | None) -> None:
        found = [_row(encoder) for encoder in self._named(names, offered)]
        if as_json:
            self._show({"folder": str(settings.MODELS_DIR), "models": found, "problems": _problems(names)})
            return
        self._table(found)
        for problem in _problems(names):
            self.stderr.write(problem, style_func=str)
        if not names:
            self._note(f"Models lie in {settings.MODELS_DIR}. Fetch others with: python manage.py models fetch NAME")

    def _fetch(self, names: Sequence[str], as_json: bool, device: str | None) -> None:
        encoders = self._named(names, offered)
        with _progress() as advance:
            failed = self._each(encoders, lambda encoder: encoder.fetch(advance))
        fetched = [_row(encoder) for encoder in encoders if encoder.name not in failed]
        if as_json:
            self._show({"folder": str(settings.MODELS_DIR), "models": fetched, "problems": list(failed.values())})
        for row in fetched if not as_json else ():
            self.stdout.write(f"{row['name']} is here: {_size(row['size'])} in {settings.MODELS_DIR}.")
        self._end(failed)

    def _check(self, names: Sequence[str], as_json: bool, device: str | None) -> None:
        encoders = self._named(names, lambda folder: [found for found in offered(folder) if found.on_disk])
        said: dict[str, str] = {}

        def check(encoder: Encoder) -> None:
            said[encoder.name] = f"{encoder.verify()}; {_tried(encoder, device)}"
            if not as_json:
                self.stdout.write(f"{encoder.name}: {said[encoder.name]}")

        failed = self._each(encoders, check)
        failed |= {f"file {number}": problem for number, problem in enumerate(_problems(names))}
        if as_json:
            checked = [_row(encoder) | {"said": said[encoder.name]} for encoder in encoders if encoder.name in said]
            self._show({"folder": str(settings.MODELS_DIR), "models": checked, "problems": list(failed.values())})
        elif not encoders and not failed:
            self._note(f"There is no model in {settings.MODELS_DIR} yet. python manage.py models list shows some.")
        self._end(failed)

    def _named(self, names: Sequence[str], default: Callable[[Any], list[Encoder]]) -> list[Encoder]:
        """The encoders of these names, all that are meant where none is given."""
        return [find(name, settings.MODELS_DIR) for name in names] or default(settings.MODELS_DIR)

    def _each(self, encoders: Sequence[Encoder], work: Callable[[Encoder], None]) -> dict[str, str]:
        """Do the work for every encoder, whatever befalls another; name → what went wrong."""
        failed = {}
        for encoder in encoders:
            try:
                work(encoder)
            except ModelUnavailable as problem:
                failed[encoder.name] = str(problem) if encoder.name in str(problem) else f"{encoder.name}: {problem}"
        return failed

    def _end(self, failed: dict[str, str]) -> None:
        if failed:
            raise CommandError("\n".join(failed.values()))

    def _table(self, rows: Sequence[dict[str, Any]]) -> None:
        if not self.stdout.isatty():
            for row in rows:
                words = (row["name"], row["where"], row["size"], row["dimensions"], row["checksum"], row["title"])
                self.stdout.write("\t".join("" if word is None else str(word) for word in words))
            return
        table = Table(box=None, pad_edge=False)
        for column in COLUMNS:
            table.add_column(column, justify="right" if column in {"size", "dimensions"} else "left", overflow="fold")
        for row in rows:
            size = _size(row["size"]) if row["size"] else ""
            dimensions = "" if row["dimensions"] is None else f"{row['dimensions']:,}"
            style = "" if row["where"] == "here" else "dim"
            table.add_row(row["name"], row["where"], size, dimensions, row["checksum"], row["title"], style=style)
        # Django's wrapper of the stream is one for all that is called here.
        Console(file=cast(IO[str], self.stdout)).print(table, markup=False)

    def _show(self, out: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(out, indent=2, ensure_ascii=False))

    def _note(self, line: str) -> None:
        self.stderr.write(line, style_func=str)


def _row(encoder: Encoder) -> dict[str, Any]:
    weights = encoder.weights()
    return {
        "name": encoder.name,
        "title": encoder.title,
        "summary": encoder.summary,
        "where": "here" if weights else "to be fetched",
        "size": weights.size if weights else 0,
        "dimensions": encoder.dim,
        "checksum": weights.checksum if weights else "",
        "text": encoder.has_text,
        "default_distance": encoder.default_distance,
    }


def _problems(names: Sequence[str]) -> list[str]:
    """What is wrong with files of the models folder, where all of it is asked for."""
    return [] if names else [str(problem) for problem in problems(settings.MODELS_DIR)]


def _tried(encoder: Encoder, device: str | None) -> str:
    """Load it, have it describe two pictures and, where it can, a text; in words.

    Raises:
        ModelUnavailable: it cannot.
    """
    loaded = encoder.load(device)
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    vectors = loaded.encode([loaded.prepare(noise), loaded.prepare(noise[::-1])])
    said = f"{len(vectors)} pictures gave unit vectors of {vectors.dim:,} dimensions on {loaded.device}"
    if not encoder.has_text:
        return said
    try:
        loaded.encode_text(["a picture"])
    except ModelUnavailable as problem:
        return f"{said}; no search in words: {problem}"
    return f"{said}, and so did a text"


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


@contextlib.contextmanager
def _progress() -> Iterator[Advance]:
    """A line for each file that is downloaded, on stderr, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as shown:
        lines: dict[str, Any] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in lines:
                lines[what] = shown.add_task(what, total=total or None)
            shown.update(lines[what], completed=done, total=total or None)

        yield advance
