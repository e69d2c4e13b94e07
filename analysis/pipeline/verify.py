"""A second look at pairs from their pixels: one pair on request, or all pairs of a comparison up to a distance."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from django.core.files.storage import default_storage
from django.db import connection, transaction

from analysis.core.errors import AnalysisError
from analysis.core.verifiers import VERIFIERS, Finding, Seen, Verifier, versions
from analysis.models import Verification, VerificationRun
from analysis.queries import unverified
from catalog.core.errors import CatalogError
from catalog.core.images import read_pixels
from catalog.jobs import Progress
from catalog.models import Image

CHUNK = 32
"""Pairs of one short transaction: a few seconds of work."""
KEPT = 128
"""Pictures kept ready for the next pairs, which often share one; about a megabyte each."""
INLIERS_DRAWN, OUTLIERS_DRAWN = 120, 40
"""Matches kept for drawing; more would be a tangle."""


class NoPicture(AnalysisError):
    """Keypoints were asked for of an image that is not here."""


def verify_pair(one: Image, other: Image, verifier: str) -> Verification:
    """Look at one pair; what was found before is found again.

    Args:
        one: the first image, in canonical order.
        other: the second image.
        verifier: name of a verifier.

    Raises:
        UnknownName: no such verifier.
        NoPicture: one of the images is a fingerprint only, or its file is gone.
    """
    known = VERIFIERS[verifier]
    for image in (one, other):
        if not image.has_picture:
            raise NoPicture(
                f"There is no picture of “{image.name}”, only fingerprints.",
                remedy="Keypoints need pixels: upload the picture into its dataset.",
            )
    found_before = Verification.objects.filter(image_a=one, image_b=other, verifier=verifier)
    if (stored := found_before.first()) is not None:
        return stored
    try:
        seen = [_see(known, image) for image in (one, other)]
    except (OSError, CatalogError) as error:
        raise NoPicture("A picture of this pair cannot be read from the store.", remedy=_REMEDY) from error
    _store([_row(one, other, verifier, known.compare(*seen))])
    stored = found_before.first()
    if stored is None:
        raise NoPicture("One of the two images was deleted meanwhile.")
    return stored


_REMEDY = "Its keeper may find out where the files went; then look again."


def verify_pairs(run: VerificationRun, progress: Progress[Any]) -> None:
    """Look at all pairs of a run that its verifier has not looked at. Repeating it does what is left.

    Raises:
        UnknownName: no such verifier.
        AnalysisError: some pictures cannot be read; all other pairs were looked at.
    """
    verifier = VERIFIERS[run.verifier]
    progress.stage("Listing pairs", unit="pairs")
    pairs = unverified(run.comparison, signal_id=run.signal_id, max_distance=run.max_distance, verifier=run.verifier)
    progress.stage(f"Looking at pairs with {verifier.title}", total=len(pairs), unit="pairs")
    lost: set[int] = set()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        pictures = _Pictures(verifier, pool)
        for chunk in _chunks(pairs):
            images = Image.objects.in_bulk({pk for pair in chunk for pk in pair})
            seen = pictures.of(list(images.values()))
            lost |= {pk for pk in images if pk not in seen}
            able = [(images[a], images[b]) for a, b in chunk if a in seen and b in seen]
            found = pool.map(lambda pair: verifier.compare(*pair), [(seen[a.pk], seen[b.pk]) for a, b in able])
            _store([_row(a, b, run.verifier, each) for (a, b), each in zip(able, found, strict=True)])
            progress.advance(len(chunk))
    if lost:
        first = Image.objects.select_related("dataset").get(pk=min(lost))
        raise AnalysisError(
            f"The pictures of {len(lost):,} images cannot be read from the store, the first is “{first.name}” of "
            f"“{first.dataset.name}”. All other pairs were looked at.",
            remedy=_REMEDY,
        )


class _Pictures:
    """Pictures prepared by one verifier, those of late kept."""

    def __init__(self, verifier: Verifier, pool: ThreadPoolExecutor) -> None:
        self._verifier = verifier
        self._pool = pool
        self._kept: dict[int, Seen] = {}

    def of(self, images: Sequence[Image]) -> Mapping[int, Seen]:
        """Image id → picture, of those images whose file can be read."""
        fresh = [image for image in images if image.pk not in self._kept]
        found = dict(zip([image.pk for image in fresh], self._pool.map(self._try, fresh), strict=True))
        here = {image.pk: self._kept.pop(image.pk, None) or found[image.pk] for image in images}
        readable = {pk: seen for pk, seen in here.items() if seen is not None}
        # The latest stand last; the oldest go first.
        self._kept |= readable
        for pk in list(self._kept)[: max(0, len(self._kept) - max(KEPT, len(readable)))]:
            del self._kept[pk]
        return readable

    def _try(self, image: Image) -> Seen | None:
        try:
            return _see(self._verifier, image)
        except (OSError, CatalogError):
            return None


def _see(verifier: Verifier, image: Image) -> Seen:
    with default_storage.open(str(image.file)) as stream:
        return verifier.see(read_pixels(stream.read()))


def _row(one: Image, other: Image, verifier: str, found: Finding) -> Verification:
    return Verification(
        image_a=one,
        image_b=other,
        dataset_a_id=one.dataset_id,
        dataset_b_id=other.dataset_id,
        verifier=verifier,
        keypoints_a=found.keypoints_a,
        keypoints_b=found.keypoints_b,
        matches=found.matches,
        inliers=found.inliers,
        mirrored=found.mirrored,
        geometry=_geometry(found),
        versions=versions(),
    )


def _geometry(found: Finding) -> dict[str, Any]:
    """The transformation, if there is one, and `lines`: x and y in a, x and y in b, and 1 for an inlier."""
    lines = np.column_stack([found.points_a, found.points_b, found.inlying]).astype(np.float64).round(1)
    drawn = [_sample(lines[found.inlying], INLIERS_DRAWN), _sample(lines[~found.inlying], OUTLIERS_DRAWN)]
    of_it = {} if found.transformation is None else found.transformation.as_json()
    return of_it | {"lines": np.concatenate(drawn).tolist()}


def _sample(lines: Any, limit: int) -> Any:
    """At most so many rows, drawn with a fixed seed."""
    if len(lines) <= limit:
        return lines
    return lines[np.sort(np.random.default_rng(0).permutation(len(lines))[:limit])]


def _store(rows: Sequence[Verification]) -> None:
    """Write what was found; what is there already stays, and pairs of images that are gone are left out."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            ids = sorted({pk for row in rows for pk in (row.image_a_id, row.image_b_id)})
            cursor.execute("SELECT id FROM catalog_image WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE", [ids])
            there = {pk for (pk,) in cursor.fetchall()}
        kept = [row for row in rows if row.image_a_id in there and row.image_b_id in there]
        Verification.objects.bulk_create(kept, ignore_conflicts=True)


def _chunks(pairs: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    for start in range(0, len(pairs), CHUNK):
        yield pairs[start : start + CHUNK]
