"""Comparisons of next to nothing: empty datasets, one image, one picture many times, distances that reach all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analysis.core.arrays import Vectors
from analysis.core.errors import AnalysisError
from analysis.models import Comparison, Measurement
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_dataset
from tests.analysis.embedded import embedded, vectors_of
from tests.analysis.truth import brute_force, run, stored

Make = Callable[..., Dataset]
Import = Callable[[str, dict[str, bytes]], Dataset]


def pages_are_shown(client: Client, comparison: Comparison) -> None:
    """The dashboard and the lists that it leads to open, whatever the numbers."""
    for name in ("comparison", "comparison-curve", "pairs", "review"):
        answer = client.get(reverse(name, args=[comparison.project.slug, comparison.pk]))
        assert answer.status_code == 200, name


@pytest.mark.parametrize("sizes", [(0, 3), (0, 0), (1, 1), (1, 3)])
@pytest.mark.parametrize("scope", ["across", "within", "both"])
def test_datasets_of_no_image_and_of_one(
    client: Client, owner: User, project: Project, hashed: Make, sizes: tuple[int, int], scope: str
) -> None:
    datasets = [
        hashed(name, n) if n else create_dataset(project=project, name=name, by=None)
        for name, n in zip("ab", sizes, strict=True)
    ]
    comparison = run(project, datasets, scope, 64)
    assert stored() == brute_force(datasets, scope, 64)
    inside = sum(n * (n - 1) // 2 for n in sizes)
    assert len(stored()) == {"across": sizes[0] * sizes[1], "within": inside}.get(scope, inside + sizes[0] * sizes[1])
    client.force_login(owner)
    pages_are_shown(client, comparison)


@pytest.mark.parametrize("distance", [0, 64])
def test_one_picture_many_times_is_all_pairs(
    client: Client, owner: User, project: Project, import_files: Import, picture: Callable[..., bytes], distance: int
) -> None:
    datasets = [import_files(name, {f"{n}.png": picture(7) for n in range(4)}) for name in "ab"]
    comparison = run(project, datasets, "both", distance)
    ids = list(Image.objects.order_by("dataset_id", "pk").values_list("pk", flat=True))
    assert stored() == {(a, b, 0) for a, b in combinations(ids, 2)}
    client.force_login(owner)
    pages_are_shown(client, comparison)


def test_vectors_that_all_say_the_same(client: Client, owner: User, project: Project) -> None:
    known = vectors_of(project, 3)
    one = np.array([[1, 2, 2]], np.float32) / 3
    datasets = [
        embedded(project, name, Vectors(np.repeat(one, n, axis=0)), known) for name, n in {"A": 4, "B": 1}.items()
    ]
    comparison = create_comparison(
        project=project, datasets=datasets, signals={known.name: known.scale.largest}, scope="both", by=None
    )
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert comparison.status == "done", comparison.error
    measured = list(Measurement.objects.values_list("image_a_id", "image_b_id", "distance"))
    ids = list(Image.objects.order_by("dataset_id", "pk").values_list("pk", flat=True))
    assert {(a, b) for a, b, _ in measured} == set(combinations(ids, 2))
    assert max(distance for _, _, distance in measured) < 1e-6
    client.force_login(owner)
    pages_are_shown(client, comparison)


def test_a_distance_beyond_the_bits_is_refused_and_all_bits_are_not(project: Project, hashed: Make) -> None:
    datasets = [hashed("a", 5), hashed("b", 4)]
    with pytest.raises(AnalysisError, match="0 to 64"):
        create_comparison(project=project, datasets=datasets, signals={"phash-8": 65}, scope="both", by=None)
    run(project, datasets, "across", 64)
    ids = [list(dataset.images.order_by("pk").values_list("pk", flat=True)) for dataset in datasets]
    assert {(a, b) for a, b, _ in stored()} == set(product(*ids))
