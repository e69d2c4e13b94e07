"""From descriptors to measurements: exact joins of what no comparison has covered yet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.utils import timezone
from numpy.typing import NDArray

from analysis import bulk
from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import TooManyPairs
from analysis.core.search import hamming_join
from analysis.models import Coverage
from analysis.signals import KnownSignal
from catalog.models import Dataset, Image

MAX_PAIRS = 20_000_000
"""Most pairs of one block of one comparison; beyond it the person is told which images cause them."""

ADVISORY_SPACE = 0x5157
"""Keeps our advisory locks apart from other applications' in the same database."""


@contextlib.contextmanager
def _only_one(known: KnownSignal, a: Dataset, b: Dataset) -> Iterator[None]:
    """Two comparisons that need the same block compute it once: the second waits and finds it covered."""
    key = f"{known.id}:{a.pk}:{b.pk}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [ADVISORY_SPACE, key])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [ADVISORY_SPACE, key])


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The hashes of one side of a join: image ids, rising, and their bits."""

    ids: NDArray[np.int64]
    bits: PackedBits

    def split(self, upto: int) -> tuple[Side, Side]:
        """The images with ids up to `upto`, and the later ones."""
        at = int(np.searchsorted(self.ids, upto, "right"))
        n_bits, packed = self.bits.n_bits, self.bits.packed
        return (
            Side(self.ids[:at], PackedBits(packed[:at], n_bits)),
            Side(self.ids[at:], PackedBits(packed[at:], n_bits)),
        )


def _read(dataset: Dataset, known: KnownSignal) -> Side:
    return Side(*bulk.read_hashes(dataset_id=dataset.pk, signal_id=known.id, n_bits=known.n_bits))


def cover(known: KnownSignal, a: Dataset, b: Dataset, max_distance: float) -> None:
    """Find all pairs of two datasets (or inside one, a = b) up to a distance, as far as they are not known yet.

    New images are joined with all others; images already covered are joined again only for a larger distance.
    Afterwards the coverage row says so.

    Args:
        known: the signal.
        a: first dataset; its id is at most that of `b`.
        b: second dataset.
        max_distance: largest distance, in the signal's unit.

    Raises:
        TooManyPairs: naming the images that are in most of them.
    """
    with _only_one(known, a, b):
        row = Coverage.objects.filter(signal_id=known.id, dataset_a=a, dataset_b=b).first()
        # New images are joined as far as the old ones were, so that one distance holds for all.
        reach = max(max_distance, row.max_distance) if row else max_distance
        covered_a, covered_b = (row.upto_a, row.upto_b) if row and row.max_distance >= reach else (0, 0)
        side_a = _read(a, known)
        side_b = side_a if a == b else _read(b, known)
        old_a, new_a = side_a.split(covered_a)
        _, new_b = side_b.split(covered_b)
        blocks = [(new_a, None), (old_a, new_a)] if a == b else [(new_a, side_b), (old_a, new_b)]
        for first, second in blocks:
            pairs = _join(a, b, first, second, reach)
            bulk.write_measurements(signal_id=known.id, dataset_a=a.pk, dataset_b=b.pk, pairs=pairs)
        Coverage.objects.update_or_create(
            signal_id=known.id,
            dataset_a=a,
            dataset_b=b,
            defaults={
                "max_distance": reach,
                "upto_a": int(side_a.ids[-1]) if len(side_a.ids) else 0,
                "upto_b": int(side_b.ids[-1]) if len(side_b.ids) else 0,
                "computed_at": timezone.now(),
            },
        )


def _join(a: Dataset, b: Dataset, first: Side, second: Side | None, max_distance: float) -> Pairs:
    """One block's pairs as image ids; hubs are named as people know them."""
    try:
        found = hamming_join(
            first.bits, None if second is None else second.bits, int(max_distance), max_pairs=MAX_PAIRS
        )
    except TooManyPairs as error:
        ids = [int(first.ids[row]) for row, _ in error.hubs if row < len(first.ids)]
        names = dict(Image.objects.filter(pk__in=ids).values_list("pk", "name"))
        hubs = ", ".join(
            f"{names[int(first.ids[row])]} ({n:,} pairs)" for row, n in error.hubs[:5] if row < len(first.ids)
        )
        raise TooManyPairs(
            f"More than {MAX_PAIRS:,} pairs of {a.name} and {b.name} lie within {max_distance:g} bits."
            + (f" In most of them: {hubs}." if hubs else ""),
            limit=error.limit,
            hubs=error.hubs,
            remedy="Such images are often blank or flat. Choose a smaller distance, or leave them out.",
        ) from None
    other = first if second is None else second
    return Pairs(first.ids[found.a], other.ids[found.b], found.distance)


def work(a: Dataset, b: Dataset) -> int:
    """How many comparisons of two images a block stands for, to weigh progress."""
    return a.image_count * (a.image_count - 1) // 2 if a == b else a.image_count * b.image_count
