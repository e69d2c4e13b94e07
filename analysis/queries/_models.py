"""Reads of model comparisons, and of the pairs on which the models differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import F, QuerySet
from django.shortcuts import get_object_or_404

from analysis.core.errors import AnalysisError
from analysis.models import ModelComparison
from analysis.queries._pairs import PairRow, images_by_id
from catalog.models import Dataset, Project

SIDES = ("a", "b")
"""Which of the two models of a comparison finds pairs near that the other finds far."""


@dataclass(frozen=True, slots=True)
class Described:
    """How many images of a dataset have embeddings.

    Attributes:
        first: under one signal.
        second: under another.
        both: under both.
    """

    first: int
    second: int
    both: int


@dataclass(frozen=True, slots=True)
class DifferentPair:
    """A pair that one model finds near and the other far.

    Attributes:
        row: its images and its decision; the distance is its place in the list, from 1.
        near: the rank of the second image among all others of the first, and of the first among those of the second,
            under the model that finds them near.
        far: the same under the other model.
        near_distance: cosine distance under the one.
        far_distance: cosine distance under the other.
    """

    row: PairRow
    near: tuple[int, int]
    far: tuple[int, int]
    near_distance: float
    far_distance: float

    @property
    def near_similarity(self) -> float:
        """1 less the distance under the one model."""
        return 1 - self.near_distance

    @property
    def far_similarity(self) -> float:
        """1 less the distance under the other."""
        return 1 - self.far_distance


def model_comparisons(project: Project) -> QuerySet[ModelComparison]:
    """The project's model comparisons, the newest first, of the result only `images` and `overlap`.

    `overlap` is a list: value, low, high; None until it is computed, as is `images`.
    """
    rows = project.model_comparisons.defer("result").select_related("signal_a", "signal_b", "created_by")
    rows = rows.annotate(images=F("result__images"), overlap=F("result__overlap"))
    return rows.prefetch_related("datasets").order_by("-id")


def model_comparison(project: Project, comparison_id: int) -> ModelComparison:
    """One model comparison of the project (else 404), with its result."""
    rows = project.model_comparisons.select_related("signal_a", "signal_b", "created_by").prefetch_related("datasets")
    return get_object_or_404(rows, pk=comparison_id)


def described_by(datasets: Sequence[Dataset], first: int, second: int) -> dict[int, Described]:
    """How many images of each dataset have embeddings under two signals, by dataset; those with none are not in it."""
    query = """
        SELECT dataset_id, count(*) FILTER (WHERE a), count(*) FILTER (WHERE b), count(*) FILTER (WHERE a AND b) FROM (
            SELECT dataset_id, bool_or(signal_id = %s) AS a, bool_or(signal_id = %s) AS b FROM analysis_embedding
            WHERE dataset_id = ANY(%s) AND signal_id IN (%s, %s) GROUP BY dataset_id, image_id
        ) AS image GROUP BY dataset_id
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [first, second, [dataset.pk for dataset in datasets], first, second])
        return {dataset_id: Described(*counts) for dataset_id, *counts in cursor.fetchall()}


def different_pairs(comparison: ModelComparison, side: str) -> list[DifferentPair]:
    """The pairs that the model of one side finds near and the other far, the most different first.

    Pairs of images that have been deleted since are left out.

    Args:
        comparison: whose models.
        side: one of `SIDES`.

    Raises:
        AnalysisError: the comparison is not computed, or there is no such side.
    """
    if side not in SIDES:
        raise AnalysisError(f"There is no side “{side}”.", remedy=f"There are: {', '.join(SIDES)}.")
    if not comparison.result:
        raise AnalysisError("These models are not compared yet.", remedy="Wait until it is done.")
    stored = comparison.result[f"near_{side}"]["pairs"]
    images = images_by_id([pk for entry in stored for pk in entry[:2]])
    choices = _choices([(entry[0], entry[1]) for entry in stored])
    return [
        DifferentPair(
            PairRow(images[a], images[b], place, choices.get((a, b), "")),
            (near_ab, near_ba),
            (far_ab, far_ba),
            near_distance,
            far_distance,
        )
        for place, (a, b, near_ab, near_ba, far_ab, far_ba, near_distance, far_distance) in enumerate(stored, 1)
        if a in images and b in images
    ]


def different_judged(comparisons: Sequence[ModelComparison]) -> dict[tuple[int, str], tuple[int, int]]:
    """Of the pairs on which models differ: how many there are, and how many of them have a decision; one query.

    Pairs of images that have been deleted since are left out.

    Returns:
        comparison id and side, where it has pairs → both numbers.
    """
    query = """
        SELECT compared.id, near.side, count(*), count(d.id)
        FROM analysis_modelcomparison compared
        CROSS JOIN unnest(%s::text[]) AS near(side)
        CROSS JOIN jsonb_array_elements(compared.result -> ('near_' || near.side) -> 'pairs') AS stored(entry)
        JOIN catalog_image one ON one.id = (stored.entry ->> 0)::bigint
        JOIN catalog_image other ON other.id = (stored.entry ->> 1)::bigint
        LEFT JOIN analysis_decision d ON d.image_a_id = one.id AND d.image_b_id = other.id
        WHERE compared.id = ANY(%s) GROUP BY compared.id, near.side
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [list(SIDES), [comparison.pk for comparison in comparisons]])
        return {(compared, side): (pairs, judged) for compared, side, pairs, judged in cursor.fetchall()}


def _choices(pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The decisions that stand of some pairs in canonical order."""
    query = """
        SELECT d.image_a_id, d.image_b_id, d.choice FROM unnest(%s::bigint[], %s::bigint[]) AS pair(a, b)
        JOIN analysis_decision d ON d.image_a_id = pair.a AND d.image_b_id = pair.b
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[a for a, _ in pairs], [b for _, b in pairs]])
        return {(a, b): choice for a, b, choice in cursor.fetchall()}
