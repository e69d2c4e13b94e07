"""Reads of comparisons, pairs and verdicts. Scoping begins at the project, which `catalog.queries.access` gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Self

from django.db import connection
from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.http import Http404
from django.shortcuts import get_object_or_404

from analysis.core.curves import unpack
from analysis.core.errors import AnalysisError
from analysis.models import (
    Comparison,
    ComparisonSignal,
    Coverage,
    Decision,
    Hash,
    Measurement,
    Report,
    Split,
    SplitItem,
    Summary,
    Verdict,
)
from analysis.models.review import ACCEPTED, Choice
from catalog.models import Dataset, Image, Label, Project


@dataclass(frozen=True, slots=True)
class Cell:
    """Two datasets of a comparison by id, a ≤ b; a = b is inside one dataset."""

    a: int
    b: int

    @classmethod
    def of(cls, one: Dataset, other: Dataset) -> Self:
        """The cell of two datasets, whichever comes first."""
        return cls(*sorted((one.pk, other.pk)))


@dataclass(frozen=True, slots=True)
class PairKey:
    """Where a pair stands in order of distance; as text it is the `after` of a page's address."""

    distance: float
    a: int
    b: int

    def __str__(self) -> str:
        return f"{self.distance:g}-{self.a}-{self.b}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The key that an address carries; None for none.

        Raises:
            AnalysisError: not of the form distance-a-b.
        """
        if not text:
            return None
        try:
            distance, a, b = text.split("-")
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
    """

    a: Image
    b: Image
    distance: float
    choice: str

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


def comparisons(project: Project) -> QuerySet[Comparison]:
    """The project's comparisons, the newest first, with datasets and signals."""
    return project.comparisons.prefetch_related("datasets", "signals__signal").order_by("-id")


def comparison(project: Project, comparison_id: int) -> Comparison:
    """One comparison of the project (else 404), with datasets and signals."""
    return get_object_or_404(comparisons(project), pk=comparison_id)


def cells(comparison: Comparison) -> list[Cell]:
    """The dataset pairs that a comparison's scope covers."""
    ids = sorted(dataset.pk for dataset in comparison.datasets.all())
    across = [Cell(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :]]
    within = [Cell(a, a) for a in ids]
    return {"across": across, "within": within, "both": across + within}[comparison.scope]


def chosen_signal(comparison: Comparison, name: str = "") -> ComparisonSignal:
    """The comparison's signal of this name, or its first.

    Raises:
        AnalysisError: the comparison has no such signal.
    """
    rows = list(comparison.signals.all())
    for row in rows:
        if not name or row.signal.name == name:
            return row
    raise AnalysisError(
        f"This comparison has no signal “{name}”.", remedy=f"It has: {', '.join(row.signal.name for row in rows)}."
    )


def summary(comparison: Comparison, signal_id: int) -> Summary | None:
    """The stored overlap under one signal; None while it has not been computed."""
    return Summary.objects.filter(comparison=comparison, signal_id=signal_id).first()


_DIFFERENT_LABELS = """
    AND EXISTS (SELECT 1 FROM catalog_imagelabel l WHERE l.image_id = m.image_a_id)
    AND EXISTS (SELECT 1 FROM catalog_imagelabel l WHERE l.image_id = m.image_b_id)
    AND ARRAY(SELECT l.label_id FROM catalog_imagelabel l WHERE l.image_id = m.image_a_id ORDER BY 1)
     <> ARRAY(SELECT l.label_id FROM catalog_imagelabel l WHERE l.image_id = m.image_b_id ORDER BY 1)
"""


_DECISION_OF_PAIR = """LATERAL (
    SELECT d.image_a_id, d.image_b_id, '' AS choice FROM analysis_decision d
    WHERE d.image_a_id = m.image_a_id AND d.image_b_id = m.image_b_id OFFSET 0
) d"""


def pairs(
    comparison: Comparison,
    *,
    signal_id: int,
    max_distance: float,
    cell: Cell | None = None,
    show: str = "",
    labels_differ: bool = False,
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
        after: the last pair of the page before.
        limit: pairs on the page; one more is returned where there is a next page.

    Raises:
        AnalysisError: an unknown filter, or a cell outside the comparison.
    """
    if show not in FILTERS:
        raise AnalysisError(f"There is no filter “{show}”.", remedy=f"There are: {', '.join(filter(None, FILTERS))}.")
    asked = cells(comparison)
    if cell is not None:
        if cell not in asked:
            raise AnalysisError("The comparison does not cover pairs of these two datasets.")
        asked = [cell]
    if not asked:
        return []
    narrowed, choices, decisions = "", FILTERS[show], "analysis_decision d"
    parameters: list[Any] = [[c.a for c in asked], [c.b for c in asked], signal_id, max_distance]
    if after is not None:
        narrowed += " AND (m.distance, m.image_a_id, m.image_b_id) > (%s, %s, %s)"
        parameters += [after.distance, after.a, after.b]
    if choices == ():
        narrowed += " AND d.image_a_id IS NULL"
        # A fence: joined as a whole, all pairs would be read and sorted for one page of them.
        decisions = _DECISION_OF_PAIR
    elif choices:
        # The datasets stand here again, so that the few judged pairs can be read first and their distances after.
        narrowed += " AND d.dataset_a_id = cell.a AND d.dataset_b_id = cell.b AND d.choice = ANY(%s)"
        parameters.append(list(choices))
    if labels_differ:
        narrowed += _DIFFERENT_LABELS
    query = f"""
        SELECT found.* FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
        CROSS JOIN LATERAL (
            SELECT m.image_a_id, m.image_b_id, m.distance, coalesce(d.choice, '') AS choice
            FROM analysis_measurement m
            LEFT JOIN {decisions} ON d.image_a_id = m.image_a_id AND d.image_b_id = m.image_b_id
            WHERE m.signal_id = %s AND m.dataset_a_id = cell.a AND m.dataset_b_id = cell.b AND m.distance <= %s
            {narrowed}
            ORDER BY m.distance, m.image_a_id, m.image_b_id LIMIT %s
        ) AS found
        ORDER BY found.distance, found.image_a_id, found.image_b_id LIMIT %s
    """  # noqa: S608  # built from constants above; values are parameters
    with connection.cursor() as cursor:
        cursor.execute(query, [*parameters, limit + 1, limit + 1])
        rows = cursor.fetchall()
    images = images_by_id([pk for a, b, _, _ in rows for pk in (a, b)])
    return [PairRow(images[a], images[b], distance, choice) for a, b, distance, choice in rows]


def images_by_id(ids: Sequence[int]) -> dict[int, Image]:
    """Images with their datasets and labels, in two queries."""
    found = Image.objects.filter(pk__in=set(ids)).select_related("dataset__project").prefetch_related("labels")
    return {image.pk: image for image in found}


def judged_counts(
    comparison: Comparison, *, signal_id: int, max_distance: float, cell: Cell | None = None
) -> dict[str, int]:
    """How many of the comparison's pairs up to a distance have each verdict; unjudged ones are not counted."""
    asked = cells(comparison) if cell is None else [cell]
    query = """
        SELECT d.choice, count(*) FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
        JOIN analysis_decision d ON d.dataset_a_id = cell.a AND d.dataset_b_id = cell.b
        JOIN analysis_measurement m ON m.image_a_id = d.image_a_id AND m.image_b_id = d.image_b_id
        WHERE m.signal_id = %s AND m.distance <= %s GROUP BY d.choice
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[c.a for c in asked], [c.b for c in asked], signal_id, max_distance])
        return dict(cursor.fetchall())


def measurements(a: Image, b: Image) -> list[tuple[str, float]]:
    """What is known of a pair: signal name and distance, by name."""
    rows = Measurement.objects.filter(image_a=a, image_b=b).select_related("signal").order_by("signal__name")
    return [(row.signal.name, row.distance) for row in rows]


def decision(a: Image, b: Image) -> Decision | None:
    """What holds of a pair; None while no verdict stands."""
    return Decision.objects.filter(image_a=a, image_b=b).select_related("verdict__annotator").first()


def verdicts(a: Image, b: Image) -> QuerySet[Verdict]:
    """Everything that was said of a pair, the newest first."""
    return Verdict.objects.filter(image_a=a, image_b=b).select_related("annotator").order_by("-id")


def splits(project: Project) -> QuerySet[Split]:
    """The project's splits, the newest first."""
    return project.splits.select_related("dataset", "signal", "created_by").order_by("-id")


def split(project: Project, split_id: int) -> Split:
    """One split of the project (else 404)."""
    return get_object_or_404(splits(project), pk=split_id)


def standing_stacks(verdicts: Iterable[Verdict]) -> dict[int, list[Verdict]]:
    """Each annotator's verdicts of one pair that are not taken back; the last of each list is what they say now.

    A withdrawal takes back the latest verdict before it that still stood, so what was said before stands again.

    Args:
        verdicts: of one pair, the oldest first.
    """
    stacks: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.choice != Choice.WITHDRAWN:
            stacks[verdict.annotator_id].append(verdict)
        elif stacks[verdict.annotator_id]:
            stacks[verdict.annotator_id].pop()
    return {annotator: stack for annotator, stack in stacks.items() if stack}


def pair_row(comparison: Comparison, *, signal_id: int, a: int, b: int) -> PairRow | None:
    """One pair of a comparison by image ids, whatever was said of it; None where the comparison has no such pair."""
    found = Measurement.objects.filter(signal_id=signal_id, image_a_id=a, image_b_id=b).first()
    if found is None or Cell(found.dataset_a_id, found.dataset_b_id) not in cells(comparison):
        return None
    chosen = Decision.objects.filter(image_a_id=a, image_b_id=b).values_list("choice", flat=True).first()
    images = images_by_id([a, b])
    return PairRow(images[a], images[b], found.distance, chosen or "")


def pair_images(project: Project, a: int, b: int) -> tuple[Image, Image]:
    """Two images of the project's datasets, in the order given (else 404)."""
    images = {
        image.pk: image
        for image in Image.objects.filter(pk__in=(a, b), dataset__project=project).select_related("dataset")
    }
    if a == b or len(images) < 2:
        raise Http404
    return images[a], images[b]


def verdict(project: Project, verdict_id: int) -> Verdict:
    """One verdict of a pair of the project's images (else 404)."""
    found = Verdict.objects.select_related("image_a", "image_b")
    return get_object_or_404(found, pk=verdict_id, image_a__dataset__project=project, image_b__dataset__project=project)


def measurements_of(pairs: Sequence[PairRow]) -> dict[tuple[int, int], list[tuple[str, float]]]:
    """What is known of many pairs in one query: image ids → signal names and distances, by name."""
    query = """
        SELECT m.image_a_id, m.image_b_id, s.name, m.distance FROM unnest(%s::bigint[], %s::bigint[]) AS pair(a, b)
        JOIN analysis_measurement m ON m.image_a_id = pair.a AND m.image_b_id = pair.b
        JOIN analysis_signal s ON s.id = m.signal_id ORDER BY s.name
    """
    found: dict[tuple[int, int], list[tuple[str, float]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(query, [[pair.a.pk for pair in pairs], [pair.b.pk for pair in pairs]])
        for a, b, name, distance in cursor.fetchall():
            found[a, b].append((name, distance))
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


def decided_among(project: Project, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of some pairs of the project's images, by ids in canonical order, that have a decision."""
    query = """
        SELECT d.image_a_id, d.image_b_id FROM unnest(%s::bigint[], %s::bigint[]) AS pair(a, b)
        JOIN analysis_decision d ON d.image_a_id = pair.a AND d.image_b_id = pair.b
        JOIN catalog_dataset s ON s.id = d.dataset_a_id AND s.project_id = %s
    """
    if not pairs:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query, [[a for a, _ in pairs], [b for _, b in pairs], project.pk])
        found: list[tuple[int, int]] = cursor.fetchall()
    return found


def pair_total(comparison: Comparison, *, signal_id: int, max_distance: float, cell: Cell | None = None) -> int:
    """How many pairs the comparison (or one of its dataset pairs) has up to a distance."""
    asked = cells(comparison) if cell is None else [cell]
    query = """
        SELECT count(*) FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
        JOIN analysis_measurement m ON m.dataset_a_id = cell.a AND m.dataset_b_id = cell.b
        WHERE m.signal_id = %s AND m.distance <= %s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[c.a for c in asked], [c.b for c in asked], signal_id, max_distance])
        total: int = cursor.fetchone()[0]
    return total


def distance_with_more(
    comparison: Comparison,
    *,
    signal_id: int,
    beyond: float,
    max_distance: float,
    cell: Cell | None = None,
    at_least: int = 10,
) -> float | None:
    """The smallest distance beyond one at which there are some more pairs; None where there are none.

    Args:
        comparison: whose datasets and scope.
        signal_id: the signal.
        beyond: the distance that was done.
        max_distance: the largest distance explored.
        cell: only pairs of these two datasets.
        at_least: how many more; where there are fewer, the distance of the last of them.
    """
    asked = cells(comparison) if cell is None else [cell]
    query = """
        SELECT max(distance) FROM (
            SELECT found.distance FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
            CROSS JOIN LATERAL (
                SELECT m.distance FROM analysis_measurement m
                WHERE m.signal_id = %s AND m.dataset_a_id = cell.a AND m.dataset_b_id = cell.b
                AND m.distance > %s AND m.distance <= %s ORDER BY m.distance LIMIT %s
            ) AS found ORDER BY found.distance LIMIT %s
        ) AS next
    """
    with connection.cursor() as cursor:
        bounds = [signal_id, beyond, max_distance, at_least, at_least]
        cursor.execute(query, [[c.a for c in asked], [c.b for c in asked], *bounds])
        found: float | None = cursor.fetchone()[0]
    return found


@dataclass(frozen=True, slots=True)
class ReviewState:
    """How far the review of a comparison under one signal is.

    Attributes:
        comparison: with its datasets.
        row: the signal, with the largest distance explored.
        threshold: the distance up to which pairs are counted.
        total: pairs up to it; None while the overlap has not been computed.
        judged: how many of them have a decision.
    """

    comparison: Comparison
    row: ComparisonSignal
    threshold: float
    total: int | None
    judged: int

    @property
    def left(self) -> int | None:
        """Pairs without a decision; None while their number is not known."""
        return None if self.total is None else max(self.total - self.judged, 0)


def review_states(asked: Sequence[tuple[Comparison, ComparisonSignal, float]]) -> list[ReviewState]:
    """How far each review is, for comparisons with their datasets and signals, at given thresholds; two queries."""
    summaries = Summary.objects.filter(comparison__in={comparison for comparison, _, _ in asked})
    stored = {
        (comparison_id, signal_id): (steps, pairs)
        for comparison_id, signal_id, steps, pairs in summaries.values_list(
            "comparison_id", "signal_id", "curve__steps", "curve__pairs"
        )
    }
    parts = [
        (n, row.signal_id, threshold, cell.a, cell.b)
        for n, (comparison, row, threshold) in enumerate(asked)
        for cell in cells(comparison)
    ]
    query = """
        SELECT part.n, count(*)
        FROM unnest(%s::int[], %s::int[], %s::float8[], %s::bigint[], %s::bigint[]) AS part(n, signal, most, a, b)
        JOIN analysis_decision d ON d.dataset_a_id = part.a AND d.dataset_b_id = part.b
        JOIN analysis_measurement m ON m.image_a_id = d.image_a_id AND m.image_b_id = d.image_b_id
            AND m.signal_id = part.signal AND m.distance <= part.most
        GROUP BY part.n
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[part[column] for part in parts] for column in range(5)])
        judged = dict(cursor.fetchall())
    states = []
    for n, (comparison, row, threshold) in enumerate(asked):
        total = None
        if (comparison.pk, row.signal_id) in stored:
            steps, pairs = stored[comparison.pk, row.signal_id]
            step = sum(1 for value in steps if value <= threshold) - 1
            # Each pair of datasets stands twice; on and above the diagonal, once.
            curves = [pairs[i][j] for i in range(len(pairs)) for j in range(i, len(pairs))]
            total = sum(int(unpack(curve, len(steps))[step]) for curve in curves) if step >= 0 else 0
        states.append(ReviewState(comparison, row, threshold, total, judged.get(n, 0)))
    return states


def judged_by_distance(comparison: Comparison, *, signal_id: int, max_distance: float) -> list[tuple[str, float, int]]:
    """How many of the comparison's judged pairs lie at each distance: verdict, distance, count; the closest first."""
    asked = cells(comparison)
    query = """
        SELECT d.choice, m.distance, count(*) FROM unnest(%s::bigint[], %s::bigint[]) AS cell(a, b)
        JOIN analysis_decision d ON d.dataset_a_id = cell.a AND d.dataset_b_id = cell.b
        JOIN analysis_measurement m ON m.image_a_id = d.image_a_id AND m.image_b_id = d.image_b_id
        WHERE m.signal_id = %s AND m.distance <= %s GROUP BY d.choice, m.distance ORDER BY m.distance, d.choice
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[c.a for c in asked], [c.b for c in asked], signal_id, max_distance])
        return [(choice, distance, count) for choice, distance, count in cursor.fetchall()]


def pairs_found(comparisons: Sequence[Comparison]) -> dict[tuple[int, int], int]:
    """Pairs up to the largest distance explored, by comparison id and signal id, from the stored overlaps."""
    query = """
        SELECT s.comparison_id, s.signal_id, coalesce(sum((packed.value ->> -1)::bigint), 0)
        FROM analysis_summary s
        CROSS JOIN LATERAL jsonb_array_elements(s.curve -> 'pairs') WITH ORDINALITY AS line(value, i)
        CROSS JOIN LATERAL jsonb_array_elements(line.value) WITH ORDINALITY AS packed(value, j)
        WHERE s.comparison_id = ANY(%s) AND packed.j >= line.i GROUP BY s.comparison_id, s.signal_id
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[comparison.pk for comparison in comparisons]])
        return {(comparison_id, signal_id): int(n) for comparison_id, signal_id, n in cursor.fetchall()}


def hashes_brought(datasets: Sequence[Dataset]) -> dict[int, set[str]]:
    """Which hashes a dataset has at all: dataset id → signal names; one look into an index for each."""
    query = """
        SELECT d.id, s.name FROM unnest(%s::bigint[]) AS d(id) CROSS JOIN analysis_signal s
        WHERE EXISTS (SELECT 1 FROM analysis_hash h WHERE h.dataset_id = d.id AND h.signal_id = s.id)
    """
    found: dict[int, set[str]] = {dataset.pk: set() for dataset in datasets}
    with connection.cursor() as cursor:
        cursor.execute(query, [list(found)])
        for dataset_id, name in cursor.fetchall():
            found[dataset_id].add(name)
    return found


def without_hash(comparison: Comparison, signal_id: int) -> dict[int, int]:
    """Images that take no part under a signal, since they brought other fingerprints: dataset id → how many.

    Only datasets with fingerprints are counted: of pictures every hash is computed. Datasets that lack none are absent.
    """
    asked = {each.pk: each.image_count for each in comparison.datasets.all() if each.file_count < each.image_count}
    if not asked:
        return {}
    query = "SELECT dataset_id, count(*) FROM analysis_hash WHERE dataset_id = ANY(%s) AND signal_id = %s GROUP BY 1"
    with connection.cursor() as cursor:
        cursor.execute(query, [list(asked), signal_id])
        have = dict(cursor.fetchall())
    lacking = {pk: images - have.get(pk, 0) for pk, images in asked.items()}
    return {pk: n for pk, n in lacking.items() if n > 0}


def possible_pairs(comparison: Comparison, lacking: Mapping[int, int] | None = None) -> int:
    """How many pairs of images a comparison compares under a signal.

    Args:
        comparison: with its datasets.
        lacking: images that take no part, by dataset id.
    """
    left_out = lacking or {}
    counts = {each.pk: each.image_count - left_out.get(each.pk, 0) for each in comparison.datasets.all()}
    return sum(
        counts[cell.a] * (counts[cell.a] - 1) // 2 if cell.a == cell.b else counts[cell.a] * counts[cell.b]
        for cell in cells(comparison)
    )


def last_verdict() -> int:
    """The newest verdict's key: while it stays, no decision has changed."""
    return Verdict.objects.order_by("-id").values_list("id", flat=True).first() or 0


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the pairs inside a dataset are known under a signal.

    Attributes:
        max_distance: up to which all pairs have been found.
        new_images: images with a hash that came later, whose pairs are not known.
    """

    max_distance: float
    new_images: int


def coverage_within(dataset: Dataset, signal_id: int) -> Reach | None:
    """How far the pairs inside a dataset are known; None where they were never looked for."""
    row = Coverage.objects.filter(signal_id=signal_id, dataset_a=dataset, dataset_b=dataset).first()
    if row is None:
        return None
    later = Hash.objects.filter(dataset=dataset, signal_id=signal_id, image_id__gt=row.upto_a).count()
    return Reach(row.max_distance, later)


def report(project: Project, report_id: int) -> Report:
    """One report of the project (else 404), with its comparison."""
    rows = Report.objects.filter(comparison__project=project).select_related("comparison", "created_by")
    return get_object_or_404(rows, pk=report_id)


def split_classes(split: Split) -> list[dict[str, Any]]:
    """Class, support and query images of a split, by class: ``label``, ``title``, ``support``, ``query``."""
    counted = (
        split.items.order_by()
        .values("label")
        .annotate(support=Count("id", filter=Q(role="support")), query=Count("id", filter=Q(role="query")))
    )
    rows = sorted(counted, key=lambda row: str(row["label"]))
    titles = dict(
        Label.objects.filter(project_id=split.project_id, name__in=[row["label"] for row in rows]).values_list(
            "name", "title"
        )
    )
    return [{**row, "title": titles.get(row["label"], "")} for row in rows]


def split_support(split: Split, labels: Sequence[str], *, per_class: int) -> dict[str, list[Image]]:
    """The first support images of some classes, in the split's order, in one query."""
    rank = Window(RowNumber(), partition_by=F("label"), order_by=F("position").asc())
    items = (
        SplitItem.objects.filter(split=split, role="support", label__in=labels)
        .annotate(rank=rank)
        .filter(rank__lte=per_class)
        .select_related("image__dataset")
        .order_by("position")
    )
    found: dict[str, list[Image]] = {label: [] for label in labels}
    for item in items:
        found[item.label].append(item.image)
    return found


def covered(project: Project, signal_id: int) -> dict[Cell, float]:
    """The dataset pairs of a project that have been compared under a signal: cell → largest distance explored."""
    rows = Coverage.objects.filter(signal_id=signal_id, dataset_a__project=project).order_by("dataset_a", "dataset_b")
    return {Cell(row.dataset_a_id, row.dataset_b_id): row.max_distance for row in rows}


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
