"""Reads of pairs: lists in order of distance, one pair, what is known and was said of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Self

from django.db import connection
from django.db.models import Q, QuerySet
from django.http import Http404

from analysis.core.errors import AnalysisError
from analysis.core.verifiers import VERIFIERS
from analysis.models import (
    Comparison,
    Decision,
    Measurement,
    Verdict,
)
from analysis.models.review import ACCEPTED, Choice
from analysis.queries._comparisons import Cell, cells
from analysis.signals import KnownSignal, signal
from catalog.models import Image, Project


@dataclass(frozen=True, slots=True)
class PairKey:
    """Where a pair stands in order of distance; as text it is the `after` of a page's address."""

    distance: float
    a: int
    b: int

    def __str__(self) -> str:
        # Whole, since the next page begins exactly here.
        return f"{self.distance!r}-{self.a}-{self.b}".replace(".0-", "-", 1)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The key that an address carries; None for none.

        Raises:
            AnalysisError: not of the form distance-a-b.
        """
        if not text:
            return None
        try:
            distance, a, b = text.rsplit("-", 2)
            return cls(float(distance), int(a), int(b))
        except ValueError:
            raise AnalysisError(f"“{text}” is no place in a list of pairs.", remedy="Open the list anew.") from None


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair as lists show it.

    Attributes:
        a: first image in canonical order, with its dataset and labels.
        b: second image, likewise.
        distance: under the list's signal.
        choice: the decision that stands; empty while there is none.
        orientation: how the second picture was turned to be found; None where that was not tried.
    """

    a: Image
    b: Image
    distance: float
    choice: str
    orientation: int | None = None

    @property
    def turn(self) -> int | None:
        """The orientation, where it is not upright: the second picture is to be shown so."""
        return self.orientation if self.orientation != 1 else None

    @property
    def key(self) -> PairKey:
        """Its place in order of distance."""
        return PairKey(self.distance, self.a.pk, self.b.pk)

    @property
    def choice_title(self) -> str:
        """The decision for people."""
        return Choice(self.choice).label if self.choice else "unjudged"

    @property
    def labels_differ(self) -> bool:
        """Whether both images are labelled and their labels are not the same."""
        a = {label.name for label in self.a.labels.all()}
        b = {label.name for label in self.b.labels.all()}
        return bool(a) and bool(b) and a != b


FILTERS: dict[str, tuple[str, ...] | None] = {
    "": None,
    "open": (),
    "accepted": ACCEPTED,
    "rejected": (Choice.RELATED, Choice.DIFFERENT),
    **{choice.value: (choice.value,) for choice in Choice if choice != Choice.WITHDRAWN},
}


"""What a list of pairs can be narrowed to: all, unjudged, accepted, rejected, or one verdict."""


KEYPOINTS = ("", "found", "none", "unchecked")
"""What a list of pairs can be narrowed to by what verifiers found: all; pairs that one of them is sure of; pairs that
were looked at, but none is sure of; pairs that none has looked at."""


_DIFFERENT_LABELS = """
    AND EXISTS (SELECT 1 FROM catalog_imagelabel l WHERE l.image_id = m.image_a_id)
    AND EXISTS (SELECT 1 FROM catalog_imagelabel l WHERE l.image_id = m.image_b_id)
    AND ARRAY(SELECT l.label_id FROM catalog_imagelabel l WHERE l.image_id = m.image_a_id ORDER BY 1)
     <> ARRAY(SELECT l.label_id FROM catalog_imagelabel l WHERE l.image_id = m.image_b_id ORDER BY 1)
"""


_LOOKED = """
    SELECT v.image_a_id, v.image_b_id FROM analysis_verification v
    JOIN unnest(%s::text[], %s::int[]) AS usual(verifier, inliers) ON usual.verifier = v.verifier
    WHERE v.dataset_a_id = cell.a AND v.dataset_b_id = cell.b
    GROUP BY v.image_a_id, v.image_b_id HAVING bool_or(v.inliers >= usual.inliers) = %s
"""


_DECIDED = """
    SELECT d.image_a_id, d.image_b_id FROM analysis_decision d
    WHERE d.dataset_a_id = cell.a AND d.dataset_b_id = cell.b AND d.choice = ANY(%s)
"""


# What people or verifiers have looked at of two datasets is little: it is read first, and its distances after. In order
# of distance, all pairs might be tried for one page of these.
_MEASUREMENTS_OF_FEW = """({few}) AS few CROSS JOIN LATERAL (
    SELECT m.* FROM analysis_measurement m
    WHERE m.image_a_id = few.image_a_id AND m.image_b_id = few.image_b_id AND m.signal_id = %s OFFSET 0
) AS m"""


# Fences: joined as a whole, all pairs would be read and sorted for one page of them.
_NOT_LOOKED = """NOT EXISTS (
    SELECT 1 FROM analysis_verification v
    WHERE v.image_a_id = m.image_a_id AND v.image_b_id = m.image_b_id OFFSET 0
)"""


_NOT_DECIDED = """NOT EXISTS (
    SELECT 1 FROM analysis_decision d
    WHERE d.image_a_id = m.image_a_id AND d.image_b_id = m.image_b_id OFFSET 0
)"""


def pairs(
    comparison: Comparison,
    *,
    signal_id: int,
    max_distance: float,
    cell: Cell | None = None,
    show: str = "",
    labels_differ: bool = False,
    keypoints: str = "",
    after: PairKey | None = None,
    limit: int = 50,
) -> list[PairRow]:
    """A page of a comparison's pairs in order of distance, then of image ids.

    Each dataset pair is one range of an index that is read from its place on, so a page costs the same wherever it
    lies and however many pairs there are.

    Args:
        comparison: whose datasets and scope.
        signal_id: the signal that orders and bounds them.
        max_distance: the largest distance.
        cell: only pairs of these two datasets.
        show: a key of `FILTERS`.
        labels_differ: only pairs whose two images carry different labels.
        keypoints: one of `KEYPOINTS`.
        after: the last pair of the page before.
        limit: pairs on the page; one more is returned where there is a next page.

    Raises:
        AnalysisError: an unknown filter, or a cell outside the comparison.
    """
    if show not in FILTERS:
        raise AnalysisError(f"There is no filter “{show}”.", remedy=f"There are: {', '.join(filter(None, FILTERS))}.")
    if keypoints not in KEYPOINTS:
        there = ", ".join(filter(None, KEYPOINTS))
        raise AnalysisError(f"There is no filter of keypoints “{keypoints}”.", remedy=f"There are: {there}.")
    asked = cells(comparison)
    if cell is not None:
        if cell not in asked:
            raise AnalysisError("The comparison does not cover pairs of these two datasets.")
        asked = [cell]
    if not asked:
        return []
    measured, narrowed, choices = "analysis_measurement m", "", FILTERS[show]
    few: list[str] = []
    of_few: list[Any] = []
    bounds: list[Any] = [signal_id, max_distance]
    if choices:
        few.append(_DECIDED)
        of_few.append(list(choices))
    if keypoints in ("found", "none"):
        few.append(_LOOKED)
        of_few += [list(VERIFIERS), [each.default_inliers for each in VERIFIERS.values()], keypoints == "found"]
    if few:
        measured = _MEASUREMENTS_OF_FEW.format(few=" INTERSECT ".join(few))
        of_few.append(signal_id)
    if after is not None:
        narrowed += " AND (m.distance, m.image_a_id, m.image_b_id) > (%s, %s, %s)"
        bounds += [after.distance, after.a, after.b]
    if choices == ():
        narrowed += f" AND {_NOT_DECIDED}"
    if keypoints == "unchecked":
        narrowed += f" AND {_NOT_LOOKED}"
    if labels_differ:
        narrowed += _DIFFERENT_LABELS
    query = f"""
        SELECT page.a, page.b, page.distance, coalesce(
            (SELECT d.choice FROM analysis_decision d WHERE d.image_a_id = page.a AND d.image_b_id = page.b), ''
        ), page.orientation FROM (
            SELECT found.* FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
            CROSS JOIN LATERAL (
                SELECT m.image_a_id AS a, m.image_b_id AS b, m.distance, m.orientation
                FROM {measured}
                WHERE m.signal_id = %s AND m.dataset_a_id = cell.a AND m.dataset_b_id = cell.b AND m.distance <= %s
                {narrowed}
                ORDER BY m.distance, m.image_a_id, m.image_b_id LIMIT %s
            ) AS found
            ORDER BY found.distance, found.a, found.b LIMIT %s
        ) AS page ORDER BY page.distance, page.a, page.b
    """  # noqa: S608  # built from constants above; values are parameters
    with connection.cursor() as cursor:
        datasets = [[each.a for each in asked], [each.b for each in asked]]
        cursor.execute(query, [*datasets, *of_few, *bounds, limit + 1, limit + 1])
        rows = cursor.fetchall()
    images = images_by_id([pk for a, b, *_ in rows for pk in (a, b)])
    return [PairRow(images[a], images[b], distance, choice, turn) for a, b, distance, choice, turn in rows]


def images_by_id(ids: Sequence[int]) -> dict[int, Image]:
    """Images with their datasets and labels, in two queries."""
    found = Image.objects.filter(pk__in=set(ids)).select_related("dataset__project").prefetch_related("labels")
    return {image.pk: image for image in found}


@dataclass(frozen=True, slots=True)
class Measured:
    """The distance of a pair under a signal.

    Attributes:
        known: the signal.
        distance: in its unit.
        orientation: EXIF orientation that turns image b to match image a; None where none was looked for.
        notes: what the hash of each image says of itself, such as its quality; empty where it says nothing, or where
            the hashes were not read.
    """

    known: KnownSignal
    distance: float
    orientation: int | None
    notes: tuple[str, str] = ("", "")

    @property
    def words(self) -> str:
        """The distance with its unit."""
        return self.known.words(self.distance)

    @property
    def usual(self) -> bool:
        """Whether most copies are as close."""
        return self.distance <= self.known.default_distance


def measurements(a: Image, b: Image) -> list[Measured]:
    """What is known of a pair, by name of the signal."""
    rows = Measurement.objects.filter(image_a=a, image_b=b).select_related("signal").order_by("signal__name")
    return [Measured(signal(row.signal.name), row.distance, row.orientation) for row in rows]


def decision(a: Image, b: Image) -> Decision | None:
    """What holds of a pair; None while no verdict stands."""
    return Decision.objects.filter(image_a=a, image_b=b).select_related("verdict__annotator").first()


def verdicts(a: Image, b: Image) -> QuerySet[Verdict]:
    """Everything that was said of a pair, the newest first."""
    return Verdict.objects.filter(image_a=a, image_b=b).select_related("annotator").order_by("-id")


def pair_row(comparison: Comparison, *, signal_id: int, a: int, b: int) -> PairRow | None:
    """One pair of a comparison by image ids, whatever was said of it; None where the comparison has no such pair."""
    found = Measurement.objects.filter(signal_id=signal_id, image_a_id=a, image_b_id=b).first()
    if found is None or Cell(found.dataset_a_id, found.dataset_b_id) not in cells(comparison):
        return None
    chosen = Decision.objects.filter(image_a_id=a, image_b_id=b).values_list("choice", flat=True).first()
    images = images_by_id([a, b])
    return PairRow(images[a], images[b], found.distance, chosen or "", found.orientation)


def pair_images(project: Project, a: int, b: int) -> tuple[Image, Image]:
    """Two images of the project's datasets, in the order given (else 404)."""
    images = {
        image.pk: image
        for image in Image.objects.filter(pk__in=(a, b), dataset__project=project).select_related("dataset")
    }
    if a == b or len(images) < 2:
        raise Http404
    return images[a], images[b]


def measurements_of(pairs: Sequence[PairRow]) -> dict[tuple[int, int], list[Measured]]:
    """What is known of many pairs in one query: image ids → measurements, by name of the signal."""
    query = """
        SELECT m.image_a_id, m.image_b_id, s.name, m.distance, m.orientation
        FROM unnest(%s::bigint[], %s::bigint[]) AS pair(a, b)
        JOIN analysis_measurement m ON m.image_a_id = pair.a AND m.image_b_id = pair.b
        JOIN analysis_signal s ON s.id = m.signal_id ORDER BY s.name
    """
    found: dict[tuple[int, int], list[Measured]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(query, [[pair.a.pk for pair in pairs], [pair.b.pk for pair in pairs]])
        for a, b, name, distance, orientation in cursor.fetchall():
            found[a, b].append(Measured(signal(name), distance, orientation))
    return found


def verdicts_of(pairs: Sequence[PairRow]) -> dict[tuple[int, int], list[Verdict]]:
    """Everything that was said of many pairs, the oldest first, with the annotators, in two queries."""
    query = """
        SELECT v.* FROM unnest(%s::bigint[], %s::bigint[]) AS pair(a, b)
        JOIN analysis_verdict v ON v.image_a_id = pair.a AND v.image_b_id = pair.b
        ORDER BY v.id
    """
    found: dict[tuple[int, int], list[Verdict]] = defaultdict(list)
    said = Verdict.objects.raw(query, [[pair.a.pk for pair in pairs], [pair.b.pk for pair in pairs]])
    for row in said.prefetch_related("annotator"):
        found[row.image_a_id, row.image_b_id].append(row)
    return found


def measured(
    cells: Iterable[Cell], *, signal_id: int, max_distance: float
) -> Iterator[tuple[str, str, str, str, float]]:
    """All pairs of some dataset pairs up to a distance, the closest first, read as they are asked for.

    Returns:
        dataset and image name of the first image, of the second, and the distance.
    """
    rows = Measurement.objects.none()
    asked = [Q(dataset_a_id=cell.a, dataset_b_id=cell.b) for cell in cells]
    if asked:
        rows = Measurement.objects.filter(reduce(or_, asked), signal_id=signal_id, distance__lte=max_distance)
    return (
        rows.order_by("distance", "image_a_id", "image_b_id")
        .values_list("dataset_a__name", "image_a__name", "dataset_b__name", "image_b__name", "distance")
        .iterator(chunk_size=5000)
    )
