"""From a recipe to a frozen split: clusters from pairs, the draw, the rows, the archive."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import numpy as np
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from numpy.typing import NDArray

from analysis import bulk, descriptors
from analysis.core import splits as core
from analysis.core.archive import ArchiveWriter, sha256_of
from analysis.core.arrays import Pairs
from analysis.core.clusters import connected
from analysis.core.split_archive import About, Item, write_split
from analysis.core.versions import versions
from analysis.models import Coverage, Decision, Split, SplitItem
from analysis.models.review import ACCEPTED
from analysis.population import Population
from analysis.queries import Cell
from analysis.signals import KnownSignal, signal
from analysis.workspace import require_covered
from catalog.jobs import Progress
from catalog.models import Dataset, Image, Label


@dataclass(frozen=True, slots=True, eq=False)
class Clustered:
    """A dataset's images with their labels and clusters; n rows by image id.

    Attributes:
        ids: int64, shape (n,).
        names: n names.
        labels: labels of each image.
        cluster: int64, shape (n,).
        source: where the clusters come from, for the manifest.
        said: the same as sentences.
    """

    ids: NDArray[np.int64]
    names: list[str]
    labels: list[tuple[str, ...]]
    cluster: NDArray[np.int64]
    source: Mapping[str, Any]
    said: str


def clustered(dataset: Dataset, known: KnownSignal | None, max_distance: float) -> Clustered:
    """The images of a dataset with their clusters.

    Images are joined by all pairs of the project, so that two that are both copies of an image of another dataset are
    joined too.

    Args:
        dataset: whose images.
        known: a signal, all pairs of which up to `max_distance` count; None for the pairs that people accepted.
        max_distance: in the signal's unit.

    Raises:
        NotCovered: the pairs inside the dataset are not known up to this distance.
    """
    if known is not None:
        require_covered(dataset=dataset, known=known, max_distance=max_distance)
    population = Population(list(dataset.project.datasets.all()))
    parts = _accepted(dataset) if known is None else _measured(dataset, known, max_distance)
    pairs = population.pairs(parts)
    own = np.flatnonzero(population.dataset == population.datasets.index(dataset))
    cluster = connected(len(population.ids), pairs)[own]
    ids = population.ids[own]
    rows = dict(Image.objects.filter(dataset=dataset).values_list("pk", "name"))
    touching = int(np.count_nonzero(np.isin(pairs.a, own) | np.isin(pairs.b, own)))
    several = int((np.unique(cluster, return_counts=True)[1] > 1).sum())
    source, said = _told(dataset, known, max_distance, touching, several)
    return Clustered(ids, [rows[pk] for pk in ids.tolist()], _labels(dataset, ids), cluster, source, said)


def _told(
    dataset: Dataset, known: KnownSignal | None, max_distance: float, touching: int, several: int
) -> tuple[dict[str, Any], str]:
    """Where clusters come from, as data and as sentences."""
    counted = {"pairs": touching, "clusters_of_two_or_more": several}
    found = f"{touching:,} such pairs touch this dataset; {several:,} clusters have two or more of its images."
    through = "also through images of the project's other datasets"
    if known is None:
        said = (
            "Images that people judged to show the same (same image, same object, or a detail of it) form a cluster, "
            f"{through}. {found} Pairs that nobody judged do not count."
        )
        return {"source": "accepted pairs", "verdicts": list(ACCEPTED), **counted}, said
    lacking = dataset.images.count() - descriptors.count(known, dataset.pk)
    said = (
        f"Images at most {known.words(max_distance)} apart under {known.title} ({known.name}) form a "
        f"cluster, {through} as far as those have been compared. All pairs inside this dataset were compared. {found}"
    )
    said += f" {lacking:,} images have no such descriptor and count as copies of nothing." if lacking else ""
    scale = {"unit": known.scale.unit, "of": known.scale.largest}
    source = {"source": "signal", "signal": known.name, "max_distance": max_distance, **scale, **counted}
    return {**source, "images_without_descriptor": lacking}, said


def _accepted(dataset: Dataset) -> list[tuple[Cell, Pairs]]:
    decided = Decision.objects.filter(dataset_a__project_id=dataset.project_id, choice__in=ACCEPTED)
    return [
        (Cell(a, b), bulk.read_accepted(dataset_a=a, dataset_b=b, choices=ACCEPTED))
        for a, b in decided.order_by().values_list("dataset_a_id", "dataset_b_id").distinct()
    ]


def _measured(dataset: Dataset, known: KnownSignal, max_distance: float) -> list[tuple[Cell, Pairs]]:
    covered = Coverage.objects.filter(signal_id=known.id, dataset_a__project_id=dataset.project_id)
    return [
        (Cell(a, b), bulk.read_measurements(signal_id=known.id, dataset_a=a, dataset_b=b, max_distance=max_distance))
        for a, b in covered.order_by("pk").values_list("dataset_a_id", "dataset_b_id")
    ]


def _labels(dataset: Dataset, ids: NDArray[np.int64]) -> list[tuple[str, ...]]:
    image_ids, label_ids = bulk.read_image_labels(dataset_id=dataset.pk)
    known = dict(Label.objects.filter(pk__in=np.unique(label_ids).tolist()).values_list("pk", "name"))
    found: dict[int, list[str]] = {}
    for image, label in zip(image_ids.tolist(), label_ids.tolist(), strict=True):
        found.setdefault(image, []).append(known[label])
    return [tuple(found.get(pk, ())) for pk in ids.tolist()]


def freeze_split(split: Split, progress: Progress[Any]) -> None:
    """Draw a split, store its rows and write its archive. Repeating it on the same data gives the same bytes.

    Raises:
        NotEnoughGroups: too few classes have enough images.
        NotCovered: the pairs inside the dataset are not known up to the distance asked for.
        DamagedPicture: a stored picture is no longer the file that was brought.
    """
    progress.stage("Finding clusters")
    known = signal(split.signal.name) if split.signal else None
    data = clustered(split.dataset, known, split.max_distance or 0)
    recipe = core.Recipe(**split.recipe)
    drawn = core.make_split(
        names=data.names, labels=data.labels, cluster=data.cluster, recipe=recipe, rng_seed=split.seed
    )
    left_out = {one.reason: one.count for one in drawn.left_out}
    about = About(
        name=split.name,
        dataset=split.dataset.name,
        images=len(data.ids),
        recipe=split.recipe,
        seed=split.seed,
        clusters=data.source,
        clusters_said=data.said,
        left_out=left_out,
        classes_available=drawn.n_available,
        classes_seen=drawn.n_classes,
        versions=versions(),
    )
    progress.stage("Writing the archive", total=len(drawn.rows))
    key, digest = _write(split, about, _items(data, drawn), progress)
    before = str(split.archive)
    with transaction.atomic():
        split.items.all().delete()
        SplitItem.objects.bulk_create(
            (
                SplitItem(
                    split=split, position=position, image_id=int(data.ids[row.index]), label=row.label, role=row.role
                )
                for position, row in enumerate(drawn.rows)
            ),
            batch_size=5000,
        )
        Split.objects.filter(pk=split.pk).update(
            archive=key,
            archive_sha256=digest,
            left_out=left_out,
            versions={
                **about.versions,
                "clusters": dict(data.source),
                "clusters_said": data.said,
                "classes_available": drawn.n_available,
                "classes_seen": drawn.n_classes,
                "images": len(data.ids),
            },
        )
    if before and before != key:
        default_storage.delete(before)


def _items(data: Clustered, drawn: core.Split) -> list[Item]:
    chosen = [int(data.ids[row.index]) for row in drawn.rows]
    images = Image.objects.in_bulk(chosen)
    _, where, sizes = np.unique(data.cluster, return_inverse=True, return_counts=True)
    first: dict[int, str] = {}
    for at in np.flatnonzero(sizes[where] > 1).tolist():
        group = int(where[at])
        first[group] = min(first.get(group, data.names[at]), data.names[at])
    items = []
    for pk, row in zip(chosen, drawn.rows, strict=True):
        image = images[pk]
        items.append(
            Item(
                name=image.name,
                path=image.path,
                label=row.label,
                role=row.role,
                cluster=first.get(int(where[row.index]), ""),
                sha256=image.sha256,
                suffix=PurePosixPath(str(image.file)).suffix,
                open=partial(_open, str(image.file)) if image.has_picture else None,
            )
        )
    return items


def _open(key: str) -> BinaryIO:
    return cast("BinaryIO", default_storage.open(key))


def _write(split: Split, about: About, items: list[Item], progress: Progress[Any]) -> tuple[str, str]:
    """Storage key and SHA-256 of the archive."""
    scratch = Path(settings.FILE_UPLOAD_TEMP_DIR)
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix="split-", dir=scratch) as out:
        # Stored, not deflated: pictures hardly shrink, and no version of zlib changes the archive's bytes.
        with ArchiveWriter(cast("BinaryIO", out), compress=False) as archive:
            for _ in write_split(archive, about, items):
                progress.advance()
        out.flush()
        digest = sha256_of(Path(out.name))
        out.seek(0)
        return default_storage.save(f"splits/{split.project_id}/{split.pk}.zip", File(out)), digest
