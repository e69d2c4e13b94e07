"""Reads of projections, and of the images in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet
from django.shortcuts import get_object_or_404

from analysis.models import Coverage, Embedding, Projection, Signal
from analysis.queries._pairs import PairRow, images_by_id
from catalog.models import Dataset, Image, Project


def projections(project: Project) -> QuerySet[Projection]:
    """The project's projections without their points, the newest first."""
    rows = project.projections.defer("points").select_related("signal", "created_by")
    return rows.prefetch_related("datasets").order_by("-id")


def projection(project: Project, projection_id: int) -> Projection:
    """One projection of the project (else 404), without its points."""
    return get_object_or_404(projections(project), pk=projection_id)


def same_projection(
    project: Project, *, signal_id: int, datasets: Sequence[Dataset], method: str, parameters: Mapping[str, Any]
) -> Projection | None:
    """The newest projection of just these embeddings by this method that has not failed; None where there is none."""
    wanted = {dataset.pk for dataset in datasets}
    found = projections(project).filter(signal_id=signal_id, method=method, parameters=dict(parameters))
    for each in found.exclude(status=Projection.Status.FAILED):
        if {dataset.pk for dataset in each.datasets.all()} == wanted:
            return each
    return None


def embedding_counts(datasets: Sequence[Dataset], signal_id: int) -> dict[int, int]:
    """How many images of each dataset have an embedding under a signal; datasets without any are not in it."""
    rows = Embedding.objects.filter(dataset_id__in=[dataset.pk for dataset in datasets], signal_id=signal_id)
    return dict(rows.values_list("dataset_id").annotate(Count("image_id")).order_by())


def compared_signals(datasets: Sequence[Dataset]) -> list[str]:
    """Names of the signals under which some of these datasets were compared, by name."""
    ids = [dataset.pk for dataset in datasets]
    rows = Coverage.objects.filter(dataset_a_id__in=ids, dataset_b_id__in=ids)
    return list(Signal.objects.filter(pk__in=rows.values("signal_id")).values_list("name", flat=True))


def closest_among(
    image_ids: Sequence[int], limits: Mapping[int, tuple[float, float]], *, most: int
) -> list[tuple[PairRow, int]]:
    """The closest pairs of some images, each once, whatever the signals.

    Args:
        image_ids: both images of a pair are among these.
        limits: signal id → largest distance that counts, and the distance by which distances of this signal are
            divided so that those of several can be ordered.
        most: at most so many; one more where there are more.

    Returns:
        the pairs with their distance under the signal that shows them closest, and that signal's id.
    """
    query = """
        SELECT DISTINCT ON (m.image_a_id, m.image_b_id) m.image_a_id, m.image_b_id, m.distance, m.signal_id,
               m.distance / s.unit AS apart, coalesce(d.choice, '') AS choice
        FROM unnest(%s::smallint[], %s::float8[], %s::float8[]) AS s(id, largest, unit)
        JOIN analysis_measurement m ON m.signal_id = s.id AND m.distance <= s.largest
        LEFT JOIN analysis_decision d ON d.image_a_id = m.image_a_id AND d.image_b_id = m.image_b_id
        WHERE m.image_a_id = ANY(%s) AND m.image_b_id = ANY(%s)
        ORDER BY m.image_a_id, m.image_b_id, apart
    """
    ids = list(image_ids)
    largest, units = [limit for limit, _ in limits.values()], [unit for _, unit in limits.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM ({query}) AS found ORDER BY apart, image_a_id, image_b_id LIMIT %s",  # noqa: S608
            [list(limits), largest, units, ids, ids, most + 1],
        )
        rows = cursor.fetchall()
    images = images_by_id([pk for row in rows for pk in row[:2]])
    return [(PairRow(images[a], images[b], distance, choice), signal) for a, b, distance, signal, _, choice in rows]


def image_names(datasets: Sequence[Dataset]) -> dict[int, str]:
    """The name of every image of some datasets by its id."""
    rows = Image.objects.filter(dataset_id__in=[dataset.pk for dataset in datasets])
    return dict(rows.order_by().values_list("pk", "name"))
