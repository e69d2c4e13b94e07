"""A small comparison whose overlap is known by construction: hashes are written, everything else runs as it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import PackedBits
from analysis.models import Comparison
from analysis.signals import signal
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Dataset, Image, ImageLabel, Label, Project
from catalog.workspace import dataset_for

N_BITS = 64

Sketch = tuple[int, int, str]
"""An image: which picture it shows, how many of its bits are flipped, and its label (empty for none)."""


def bits_of(picture: int, flipped: int) -> NDArray[np.bool_]:
    """Pictures lie far apart; flips of one picture are counted from its first bit."""
    bits: NDArray[np.bool_] = np.random.default_rng(picture).integers(0, 2, N_BITS).astype(np.bool_)
    bits[:flipped] ^= True
    return bits


def sketch_dataset(project: Project, name: str, images: Sequence[Sketch]) -> Dataset:
    """A dataset of fingerprints under phash-8."""
    dataset = dataset_for(project=project, name=name, by=None)
    rows = Image.objects.bulk_create(
        Image(dataset=dataset, name=f"{name}-{n}", path=f"{name}-{n}.png") for n in range(len(images))
    )
    ids = np.array([row.pk for row in rows], np.int64)
    bits = np.stack([bits_of(picture, flipped) for picture, flipped, _ in images])
    packed = PackedBits(np.packbits(bits, axis=1), N_BITS)
    bulk.write_hashes(dataset_id=dataset.pk, signal_id=signal("phash-8").id, image_ids=ids, bits=packed)
    for row, (_, _, label) in zip(rows, images, strict=True):
        if label:
            found, _ = Label.objects.get_or_create(project=project, name=label, defaults={"title": f"Saint {label}"})
            ImageLabel.objects.create(image=row, label=found)
    Dataset.objects.filter(pk=dataset.pk).update(image_count=len(images))
    dataset.refresh_from_db()
    return dataset


USUAL: Mapping[str, Sequence[Sketch]] = {
    # Picture 1 is in all three, twice in A; picture 2 in A and B; the rest stand alone.
    "A": [(1, 0, "Jerome"), (1, 2, "Jerome"), (2, 0, "Peter"), (3, 0, ""), (4, 0, "Paul")],
    "B": [(1, 4, "Jerome"), (2, 6, "Paul"), (5, 0, "")],
    "C": [(1, 10, "Jerome"), (6, 0, "Peter")],
}
"""Across, under phash-8: A0–B0 4, A1–B0 2, A2–B1 6, A0–C0 10, A1–C0 8, B0–C0 6."""

USUAL_PAIRS = {
    ("A-0", "B-0"): 4,
    ("A-1", "B-0"): 2,
    ("A-2", "B-1"): 6,
    ("A-0", "C-0"): 10,
    ("A-1", "C-0"): 8,
    ("B-0", "C-0"): 6,
}


def compare(
    project: Project,
    sketches: Mapping[str, Sequence[Sketch]] = USUAL,
    *,
    scope: str = "across",
    largest: int = 12,
    run: bool = True,
) -> Comparison:
    """The datasets, compared under phash-8."""
    datasets = [sketch_dataset(project, name, images) for name, images in sketches.items()]
    comparison = create_comparison(
        project=project, datasets=datasets, signals={"phash-8": largest}, scope=scope, by=None
    )
    if run:
        run_comparison(comparison.pk)
        comparison.refresh_from_db()
        assert comparison.status == "done", comparison.error
    return comparison
