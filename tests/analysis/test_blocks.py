"""Comparisons in blocks: each missing pair once; in any order, twice, interrupted, failing, by several workers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from analysis import bulk
from analysis.core.errors import AnalysisError
from analysis.models import Block, Comparison, Coverage, Measurement, Summary
from analysis.pipeline import compare
from analysis.pipeline.compare import Span, Spans, missing, work
from analysis.signals import signal
from analysis.tasks import join_next_block, run_comparison
from analysis.workspace import create_comparison, queue_again
from catalog.models import Dataset, Image, Project
from tests.analysis.truth import brute_force, run, stored

Make = Callable[..., Dataset]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "BLOCK_ROWS", 7)


def waiting(project: Project, datasets: Sequence[Dataset], scope: str, distance: int) -> Comparison:
    return create_comparison(project=project, datasets=datasets, signals={"phash-8": distance}, scope=scope, by=None)


def asked(distance: int) -> compare.Asked:
    return [(signal("phash-8"), float(distance))]


def make_silent(*blocks: Block) -> None:
    """As if the worker had been killed an hour ago."""
    Block.objects.filter(pk__in=[block.pk for block in blocks]).update(heartbeat_at=timezone.now() - timedelta(hours=1))


def counted_joins(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The blocks that are joined from now on."""
    joined: list[int] = []
    join = compare.join

    def counting(block: Block) -> None:
        joined.append(block.pk)
        join(block)

    monkeypatch.setattr(compare, "join", counting)
    return joined


# Which blocks


def cut(ids: Sequence[int], after: int, size: int) -> tuple[Span, ...]:
    parts = [ids[start : start + size] for start in range(0, len(ids), size)]
    starts = [after, *(part[-1] for part in parts)]
    return tuple(Span(start, part[-1], len(part)) for start, part in zip(starts, parts, strict=False))


ids = st.lists(st.integers(1, 60), unique=True, max_size=14).map(sorted)


def spans(ids: Sequence[int], upto: int, size: int) -> Spans:
    old, new = [i for i in ids if i <= upto], [i for i in ids if i > upto]
    return Spans(cut(old, 0, size), cut(new, upto, size))


def members(ids: Sequence[int], span: Span) -> list[int]:
    found = [i for i in ids if span.after < i <= span.upto]
    assert len(found) == span.rows
    return found


@given(a=ids, b=ids, upto_a=st.integers(0, 60), upto_b=st.integers(0, 60), size=st.integers(1, 6))
def test_each_missing_pair_of_two_datasets_lies_in_one_block(
    a: list[int], b: list[int], upto_a: int, upto_b: int, size: int
) -> None:
    found: Counter[tuple[int, int]] = Counter()
    weight = 0
    for one, other in missing(spans(a, upto_a, size), spans(b, upto_b, size)):
        assert max(one.rows, other.rows) <= size
        found.update(product(members(a, one), members(b, other)))
        weight += work(one, other, within=False)
    assert found == Counter((i, j) for i, j in product(a, b) if i > upto_a or j > upto_b)
    assert weight == found.total()


@given(a=ids, upto=st.integers(0, 60), size=st.integers(1, 6))
def test_each_missing_pair_inside_a_dataset_lies_in_one_block(a: list[int], upto: int, size: int) -> None:
    found: Counter[tuple[int, int]] = Counter()
    weight = 0
    for one, other in missing(spans(a, upto, size), None):
        pairs = product(members(a, one), members(a, other))
        # A span with itself is joined with itself; otherwise the first lies before the second: pairs are canonical.
        found.update((i, j) for i, j in pairs if one != other or i < j)
        weight += work(one, other, within=True)
    assert found == Counter((i, j) for i, j in product(a, a) if i < j and j > upto)
    assert weight == found.total()


def test_blocks_in_the_database_are_cut_by_the_images(project: Project, hashed: Make, small_blocks: None) -> None:
    datasets = [hashed("a", 20), hashed("b", 15)]
    comparison = waiting(project, datasets, "both", 8)
    total = compare.plan(comparison, asked(8))
    assert total == 20 * 15 + 20 * 19 // 2 + 15 * 14 // 2
    assert Counter(comparison.blocks.values_list("dataset_a__name", "dataset_b__name")) == {
        ("a", "b"): 3 * 3,
        ("a", "a"): 6,
        ("b", "b"): 6,
    }
    # Planned again after an interruption: the same blocks.
    before = set(Block.objects.values_list("pk", flat=True))
    assert compare.plan(comparison, asked(8)) == total
    assert set(Block.objects.values_list("pk", flat=True)) == before


# What they find


@pytest.mark.parametrize("scope", ["across", "within", "both"])
def test_small_blocks_find_what_brute_force_finds(
    project: Project, hashed: Make, small_blocks: None, scope: str
) -> None:
    datasets = [hashed("a", 33), hashed("b", 21), hashed("c", 7)]
    comparison = run(project, datasets, scope, 9)
    assert stored() == brute_force(datasets, scope, 9)
    hashed("a", 9)
    hashed("c", 8)
    queue_again(job=comparison)
    run_comparison(comparison.pk)
    assert stored() == brute_force(datasets, scope, 9)
    run(project, datasets, scope, 12)
    assert stored() == brute_force(datasets, scope, 12)
    assert len(stored()) > 100
    assert not Block.objects.exists()


def test_blocks_in_any_order_and_twice(project: Project, hashed: Make, small_blocks: None) -> None:
    datasets = [hashed("a", 30), hashed("b", 25)]
    comparison = waiting(project, datasets, "both", 9)
    compare.plan(comparison, asked(9))
    blocks = list(comparison.blocks.all()) * 2
    random.Random(5).shuffle(blocks)
    for block in blocks:
        compare.join(block)
    assert stored() == brute_force(datasets, "both", 9)


def test_coverage_waits_for_the_last_block(project: Project, hashed: Make, small_blocks: None) -> None:
    datasets = [hashed("a", 20), hashed("b", 15)]
    comparison = waiting(project, datasets, "both", 8)
    compare.plan(comparison, asked(8))
    last = comparison.blocks.filter(dataset_a__name="a", dataset_b__name="b")[0]
    comparison.blocks.exclude(pk=last.pk).update(status="done")
    compare.settle(comparison)
    assert set(Coverage.objects.values_list("dataset_a__name", "dataset_b__name")) == {("a", "a"), ("b", "b")}
    # The blocks that are done of the unfinished dataset pair are kept for the next run; the other has been let go.
    assert set(comparison.blocks.values_list("status", flat=True)) == {"done"}
    assert comparison.blocks.count() == 8
    compare.plan(comparison, asked(8))
    assert Counter(comparison.blocks.values_list("status", flat=True)) == {"done": 8, "queued": 1}


# Interrupted and failing


class Killed(BaseException):
    """Nothing in the product catches it, as nothing catches SIGKILL."""


def test_a_worker_killed_within_a_block(
    project: Project, hashed: Make, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = [hashed("a", 30), hashed("b", 30)]
    comparison = waiting(project, datasets, "both", 9)
    monkeypatch.setattr(bulk.measurements, "WRITE_ROWS", 3)
    written: list[int] = []
    write = bulk.measurements._write_new

    def dying(*args: object) -> None:
        written.append(1)
        if len(written) == 8:
            raise Killed
        write(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as until_killed:
        until_killed.setattr(bulk.measurements, "_write_new", dying)
        until_killed.setattr(compare, "settle", lambda comparison: None)
        with pytest.raises(Killed):
            run_comparison(comparison.pk)
    # The queue delivers the message again, but the row says that somebody is at it.
    before = stored()
    run_comparison(comparison.pk)
    assert stored() == before
    assert 0 < len(before) < len(brute_force(datasets, "both", 9))
    Comparison.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    make_silent(Block.objects.get(status="running"))
    done = set(Block.objects.filter(status="done"))
    assert done
    joined = counted_joins(monkeypatch)
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert comparison.status == "done"
    assert {block.pk for block in done}.isdisjoint(joined)
    assert stored() == brute_force(datasets, "both", 9)


def test_a_block_whose_worker_was_lost_is_taken_again(project: Project, hashed: Make, small_blocks: None) -> None:
    comparison = waiting(project, [hashed("a", 9)], "within", 8)
    compare.plan(comparison, asked(8))
    taken = [compare.take(comparison.pk) for _ in range(4)]
    assert [block.status for block in taken if block] == ["running"] * 3
    assert taken[3] is None
    lost = Block.objects.all()[1]
    make_silent(lost)
    assert compare.take(comparison.pk) == lost
    assert compare.take(comparison.pk) is None


def test_a_failing_block_fails_the_comparison_and_the_next_run_takes_up(
    project: Project, hashed: Make, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = [hashed("a", 20), hashed("b", 20)]
    comparison = waiting(project, datasets, "across", 9)
    joined: list[int] = []
    join = compare.join

    def failing(block: Block) -> None:
        joined.append(block.pk)
        if len(joined) == 4:
            raise AnalysisError("The fourth block is broken.", remedy="Mend it.")
        join(block)

    monkeypatch.setattr(compare, "join", failing)
    with pytest.raises(AnalysisError):
        run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert (comparison.status, comparison.error) == ("failed", "The fourth block is broken. Mend it.")
    assert Counter(Block.objects.values_list("status", flat=True)) == {"done": 3, "failed": 1}
    assert not Coverage.objects.exists()
    assert not Summary.objects.exists()
    # Workers that were called find nothing to do.
    join_next_block(comparison.pk)
    assert len(joined) == 4
    queue_again(job=comparison)
    run_comparison(comparison.pk)
    assert len(joined) == 4 + 6
    assert stored() == brute_force(datasets, "across", 9)
    assert not Block.objects.exists()


def test_a_block_that_fails_in_another_worker_fails_the_comparison(
    project: Project, hashed: Make, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = waiting(project, [hashed("a", 20)], "within", 9)
    compare.plan(comparison, asked(9))
    monkeypatch.setattr(compare, "MAX_PAIRS", 0)
    monkeypatch.setattr(join_next_block, "delay", lambda pk: None)
    join_next_block(comparison.pk)
    monkeypatch.setattr(compare, "MAX_PAIRS", 1000)
    failed = Block.objects.get(status="failed")
    assert "More than 0 pairs of a and a" in failed.error
    assert compare.state(comparison.pk).error == failed.error


# Several at once


def test_one_message_waits_in_the_queue_as_long_as_blocks_do(
    project: Project, hashed: Make, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = [hashed("a", 20), hashed("b", 15)]
    comparison = waiting(project, datasets, "across", 9)
    compare.plan(comparison, asked(9))
    sent: list[int] = [comparison.pk]
    monkeypatch.setattr(join_next_block, "delay", sent.append)
    messages = 0
    while sent:
        assert len(sent) == 1
        messages += 1
        join_next_block(sent.pop())
    assert messages == 3 * 3
    assert stored() == brute_force(datasets, "across", 9)
    assert not Coverage.objects.exists()
    run_comparison(comparison.pk)
    assert Coverage.objects.count() == 1


def test_comparisons_that_miss_the_same_share_its_blocks(project: Project, hashed: Make, small_blocks: None) -> None:
    a, b, c = hashed("a", 20), hashed("b", 15), hashed("c", 10)
    first, second = waiting(project, [a, b], "across", 9), waiting(project, [a, b, c], "across", 9)
    compare.plan(first, asked(9))
    compare.plan(second, asked(9))
    assert set(first.blocks.all()) < set(second.blocks.all())
    run_comparison(second.pk)
    assert not first.blocks.filter(status="queued").exists()
    run_comparison(first.pk)
    assert Coverage.objects.count() == 3
    assert not Block.objects.exists()
    assert stored() == brute_force([a, b, c], "across", 9)


def test_progress_is_the_sum_over_blocks(project: Project, hashed: Make, small_blocks: None) -> None:
    comparison = waiting(project, [hashed("a", 20)], "within", 9)
    total = compare.plan(comparison, asked(9))
    Comparison.objects.update(status="running")
    block = comparison.blocks.all()[0]
    Block.objects.filter(pk=block.pk).update(done=block.total)
    compare.report(block)
    comparison.refresh_from_db()
    assert 0 < comparison.done == block.total < total


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_the_same_blocks(
    project: Project, hashed: Make, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = [hashed("a", 40), hashed("b", 30)]
    first, second = waiting(project, datasets, "both", 9), waiting(project, datasets, "across", 11)
    for comparison, distance in ((first, 9), (second, 11)):
        compare.plan(comparison, asked(distance))
    joined = counted_joins(monkeypatch)
    monkeypatch.setattr(join_next_block, "delay", lambda pk: None)

    def work(task: Callable[[int], None], pk: int) -> None:
        try:
            task(pk)
        finally:
            connection.close()

    tasks = [(run_comparison, first.pk), (run_comparison, second.pk)]
    tasks += [(join_next_block, pk) for pk in (first.pk, second.pk) for _ in range(8)]
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, *task) for task in tasks]:
            done.result()
    assert stored() == brute_force(datasets, "both", 9) | brute_force(datasets, "across", 11)
    assert len(joined) == len(set(joined))
    assert set(Comparison.objects.values_list("status", flat=True)) == {"done"}
    assert not Block.objects.exists()


# Data that changes meanwhile


def test_images_that_come_while_a_comparison_runs_are_neither_missed_nor_counted_as_covered(
    project: Project, hashed: Make, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = [hashed("a", 20), hashed("b", 15)]
    comparison = waiting(project, datasets, "both", 9)
    upto = max(Image.objects.filter(dataset=datasets[0]).values_list("pk", flat=True))
    join = compare.join
    come: list[Dataset] = []

    def meanwhile(block: Block) -> None:
        if not come:
            come.append(hashed("a", 6))
        join(block)

    monkeypatch.setattr(compare, "join", meanwhile)
    run_comparison(comparison.pk)
    assert Comparison.objects.filter(status="done", data_changed_at__isnull=False).exists()
    assert Coverage.objects.get(dataset_a__name="a", dataset_b__name="a").upto_a == upto
    queue_again(job=comparison)
    run_comparison(comparison.pk)
    assert Comparison.objects.filter(status="done", data_changed_at__isnull=True).exists()
    assert stored() == brute_force(datasets, "both", 9)


def test_images_deleted_while_a_comparison_runs_are_left_out(
    project: Project, hashed: Make, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = [hashed("a", 20), hashed("b", 15)]
    read = bulk.read_descriptors
    gone: list[int] = []

    def then_deleted(**options: Any) -> Any:
        found = read(**options)
        if not gone:
            gone.extend(found[0][:3].tolist())
            Image.objects.filter(pk__in=gone).delete()
        return found

    monkeypatch.setattr(bulk, "read_descriptors", then_deleted)
    run(project, datasets, "both", 12)
    assert len(gone) == 3
    assert stored() == brute_force(datasets, "both", 12)


def test_an_earlier_end_that_covered_more_is_not_taken_back(project: Project, hashed: Make) -> None:
    datasets = [hashed("a", 20), hashed("b", 15)]
    slow = waiting(project, datasets, "across", 6)
    compare.plan(slow, asked(6))
    run(project, datasets, "across", 12)
    while (block := compare.take(slow.pk)) is not None:
        compare.join(block)
        Block.objects.filter(pk=block.pk).update(status="done")
    compare.settle(slow)
    assert Coverage.objects.get().max_distance == 12
    assert Measurement.objects.count() == len(brute_force(datasets, "across", 12))
