"""What a comparison must have stored: brute force over the stored hashes."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.models import Comparison, Hash, Measurement
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Dataset, Project


def brute_force(datasets: Sequence[Dataset], scope: str, distance: int) -> set[tuple[int, int, int]]:
    rows = [
        (row.dataset_id, row.image_id, int.from_bytes(bytes(row.bits), "big"))
        for row in Hash.objects.filter(dataset__in=datasets, signal__name="phash-8").order_by("dataset_id", "image_id")
    ]
    found = set()
    for i, (da, a, x) in enumerate(rows):
        for db, b, y in rows[i + 1 :]:
            d = (x ^ y).bit_count()
            if d <= distance and (scope == "both" or (scope == "within") == (da == db)):
                found.add((a, b, d))
    return found


def stored() -> set[tuple[int, int, int]]:
    return {(a, b, int(d)) for a, b, d in Measurement.objects.values_list("image_a_id", "image_b_id", "distance")}


def run(project: Project, datasets: Sequence[Dataset], scope: str, distance: int) -> Comparison:
    comparison = create_comparison(
        project=project, datasets=datasets, signals={"phash-8": distance}, scope=scope, by=None
    )
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert comparison.status == "done", comparison.error
    return comparison
