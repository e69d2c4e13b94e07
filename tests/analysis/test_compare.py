"""Comparisons against brute force through the whole product: first run, new images, larger distances, any order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analysis.core.arrays import PackedBits
from analysis.core.errors import AnalysisError
from analysis.core.metrics import hamming
from analysis.core.search import hamming_join
from analysis.models import Comparison, Coverage, Hash, Measurement, Summary
from analysis.pipeline import compare
from analysis.tasks import run_comparison, sweep
from analysis.workspace import create_comparison, queue_again
from catalog.models import Dataset, Project, Upload
from tests.analysis.truth import brute_force, run, stored

Make = Callable[..., Dataset]


@pytest.mark.parametrize("scope", ["across", "within", "both"])
def test_a_comparison_finds_what_brute_force_finds(project: Project, hashed: Make, scope: str) -> None:
    datasets = [hashed("a", 40), hashed("b", 30), hashed("c", 20)]
    run(project, datasets, scope, 9)
    assert stored() == brute_force(datasets, scope, 9)
    assert len(stored()) > 100


def test_new_images_and_larger_distances_give_the_same_as_one_run_at_the_end(project: Project, hashed: Make) -> None:
    datasets = [hashed("a", 30), hashed("b", 25)]
    comparison = run(project, datasets, "both", 6)
    hashed("a", 10)
    hashed("b", 15)
    queue_again(job=comparison)
    run_comparison(comparison.pk)
    assert stored() == brute_force(datasets, "both", 6)
    run(project, datasets, "both", 12)
    assert stored() == brute_force(datasets, "both", 12)
    hashed("b", 5)
    # A smaller distance is asked for, but the new images are joined as far as all others were.
    run(project, datasets, "across", 3)
    across = brute_force(datasets, "across", 12)
    assert across <= stored()
    assert set(Coverage.objects.values_list("max_distance", flat=True)) == {12.0}


def test_what_is_covered_is_not_joined_again(project: Project, hashed: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = [hashed("a", 20), hashed("b", 20)]
    run(project, datasets, "across", 8)
    seen: list[tuple[int, int]] = []

    def counting(first: PackedBits, second: PackedBits | None, *rest: object, **options: object) -> object:
        seen.append((len(first), len(first) if second is None else len(second)))
        return hamming_join(first, second, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(hamming, "hamming_join", counting)
    run(project, datasets, "across", 5)
    assert sum(a * b for a, b in seen) == 0
    hashed("b", 3)
    seen.clear()
    run(project, datasets, "across", 8)
    assert sum(a * b for a, b in seen) == 20 * 3


def test_running_a_task_twice_changes_nothing(project: Project, hashed: Make) -> None:
    comparison = run(project, [hashed("a", 20), hashed("b", 20)], "both", 8)
    before, curve = stored(), Summary.objects.get().curve
    run_comparison(comparison.pk)
    queue_again(job=comparison)
    run_comparison(comparison.pk)
    assert stored() == before
    assert Summary.objects.get().curve == curve


def test_hubs_are_named_when_there_are_too_many_pairs(
    project: Project, hashed: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "MAX_PAIRS", 50)
    dataset = hashed("a", 40)
    comparison = create_comparison(
        project=project, datasets=[dataset], signals={"phash-8": 20}, scope="within", by=None
    )
    with pytest.raises(AnalysisError):
        run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert comparison.status == "failed"
    assert "More than 50 pairs" in comparison.error
    assert "a-" in comparison.error
    assert not Measurement.objects.exists()


def test_a_signal_that_fingerprints_lack_is_said(project: Project, hashed: Make) -> None:
    comparison = create_comparison(
        project=project, datasets=[hashed("a", 5), hashed("b", 5)], signals={"dhash-8": 8}, scope="across", by=None
    )
    with pytest.raises(AnalysisError, match="dhash-8"):
        run_comparison(comparison.pk)


@pytest.mark.parametrize(
    ("signals", "scope", "n", "words"),
    [
        ({"phash-8": 65}, "across", 2, "0 to 64"),
        ({"phash-8": -1}, "across", 2, "0 to 64"),
        ({"phash-8": 7.5}, "across", 2, "whole number of bits"),
        ({"no-such": 8}, "across", 2, "no hash"),
        ({}, "across", 2, "at least one signal"),
        ({"phash-8": 8}, "across", 1, "at least 2 datasets"),
        ({"phash-8": 8}, "sideways", 2, "no scope"),
    ],
)
def test_what_cannot_be_compared_is_said(
    project: Project, hashed: Make, signals: dict[str, float], scope: str, n: int, words: str
) -> None:
    datasets = [hashed(name, 1) for name in "ab"][:n]
    with pytest.raises(AnalysisError, match=words):
        create_comparison(project=project, datasets=datasets, signals=signals, scope=scope, by=None)
    assert not Comparison.objects.exists()


def test_an_import_marks_comparisons_that_no_longer_cover_all(
    project: Project, import_files: Callable[[str, dict[str, bytes]], Dataset], picture: Callable[..., bytes]
) -> None:
    datasets = [import_files(name, {f"{name}.png": picture(seed)}) for seed, name in enumerate("ab")]
    comparison = run(project, datasets, "across", 8)
    import_files("a", {"copy.png": picture(1)})
    assert Comparison.objects.filter(data_changed_at__isnull=False).exists()
    queue_again(job=comparison)
    run_comparison(comparison.pk)
    assert not Comparison.objects.filter(data_changed_at__isnull=False).exists()
    assert Measurement.objects.get().distance == 0


def test_missing_descriptors_are_pulled_from_the_files(
    project: Project, import_files: Callable[[str, dict[str, bytes]], Dataset], picture: Callable[..., bytes]
) -> None:
    datasets = [import_files(name, {f"{n}.png": picture(n) for n in range(3)}) for name in "ab"]
    kept = {(h.image_id, h.signal_id): bytes(h.bits) for h in Hash.objects.all()}
    Hash.objects.all().delete()
    run(project, datasets, "across", 4)
    assert {(h.image_id, h.signal_id): bytes(h.bits) for h in Hash.objects.all()}.items() <= kept.items()
    assert Hash.objects.count() == 6
    assert Measurement.objects.filter(distance=0).count() == 3


def test_the_sweep_sends_lost_work_again(project: Project, hashed: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from django.utils import timezone

    sent: list[int] = []
    monkeypatch.setattr(run_comparison, "delay", sent.append)
    comparison = create_comparison(
        project=project, datasets=[hashed("a", 3)], signals={"phash-8": 8}, scope="within", by=None
    )
    sweep()
    assert sent == []
    Comparison.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1), status="running")
    sweep()
    assert sent == [comparison.pk]
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert comparison.status == "done"
    assert not Upload.objects.exists()
