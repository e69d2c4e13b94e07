"""The overlap of folders without a database: the catalogue's reading and the analysis's arithmetic, put together."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from analysis.core.encoders import LoadedEncoder
from analysis.core.hashes import HASHES, Hash
from analysis.core.report import DatasetPart, ReportData
from analysis.core.versions import versions
from catalog.core.errors import CatalogError
from catalog.core.images import read_pixels, thumbnail
from simweb.headless.compare import Found, Half, compare
from simweb.headless.encoders import Embeddings, embeddings_of
from simweb.headless.folders import Folder, open_folder
from simweb.headless.halves import (
    COSINE,
    Brought,
    cosine_half,
    hash_half,
    hash_texts,
    hashes_brought,
    vectors_of,
)
from simweb.headless.pictures import Advance, Seen, Wanted, look
from simweb.headless.plan import Overlap, Plan
from simweb.headless.scenes import Embedded
from simweb.headless.trial import Trial

THUMBNAIL_SIZE = 320
MOST_SMALL = 3_000
"""Images of all datasets up to which the pages of projections hold pictures: some kilobytes each."""

_OF_PROJECTIONS = ("scikit-learn", "umap-learn")


def overlap_of_folders(
    folders: Sequence[tuple[str, Path]], plan: Plan, *, advance: Advance, stack: ExitStack
) -> Overlap:
    """Read and compare datasets that lie in folders or archives.

    Where hashes and embeddings are compared, what stops one of them does not stop the other.

    Args:
        folders: name and place of each dataset.
        plan: what to do.
        advance: told of progress.
        stack: keeps the sources open for as long as the report's pictures are asked for.

    Raises:
        CatalogError: a folder that is not there or cannot be read.
        AnalysisError: an unknown name, or what stopped every method.
    """
    opened = [open_folder(name, place, plan.max_images, stack) for name, place in folders]
    notes = _notes(opened, plan)
    trial = Trial(plan.methods)
    sources = _sources(opened, plan, trial, advance)
    seen = _look(opened, sources.wanted(opened, plan), trial, advance)
    parts = [_part(folder, each) for folder, each in zip(opened, seen, strict=True)]
    hashed = _hash_half(sources, plan, seen)
    embedded = _embedded(opened, sources, trial, seen, parts)
    if sources.source is not None and embedded:
        notes += _whose(sources.source)
    halves = [*filter(None, [hashed]), *_cosine_halves(sources, plan, embedded)]

    found: dict[str, Found] = {}
    for half in halves:
        pairs = trial.run(half.method, partial(compare, half, [len(part.names) for part in parts], plan.scope))
        if pairs is not None:
            found[half.method] = pairs
            notes += _crowded(pairs, parts)
    if COSINE not in found:
        embedded = []
    data = ReportData(
        title=" × ".join(folder.name for folder in opened),
        scope=plan.scope or "across",
        date="",
        datasets=parts,
        signals=[each.part for each in found.values()],
        choices=[],
        versions=versions() | (sources.versions(plan) if embedded else {}),
        picture=_pictures(opened, parts),
    )
    return Overlap(
        data=data,
        inside=replace(data, scope="within", signals=[each.inside for each in found.values()]),
        methods=list(found),
        listed=frozenset((i, signal) for signal, each in enumerate(found.values()) for i in each.listed),
        hashes=_texts(hashed, seen, parts) if hashed is not None and hashed.method in found else None,
        embedded=embedded,
        device=sources.model.device if sources.model is not None and embedded else "",
        problems=trial.problems,
        notes=notes,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sources:
    """Where descriptors come from.

    Attributes:
        known: the hash; None where none is compared, or where that was stopped.
        brought: the hashes of folders without pictures.
        source: where vectors come from; None as `known`.
        model: the model in memory; None where no folder needs one.
    """

    known: Hash | None
    brought: Brought
    source: Embeddings | None
    model: LoadedEncoder | None

    def wanted(self, folders: Sequence[Folder], plan: Plan) -> Wanted:
        """What pictures are looked at for."""
        few = sum(len(folder.entries) for folder in folders) <= MOST_SMALL
        return Wanted(
            hash=self.known,
            model=self.model,
            small=plan.projected and self.source is not None and few,
            batch_size=plan.batch_size,
            workers=plan.threads or os.cpu_count() or 1,
        )

    def versions(self, plan: Plan) -> dict[str, str]:
        """Library -> version, of what only embeddings depend on."""
        found = self.source.versions() if self.source is not None else {}
        if plan.projected:
            found |= {name: importlib.metadata.version(name) for name in _OF_PROJECTIONS}
        return found


def _sources(folders: Sequence[Folder], plan: Plan, trial: Trial, advance: Advance) -> _Sources:
    known, brought, source, model = None, None, None, None
    if plan.hashed_as:
        known = HASHES[plan.hash_name]
        brought = trial.run(plan.hashed_as, partial(hashes_brought, folders, known))
    if plan.cosine:
        source = trial.run(COSINE, partial(embeddings_of, folders, plan.clip_model, plan.models))
    if source is not None:
        model = trial.run(COSINE, partial(source.load, advance))
    stopped = COSINE in trial.problems
    return _Sources(known if brought is not None else None, brought or {}, None if stopped else source, model)


def _hash_half(sources: _Sources, plan: Plan, seen: Sequence[Seen | None]) -> Half | None:
    if sources.known is None:
        return None
    return hash_half(plan.hashed_as, sources.known, plan.limits.of_hash(sources.known), sources.brought, seen)


def _texts(half: Half, seen: Sequence[Seen | None], parts: Sequence[DatasetPart]) -> list[dict[str, str]]:
    """The hashes of each dataset by name."""
    of_each = zip(half.described, seen, parts, strict=True)
    return [hash_texts(described, each, part.names) for described, each, part in of_each]


def _embedded(
    folders: Sequence[Folder],
    sources: _Sources,
    trial: Trial,
    seen: Sequence[Seen | None],
    parts: Sequence[DatasetPart],
) -> list[Embedded]:
    """The embeddings of each dataset; none where they are not wanted, or were stopped."""
    if sources.source is None or COSINE in trial.problems:
        return []
    vectors = trial.run(COSINE, partial(vectors_of, folders, sources.source, seen))
    of_each = zip(parts, vectors or [], seen, strict=vectors is not None)
    return [
        Embedded(part, position, values, rows, each.small if each is not None else [])
        for position, (part, (values, rows), each) in enumerate(of_each)
    ]


def _cosine_halves(sources: _Sources, plan: Plan, embedded: Sequence[Embedded]) -> list[Half]:
    if sources.source is None or not embedded:
        return []
    vectors = [(each.vectors, each.rows) for each in embedded]
    return [cosine_half(sources.source, plan.limits.of_cosine(sources.source), vectors, plan.threads)]


def _crowded(found: Found, parts: Sequence[DatasetPart]) -> list[str]:
    return [
        f"The pairs inside {parts[i].name} are not listed: {error} Or leave them out with --scope across."
        for i, error in found.crowded.items()
    ]


def _look(folders: Sequence[Folder], wanted: Wanted, trial: Trial, advance: Advance) -> list[Seen | None]:
    """What the pictures of each folder give; None for folders without. A model that fails is given up."""
    seen: list[Seen | None] = []
    for folder in folders:
        each = look(folder, wanted, advance) if folder.has_pictures else None
        if each is not None and each.failure is not None:
            trial.stop(COSINE, each.failure)
            wanted = replace(wanted, model=None)
        seen.append(each)
    return seen


def _part(folder: Folder, seen: Seen | None) -> DatasetPart:
    entries = folder.entries if seen is None else [folder.entries[row] for row in seen.kept.tolist()]
    return DatasetPart(
        name=folder.name,
        names=[entry.name for entry in entries],
        paths=[entry.path or entry.name for entry in entries],
        pictures=sum(bool(entry.path) for entry in entries),
        labels={entry.name: entry.labels for entry in entries if entry.labels},
        refused=[*((item.path, item.message) for item in folder.layout.refused), *(seen.refused if seen else ())],
        left_out=len(folder.layout.images) - len(folder.entries),
    )


def _pictures(folders: Sequence[Folder], parts: Sequence[DatasetPart]) -> Callable[[int], bytes | None]:
    """Gives the thumbnail of a row of all datasets."""
    bounds = np.cumsum([0, *(len(part.names) for part in parts)])

    def picture(row: int) -> bytes | None:
        dataset = int(np.searchsorted(bounds, row, side="right")) - 1
        if not folders[dataset].has_pictures:
            return None
        path = parts[dataset].paths[row - int(bounds[dataset])]
        return thumbnail(read_pixels(folders[dataset].source.read(path)), THUMBNAIL_SIZE)

    return picture


def _notes(folders: Sequence[Folder], plan: Plan) -> list[str]:
    """What people should know of the datasets.

    Raises:
        CatalogError: labels are required, and there are none.
    """
    notes = [
        f"{len(folder.entries):,} of {len(folder.layout.images):,} images of {folder.name} were taken, the same in "
        "every run: those whose names have the smallest SHA-256."
        for folder in folders
        if len(folder.entries) < len(folder.layout.images)
    ]
    if plan.ground_truth:
        bare = [folder.name for folder in folders if not any(entry.labels for entry in folder.entries)]
        if len(bare) == len(folders):
            raise CatalogError(
                f"No image of {', '.join(bare)} has a label.",
                remedy="Put 2_ground_truth.json or labels.json beside the images; docs/layouts.md shows how they look.",
            )
        notes += [f"No image of {name} has a label." for name in bare]
    return notes


def _whose(source: Embeddings) -> list[str]:
    """Where brought vectors come from, as far as that is known."""
    return [
        f"{vectors.folder.name} was compared by the vectors that it brings ({vectors.file_name})"
        + (f", taken to be of {source.name}." if source.name != vectors.name else ".")
        for vectors in source.brought.values()
    ]
