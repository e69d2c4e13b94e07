"""Reads of what pixels and descriptors say of a pair: verifications, runs of them, distances worked out on the spot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from numpy.typing import ArrayLike

from analysis.core.search import cosine_distances
from analysis.core.verifiers import VERIFIERS, Verifier
from analysis.models import Comparison, Embedding, Hash, Verification, VerificationRun
from analysis.queries._comparisons import cells
from analysis.queries._pairs import Measured, PairRow, images_by_id, measurements
from analysis.signals import signal
from catalog.models import Image, Project


def verifications(a: Image, b: Image) -> list[Verification]:
    """What verifiers found in a pair, by name of the verifier."""
    return list(Verification.objects.filter(image_a=a, image_b=b).order_by("verifier"))


@dataclass(frozen=True, slots=True)
class Looked:
    """What a verifier found in a pair, as lists say it.

    Attributes:
        verifier: its entry.
        matches: keypoints matched.
        inliers: matches that one transformation explains.
        mirrored: whether the second image matched as its mirror image.
    """

    verifier: Verifier
    matches: int
    inliers: int
    mirrored: bool

    @property
    def sure(self) -> bool:
        """Whether the two most likely show the same thing."""
        return self.inliers >= self.verifier.default_inliers


def verifications_of(pairs: Sequence[PairRow]) -> dict[tuple[int, int], list[Looked]]:
    """What verifiers found in many pairs, in one query: image ids → by name of the verifier."""
    query = """
        SELECT v.image_a_id, v.image_b_id, v.verifier, v.matches, v.inliers, v.mirrored
        FROM unnest(%s::bigint[], %s::bigint[]) AS pair(a, b)
        JOIN analysis_verification v ON v.image_a_id = pair.a AND v.image_b_id = pair.b
        ORDER BY v.verifier
    """
    found: dict[tuple[int, int], list[Looked]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(query, [[pair.a.pk for pair in pairs], [pair.b.pk for pair in pairs]])
        for a, b, verifier, *rest in cursor.fetchall():
            found[a, b].append(Looked(VERIFIERS[verifier], *rest))
    return found


def verification_runs(project: Project) -> QuerySet[VerificationRun]:
    """The project's runs, the newest first."""
    rows = VerificationRun.objects.filter(comparison__project=project)
    return rows.select_related("comparison", "signal", "created_by").order_by("-id")


def verification_run(project: Project, run_id: int) -> VerificationRun:
    """One run of the project (else 404)."""
    return get_object_or_404(verification_runs(project), pk=run_id)


@dataclass(frozen=True, slots=True)
class Verified:
    """How far a verifier has come with the pairs of a comparison up to a distance.

    Attributes:
        pairs: those of which both pictures are there.
        looked_at: how many of them it has looked at.
        sure: how many of these have the inliers that it takes as sure.
        mirrored: how many of the sure ones are mirror images.
    """

    pairs: int
    looked_at: int
    sure: int
    mirrored: int


def verified(comparison: Comparison, *, signal_id: int, max_distance: float, verifier: str, inliers: int) -> Verified:
    """How far a verifier has come with the pairs of a comparison; `inliers` are what it takes as sure."""
    pairs = _with_pictures(comparison, signal_id, max_distance)
    if pairs is None:
        return Verified(0, 0, 0, 0)
    query = f"""
        SELECT count(*), count(v.inliers), count(*) FILTER (WHERE v.inliers >= %s),
            count(*) FILTER (WHERE v.inliers >= %s AND v.mirrored)
        FROM ({pairs[0]}) AS pair
        LEFT JOIN analysis_verification v
            ON v.image_a_id = pair.a AND v.image_b_id = pair.b AND v.verifier = %s
    """  # noqa: S608  # built from constants; values are parameters
    with connection.cursor() as cursor:
        cursor.execute(query, [inliers, inliers, *pairs[1], verifier])
        return Verified(*cursor.fetchone())


def unverified(comparison: Comparison, *, signal_id: int, max_distance: float, verifier: str) -> list[tuple[int, int]]:
    """The pairs with both pictures that a verifier has not looked at, as image ids, in order of these."""
    pairs = _with_pictures(comparison, signal_id, max_distance)
    if pairs is None:
        return []
    query = f"""
        SELECT pair.a, pair.b FROM ({pairs[0]}) AS pair
        WHERE NOT EXISTS (
            SELECT 1 FROM analysis_verification v
            WHERE v.image_a_id = pair.a AND v.image_b_id = pair.b AND v.verifier = %s
        ) ORDER BY pair.a, pair.b
    """  # noqa: S608  # built from constants; values are parameters
    with connection.cursor() as cursor:
        cursor.execute(query, [*pairs[1], verifier])
        return [(a, b) for a, b in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class VerifiedPair:
    """A pair of a comparison with what a verifier found in it."""

    a: Image
    b: Image
    looked: Looked


def verified_pairs(
    run: VerificationRun, *, inliers: int = 0, after: tuple[int, int] = (0, 0), limit: int = 50
) -> list[VerifiedPair]:
    """The pairs of a run that its verifier has looked at, in this run or in others, in order of image ids.

    Args:
        run: whose comparison, signal and distance bound them.
        inliers: only pairs with so many at least.
        after: image ids of the last pair of the page before.
        limit: pairs on the page; one more is returned where there is a next page.
    """
    pairs = _with_pictures(run.comparison, run.signal_id, run.max_distance)
    if pairs is None:
        return []
    query = f"""
        SELECT v.image_a_id, v.image_b_id, v.matches, v.inliers, v.mirrored FROM ({pairs[0]}) AS pair
        JOIN analysis_verification v ON v.image_a_id = pair.a AND v.image_b_id = pair.b AND v.verifier = %s
        WHERE v.inliers >= %s AND (v.image_a_id, v.image_b_id) > (%s, %s)
        ORDER BY v.image_a_id, v.image_b_id LIMIT %s
    """  # noqa: S608  # built from constants; values are parameters
    with connection.cursor() as cursor:
        cursor.execute(query, [*pairs[1], run.verifier, inliers, *after, limit + 1])
        rows = cursor.fetchall()
    images = images_by_id([pk for a, b, *_ in rows for pk in (a, b)])
    verifier = VERIFIERS[run.verifier]
    return [VerifiedPair(images[a], images[b], Looked(verifier, *rest)) for a, b, *rest in rows]


def _with_pictures(comparison: Comparison, signal_id: int, max_distance: float) -> tuple[str, list[Any]] | None:
    """A query of the comparison's pairs up to a distance whose pictures are both there, and its parameters."""
    asked = cells(comparison)
    if not asked:
        return None
    query = """
        SELECT m.image_a_id AS a, m.image_b_id AS b
        FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
        JOIN analysis_measurement m ON m.signal_id = %s AND m.dataset_a_id = cell.a AND m.dataset_b_id = cell.b
            AND m.distance <= %s
        JOIN catalog_image one ON one.id = m.image_a_id AND one.file <> ''
        JOIN catalog_image other ON other.id = m.image_b_id AND other.file <> ''
    """
    return query, [[cell.a for cell in asked], [cell.b for cell in asked], signal_id, max_distance]


def distances(a: Image, b: Image) -> list[Measured]:
    """The distance of a pair under every signal that describes both images, whether a comparison reached it or not.

    Worked out from the stored descriptors; what tries all orientations is known only where it was measured. Hashes
    come first, with their notes, then embeddings, each by name.
    """
    known = {found.known.name: found for found in measurements(a, b)}
    for name, *rows in _of_both(Hash, "bits", a, b):
        one, other = (bytes(row) for row in rows)
        entry = signal(name)
        found = known.get(name) or Measured(entry, entry.hash.metric.distance(one, other), None)
        known[name] = replace(found, notes=(entry.hash.note(one), entry.hash.note(other)))
    for name, one, other in _of_both(Embedding, "vector", a, b):
        if name not in known:
            entry = signal(name)
            known[name] = Measured(entry, _cosine_distance(one, other), None)
    return sorted(known.values(), key=lambda found: (found.known.is_embedding, found.known.name))


def _cosine_distance(one: ArrayLike, other: ArrayLike) -> float:
    """The distance that a join would give: Django reads the stored single precision as doubles."""
    query, base = (np.asarray(each, np.float32) for each in (one, other))
    return float(cosine_distances(query, base[None])[0])


def _of_both(table: type[Hash] | type[Embedding], column: str, a: Image, b: Image) -> list[tuple[str, Any, Any]]:
    """Signal names under which both images are described as they are, with their descriptors."""
    rows = table._default_manager.filter(image_id__in=(a.pk, b.pk)).exclude(signal__name__contains="@")
    found: dict[str, dict[int, Any]] = defaultdict(dict)
    for name, image_id, descriptor in rows.values_list("signal__name", "image_id", column):
        found[name][image_id] = descriptor
    return [(name, each[a.pk], each[b.pk]) for name, each in found.items() if len(each) == 2]
