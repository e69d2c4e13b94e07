"""Neighbours by embeddings: what is found is what brute force finds, through the index and without it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis import bulk, neighbours
from analysis.core.arrays import Vectors
from analysis.core.search import cosine_top_k
from analysis.models import Signal
from analysis.neighbours import Nearest, _embeddings, _index, _plan
from analysis.signals import KnownSignal, StoredVectors
from analysis.tasks import keep_embedding_indexes
from catalog.models import Dataset, Image, Project
from catalog.workspace import create_dataset, create_project

DIM = 24


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


class Stored:
    """Datasets of embeddings under one signal, and the same here."""

    def __init__(self, project: Project, dim: int = DIM) -> None:
        self.project = project
        self.dim = dim
        self.signal_id = Signal.objects.create(name=f"vectors:test-{dim}").pk
        self.vectors: dict[int, NDArray[np.float32]] = {}
        self.ids: dict[int, NDArray[np.int64]] = {}

    def add(self, name: str, values: NDArray[np.float32]) -> int:
        dataset = create_dataset(project=self.project, name=name, by=None)
        Image.objects.bulk_create(Image(dataset=dataset, name=str(k), path=str(k)) for k in range(len(values)))
        Dataset.objects.filter(pk=dataset.pk).update(image_count=len(values))
        ids = bulk.read_image_ids(dataset_id=dataset.pk)
        bulk.write_embeddings(dataset_id=dataset.pk, signal_id=self.signal_id, image_ids=ids, vectors=Vectors(values))
        self.ids[dataset.pk], self.vectors[dataset.pk] = ids, values
        return dataset.pk

    def search(self, query: NDArray[np.float32], datasets: list[int], k: int) -> Nearest:
        return neighbours.nearest_embeddings(query, signal_id=self.signal_id, dataset_ids=datasets, k=k)

    def truth(self, query: NDArray[np.float32], datasets: list[int], k: int) -> tuple[list[int], list[float]]:
        """By brute force over ids in rising order, as ties are broken."""
        ids = np.concatenate([self.ids[pk] for pk in datasets])
        values = np.concatenate([self.vectors[pk] for pk in datasets])
        order = np.argsort(ids)
        rows, distance = cosine_top_k(Vectors(query[None]), Vectors(values[order]), min(k, len(ids)))
        return ids[order][rows[0]].tolist(), distance[0].tolist()


def clustered(rng: np.random.Generator, n: int, centres: NDArray[np.float64]) -> NDArray[np.float32]:
    return unit(centres[rng.integers(0, len(centres), n)] + 0.3 * rng.normal(size=(n, centres.shape[1])))


@pytest.fixture
def stored(project: Project) -> Stored:
    """Three datasets: two of one world, one far from both."""
    rng = np.random.default_rng(5)
    made = Stored(project)
    here, away = rng.normal(size=(40, DIM)), rng.normal(size=(40, DIM)) * 0.3 - 2
    made.add("a", clustered(rng, 900, here))
    made.add("b", clustered(rng, 500, here))
    made.add("far", clustered(rng, 700, away))
    return made


def test_without_an_index_the_answer_is_that_of_brute_force(stored: Stored) -> None:
    a, b, far = stored.ids
    rng = np.random.default_rng(1)
    for datasets in ([a], [b, a], [far], [a, b, far]):
        for k in (1, 10, 37):
            query = unit(rng.normal(size=DIM))
            found = stored.search(query, datasets, k)
            ids, distance = stored.truth(query, datasets, k)
            assert (found.image_ids.tolist(), found.distance.tolist()) == (ids, distance)
            assert set(found.dataset_ids.tolist()) <= set(datasets)


def test_fewer_images_than_asked_for_and_none_at_all(stored: Stored) -> None:
    b = list(stored.ids)[1]
    assert len(stored.search(stored.vectors[b][3], [b], 600)) == 500
    assert len(stored.search(stored.vectors[b][3], [], 5)) == 0
    assert len(stored.search(stored.vectors[b][3], [10**9], 5)) == 0


def test_equal_pictures_come_in_order_of_their_ids(project: Project) -> None:
    made = Stored(project)
    same = unit(np.ones(DIM))
    pk = made.add("a", np.repeat(same[None], 30, axis=0))
    found = made.search(same, [pk], 5)
    # All are equally near: any five are right, in order.
    assert found.image_ids.tolist() == sorted(found.image_ids.tolist())
    assert set(found.distance.tolist()) == {0.0}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index is worth it for a few hundred vectors."""
    for module in (_plan, _index):
        monkeypatch.setattr(module, "EXACT_VALUES", 100 * DIM)
    monkeypatch.setattr(_plan, "STEPS", 1)
    monkeypatch.setattr(_plan, "PATIENCE", 1)


def indexes() -> dict[str, bool]:
    with connection.cursor() as cursor:
        cursor.execute(_index._PRESENT)
        return {name: valid for name, valid in cursor.fetchall() if name.startswith("embedding_near_")}


def through_index(stored: Stored, datasets: list[int], k: int) -> bool:
    rows, indexed = _embeddings._counts(stored.signal_id, datasets)
    return _plan.choose(k=k, dim=DIM, rows=rows, indexed=indexed).through_index


@pytest.fixture
def no_index_left(transactional_db: None) -> Iterator[None]:
    """Indexes outlive the rows of a test."""
    yield
    for name in indexes():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX {name}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_index_left", "small")
def test_through_the_index_hardly_a_neighbour_is_lost_whatever_is_filtered(stored: Stored) -> None:
    assert neighbours.keep_indexes()
    assert indexes() == {f"embedding_near_{stored.signal_id}": True}
    a, b, far = stored.ids
    rng = np.random.default_rng(2)
    for datasets in ([a], [b], [a, far], [a, b, far]):
        assert through_index(stored, datasets, 10)
        shares = []
        for _ in range(60):
            source = stored.vectors[datasets[rng.integers(len(datasets))]]
            query = unit(rng.choice(source) + 0.05 * rng.normal(size=DIM))
            found = stored.search(query, datasets, 10)
            _, distance = stored.truth(query, datasets, 10)
            assert set(found.dataset_ids.tolist()) <= set(datasets)
            shares.append(float((found.distance <= distance[-1]).sum()) / 10)
        assert np.mean(shares) >= 0.98


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_index_left", "small")
def test_a_query_whose_neighbours_lie_in_other_datasets_is_answered_in_full(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbours.keep_indexes()
    a, _, far = stored.ids
    # The 700 images of `far` come first, and it is given up after 450.
    monkeypatch.setattr(_plan, "PATIENCE", 2)
    plans = []
    fetch = _embeddings.fetch

    def watched(plan: _plan.Plan, *args: object, **kwargs: object) -> object:
        plans.append(plan.through_index)
        return fetch(plan, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(_embeddings, "fetch", watched)
    query = stored.vectors[far][0]
    found = stored.search(query, [a], 10)
    assert plans == [True, False]
    assert (found.image_ids.tolist(), found.distance.tolist()) == stored.truth(query, [a], 10)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_index_left", "small")
def test_an_index_that_does_not_find_the_image_that_asks_is_not_believed(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbours.keep_indexes()
    a = next(iter(stored.ids))
    query = stored.vectors[a][0]
    fetch = _embeddings.fetch
    plans = []

    def lost(plan: _plan.Plan, *args: Any, **kwargs: Any) -> list[tuple[int, int, bytes]]:
        plans.append(plan.through_index)
        found = fetch(_plan.Plan(plan.through_index, plan.fetch + 5, plan.reach), *args, **kwargs)
        # As among thousands of equal pictures: what is nearest is not reached.
        return found[5:] if plan.through_index else found[:-5]

    monkeypatch.setattr(_embeddings, "fetch", lost)
    image = Image.objects.get(pk=stored.ids[a][0])
    known = KnownSignal(stored.signal_id, "vectors:test", StoredVectors("vectors:test", brought=True))
    found = neighbours.nearest(neighbours.of_image(image, known), dataset_ids=[a], k=10)
    assert plans == [True, False]
    assert found.image_ids.tolist() == stored.truth(query, [a], 11)[0][1:]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_index_left", "small")
def test_the_search_reads_the_index_not_the_table(stored: Stored) -> None:
    neighbours.keep_indexes()
    with CaptureQueriesContext(connection) as asked:
        stored.search(stored.vectors[next(iter(stored.ids))][0], list(stored.ids), 5)
    settings, search = [query["sql"] for query in asked if "set_config" in query["sql"] or "halfvec" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(settings)
        cursor.execute("EXPLAIN " + search)
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("ROLLBACK")
    assert f"Index Scan using embedding_near_{stored.signal_id}" in plan


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_index_left", "small")
def test_one_signal_s_index_serves_several_projects_and_shows_each_its_own(stored: Stored, owner: User) -> None:
    rng = np.random.default_rng(8)
    stored.project = create_project(name="Another team", owner=owner)
    mine = next(iter(stored.ids))
    theirs = stored.add("theirs", stored.vectors[mine][:600].copy())
    neighbours.keep_indexes()
    for _ in range(20):
        query = stored.vectors[mine][rng.integers(600)]
        for pk in (mine, theirs):
            found = stored.search(query, [pk], 10)
            assert set(found.dataset_ids.tolist()) == {pk}
            assert found.distance[0] == stored.truth(query, [pk], 1)[1][0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_index_left", "small")
def test_indexes_follow_their_embeddings(stored: Stored, owner: User) -> None:
    few = Stored(create_project(name="Few", owner=owner), dim=DIM + 1)
    few.add("few", unit(np.random.default_rng(0).normal(size=(20, DIM + 1))))
    wide = Stored(few.project, dim=4_001)
    wide.add("wide", unit(np.random.default_rng(0).normal(size=(3, 4_001))))
    assert [signal_id for signal_id, _, _ in neighbours.work().make] == [stored.signal_id]
    keep_embedding_indexes()
    assert not neighbours.work()
    name = f"embedding_near_{stored.signal_id}"
    assert indexes() == {name: True}
    with connection.cursor() as cursor:
        # As an index lies there whose making broke off.
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [name])
    assert neighbours.work().drop == [name]
    stored.search(stored.vectors[next(iter(stored.ids))][0], list(stored.ids), 5)
    assert neighbours.keep_indexes()
    assert indexes() == {name: True}
    stored.project.datasets.all().delete()
    assert neighbours.keep_indexes()
    assert indexes() == {}
    # What has no index is found all the same.
    assert len(wide.search(next(iter(wide.vectors.values()))[0], list(wide.ids), 2)) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_index_left", "small")
def test_two_workers_make_one_index(stored: Stored) -> None:
    start, done = threading.Barrier(2), []

    def work() -> None:
        with closing(connections["default"]):
            start.wait()
            done.append(neighbours.keep_indexes())

    workers = [threading.Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    assert True in done
    assert len(done) == 2
    assert indexes() == {f"embedding_near_{stored.signal_id}": True}
    assert not neighbours.work()


@given(
    k=st.integers(1, 500),
    dim=st.integers(1, 5_000),
    rows=st.integers(0, 10**8),
    indexed=st.none() | st.integers(0, 10**9),
)
def test_a_plan_fetches_enough_and_never_searches_long_in_vain(
    k: int, dim: int, rows: int, indexed: int | None
) -> None:
    plan = _plan.choose(k=k, dim=dim, rows=rows, indexed=indexed)
    assert plan.fetch > k
    if plan.through_index:
        assert indexed is not None
        assert plan.reach >= plan.fetch
        assert plan.reach * _plan.STEPS * _plan.PATIENCE <= rows
        # The share of the chosen datasets in the index lets it find enough within its reach.
        assert plan.fetch * indexed <= plan.reach * rows
