"""Projections against their definitions, and against the libraries that everyone knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from sklearn.manifold import TSNE, trustworthiness

from analysis.core.arrays import Vectors
from analysis.core.projection import InvalidProjection, Method, Pca, Tsne, Umap, method_from, project, suggested
from analysis.core.projection._neighbours import nearest
from analysis.core.projection._pca import principal
from analysis.core.projection._tsne import tsne
from tests.shared import shared_data

Floats = NDArray[np.float64]
METHODS: list[Callable[[], Method]] = [Pca, Tsne, Umap]


def unit(values: NDArray[Any]) -> Vectors:
    return Vectors((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32))


def clustered(
    n: int, dim: int, clusters: int, *, noise: float = 0.25, seed: int = 0
) -> tuple[Vectors, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    of = np.arange(n) % clusters
    return unit(rng.normal(size=(clusters, dim))[of] + noise * rng.normal(size=(n, dim))), of


# ---- PCA ----


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(2, 40), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_components_are_those_of_the_singular_values(n: int, dim: int, k: int, seed: int) -> None:
    values = unit(np.random.default_rng(seed).normal(size=(n, dim))).values
    found = principal(values, k)
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    count = min(k, n, dim)
    expected = (left * sizes)[:, :count]
    np.testing.assert_allclose(np.abs(found.scores[:, :count]), np.abs(expected), atol=1e-6)
    assert not found.scores[:, count:].any()
    if n > 1:
        np.testing.assert_allclose(found.explained[:count], (sizes**2 / (sizes**2).sum())[:count], atol=1e-7)


@pytest.mark.parametrize(("n", "dim"), [(20, 50), (50, 20)])
def test_the_sign_depends_on_nothing_but_the_vectors(n: int, dim: int) -> None:
    vectors, _ = clustered(n, dim, 4)
    order = np.random.default_rng(1).permutation(n)
    points = project(vectors, Pca()).points
    np.testing.assert_allclose(project(Vectors(vectors.values[order]), Pca()).points, points[order], atol=1e-6)
    # The direction's largest entry is positive: moving along it moves to the right.
    centred = vectors.values - vectors.values.mean(axis=0)
    direction = centred.T @ points[:, 0]
    assert direction[np.abs(direction).argmax()] > 0


def test_pca_says_how_much_it_shows() -> None:
    vectors, _ = clustered(60, 10, 3)
    found = project(vectors, Pca())
    assert found.explained is not None
    along = found.points.astype(np.float64).var(axis=0) / vectors.values.astype(np.float64).var(axis=0).sum()
    np.testing.assert_allclose(found.explained, along, atol=1e-6)
    assert found.kept == 1


# ---- what holds of all methods ----


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_up_to_three_images_are_shown_at_their_exact_distances(method: Callable[[], Method], n: int) -> None:
    vectors = unit(np.random.default_rng(n).normal(size=(n, 7)))
    found = project(vectors, method())
    assert found.points.shape == (n, 2)
    assert found.points.dtype == np.float32
    np.testing.assert_allclose(pdist(found.points), pdist(vectors.values), atol=1e-6)
    np.testing.assert_allclose(found.points.mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_only_one_picture_many_times_lies_in_one_place(method: Callable[[], Method]) -> None:
    one = unit(np.random.default_rng(0).normal(size=(1, 5))).values
    found = project(Vectors(np.repeat(one, 50, axis=0)), method())
    assert not found.points.any()
    assert (found.distinct, found.flat) == (1, not isinstance(method(), Pca))


@pytest.mark.parametrize("method", [Pca(), Tsne(perplexity=5), Umap(neighbours=5)])
def test_equal_embeddings_have_equal_points_and_change_nothing_for_the_others(method: Method) -> None:
    vectors, _ = clustered(40, 12, 4)
    again = np.concatenate([vectors.values, vectors.values[[3, 3, 3, 17]]])
    found = project(Vectors(again), method)
    assert np.isfinite(found.points).all()
    np.testing.assert_array_equal(found.points[40:], found.points[[3, 3, 3, 17]])
    assert found.distinct == 40
    assert len(np.unique(found.points, axis=0)) == 40


@pytest.mark.parametrize("method", [Tsne(perplexity=3), Umap(neighbours=4)])
@pytest.mark.parametrize("n", [4, 5, 8])
def test_few_images_are_no_trouble(method: Method, n: int) -> None:
    points = project(unit(np.random.default_rng(n).normal(size=(n, 9))), method).points
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == n


@pytest.mark.parametrize("kind", [Tsne, Umap])
def test_the_same_seed_gives_the_same_picture_and_another_another(kind: Callable[..., Method]) -> None:
    vectors, _ = clustered(90, 16, 5)
    parameters = {"perplexity": 10.0} if kind is Tsne else {"neighbours": 10}
    first = project(vectors, kind(**parameters, seed=7)).points
    np.testing.assert_array_equal(project(vectors, kind(**parameters, seed=7)).points, first)
    assert not np.array_equal(project(vectors, kind(**parameters, seed=8)).points, first)


@pytest.mark.parametrize("method", [Tsne(perplexity=20), Umap()])
def test_groups_of_alike_images_stand_apart(method: Method) -> None:
    vectors, of = clustered(300, 64, 6)
    points = project(vectors, method).points
    row, _ = nearest(points.astype(np.float64), 5)
    assert (of[row] == of[:, None]).mean() > 0.99


@pytest.mark.parametrize("method", [Pca(), Tsne(perplexity=5), Umap(neighbours=5)])
def test_progress_is_told(method: Method) -> None:
    said: list[tuple[str, int, int]] = []
    project(clustered(60, 8, 3)[0], method, report=lambda *what: said.append(what))
    assert said[0] == ("Finding principal components", 0, 0)
    placing = [(done, total) for stage, done, total in said if stage == "Placing images"]
    if not isinstance(method, Pca):
        assert placing[-1][0] == placing[-1][1] > 0
        assert placing == sorted(placing)


# ---- parameters ----


@pytest.mark.parametrize(
    ("method", "n", "says"),
    [
        (Tsne(), 30, "more than 30 different images; there are 30. Give a perplexity of at most 29"),
        (Tsne(perplexity=5), 4, "at most 3"),
        (Umap(), 14, "15 neighbours need as many different images; there are 14. Give at most 14"),
    ],
)
def test_too_few_images_for_the_parameters_are_refused_with_a_number_that_does(
    method: Method, n: int, says: str
) -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(n, 9)))
    # Copies of an image are no further images.
    with pytest.raises(InvalidProjection, match=says):
        project(Vectors(np.concatenate([vectors.values, vectors.values])), method)


@pytest.mark.parametrize("method", [Tsne(), Umap()])
def test_what_would_take_hours_is_refused(method: Method) -> None:
    with pytest.raises(InvalidProjection, match="takes hours"):
        method.check(500_001)


@given(st.integers(4, 400))
def test_what_is_suggested_can_be_satisfied(n: int) -> None:
    Tsne(perplexity=suggested(n).perplexity).check(n)
    Umap(neighbours=suggested(n).neighbours).check(n)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("mds", {}, "no method “mds”. There are: pca, tsne, umap"),
        ("pca", {"seed": 1}, "PCA has no parameter “seed”. It has none"),
        ("tsne", {"neighbours": 5}, "t-SNE has no parameter “neighbours”. It has: perplexity, seed"),
        ("tsne", {"perplexity": 0.5}, "perplexity of 0.5 is out of range"),
        ("tsne", {"perplexity": float("nan")}, "out of range"),
        ("tsne", {"perplexity": "wide"}, "perplexity is a number, not “wide”"),
        ("umap", {"neighbours": 1}, "1 neighbours is out of range"),
        ("umap", {"neighbours": 2.5}, "neighbours is a whole number, not “2.5”"),
        ("umap", {"min_dist": 1}, "smallest distance of 1 is out of range"),
        ("umap", {"seed": -1}, "A seed is a whole number"),
        ("umap", {"seed": float("inf")}, "seed is a whole number"),
    ],
)
def test_parameters_out_of_range_are_refused(name: str, parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidProjection, match=says):
        method_from(name, parameters)


def test_parameters_come_from_forms_and_go_to_json() -> None:
    method = method_from("umap", {"neighbours": "12", "seed": 3.0})
    assert method == Umap(neighbours=12, seed=3)
    assert method_from(method.name, json.loads(json.dumps(method.parameters()))) == method


def test_no_embedding_at_all_is_refused() -> None:
    with pytest.raises(InvalidProjection, match="no embedding"):
        project(Vectors(np.empty((0, 4), np.float32)), Pca())


# ---- t-SNE ----


def test_tsne_keeps_neighbours_as_well_as_scikit_learns() -> None:
    reduced = principal(clustered(160, 64, 8, noise=1.2)[0].values, 50).scores
    theirs = TSNE(perplexity=20.0, init="pca", random_state=0).fit_transform(reduced)
    # Which of many nearly equal minima is reached is chance: the mean of some is compared.
    ours = [tsne(reduced, perplexity=20.0, seed=seed, report=lambda *_: None) for seed in range(2)]
    kept = [trustworthiness(reduced, points, n_neighbors=8) for points in ours]
    assert np.mean(kept) >= trustworthiness(reduced, theirs, n_neighbors=8) - 0.01


def test_tsne_takes_the_perplexity_that_was_asked_for() -> None:
    reduced = principal(clustered(40, 16, 4)[0].values, 15).scores
    heard: list[tuple[str, int, int]] = []
    few, many = (
        tsne(reduced, perplexity=perplexity, seed=0, report=lambda *said: heard.append(said))
        for perplexity in (2.0, 30.0)
    )
    assert not np.allclose(few, many)
    steps = [done for what, done, _ in heard if what == "Placing images"]
    assert steps[: len(steps) // 2] == sorted(steps[: len(steps) // 2])
    assert max(steps) == 1000


@pytest.mark.shared_data
def test_real_clip_vectors_keep_their_neighbours() -> None:
    folder = shared_data() / "saints" / "embeddings" / "ICONCLASS"
    vectors = unit(np.load(folder / "embeddings.npy").astype(np.float32))
    points = project(vectors, Tsne()).points
    assert trustworthiness(vectors.values, points, n_neighbors=10) > 0.9
    assert trustworthiness(vectors.values, project(vectors, Pca()).points, n_neighbors=10) < 0.9
