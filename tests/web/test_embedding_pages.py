"""The overlap, pairs and review pages of a comparison of embeddings: similarity beside distance, and steps between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analysis import bulk, charts
from analysis.core.arrays import Vectors
from analysis.models import Comparison, ComparisonSignal, Measurement, Signal
from analysis.pipeline.report import report_data
from analysis.signals import signal
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.models import Dataset, Project
from tests.web.overlap_data import sketch_dataset
from tests.web.page_script import from_curve

pytestmark = pytest.mark.django_db

DIM = 8


def embed(dataset: Dataset, name: str, seed: int) -> None:
    """Vectors about three directions, so that distances of all sizes occur."""
    rng = np.random.default_rng(seed)
    ids = bulk.read_image_ids(dataset_id=dataset.pk)
    values = np.eye(DIM)[rng.integers(0, 3, len(ids))] + rng.normal(0, 0.2, (len(ids), DIM))
    unit = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    bulk.write_embeddings(dataset_id=dataset.pk, signal_id=signal(name).id, image_ids=ids, vectors=Vectors(unit))


@pytest.fixture
def compared(project: Project) -> Comparison:
    """Two datasets under brought vectors up to 0.3, and under pHash."""
    name = f"vectors:{project.pk}/clip-{DIM}"
    Signal.objects.create(name=name, project=project)
    datasets = [sketch_dataset(project, each, [(n, 0, "Peter") for n in range(20)]) for each in ("A", "B")]
    for seed, dataset in enumerate(datasets):
        embed(dataset, name, seed)
    comparison = create_comparison(
        project=project, datasets=datasets, signals={name: 0.3, "phash-8": 8}, scope="both", by=None
    )
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert comparison.status == "done", comparison.error
    return comparison


def address(name: str, comparison: Comparison) -> str:
    return reverse(name, args=[comparison.project.slug, comparison.pk])


def measured(comparison: Comparison, limit: float) -> int:
    row = comparison.signals.all()[0]
    return Measurement.objects.filter(signal_id=row.signal_id, distance__lte=float(np.float32(limit))).count()


@pytest.mark.parametrize("t", ["0.05", "0.1", "0.12", "0.285", "0.3"])
def test_page_list_review_and_interface_count_the_same_pairs(
    client: Client, owner: User, compared: Comparison, t: str
) -> None:
    client.force_login(owner)
    wanted = measured(compared, float(t))
    page = client.get(address("comparison", compared), {"t": t})
    assert page.context["now"].pairs == wanted
    assert f"(similarity {1 - float(t):g})" in page.content.decode()
    assert client.get(address("pairs", compared), {"t": t}).context["total"] == wanted
    assert client.get(address("review", compared), {"t": t}).context["config"]["counts"]["total"] == wanted
    api = f"/api/v1/projects/{compared.project.slug}/comparisons/{compared.pk}/overlap"
    told = client.get(api, {"max_distance": t}).json()
    assert (told["pairs"], told["unit"], told["of_bits"]) == (wanted, "cosine distance", None)


def test_a_threshold_between_two_steps_is_the_lower_one(client: Client, owner: User, compared: Comparison) -> None:
    client.force_login(owner)
    page = client.get(address("comparison", compared), {"t": "0.1234"})
    assert page.context["t"] == "0.12"
    assert page.context["now"].pairs == measured(compared, 0.12)
    api = f"/api/v1/projects/{compared.project.slug}/comparisons/{compared.pk}/overlap"
    told = client.get(api, {"max_distance": "0.1234"}).json()
    assert round(told["max_distance"], 6) == 0.12
    assert told["pairs"] == measured(compared, 0.12)


def test_pages_of_the_list_follow_each_other_without_gap(client: Client, owner: User, compared: Comparison) -> None:
    client.force_login(owner)
    seen: list[tuple[int, int]] = []
    query = "t=0.3"
    while query:
        context = client.get(f"{address('pairs', compared)}?{query}").context
        seen += [(pair.a.pk, pair.b.pk) for pair, *_ in context["pairs"]]
        query = context["next"]
    assert len(seen) == len(set(seen)) == measured(compared, 0.3)
    assert len(seen) > 48


def test_the_script_counts_as_the_server_does(
    client: Client, owner: User, compared: Comparison, tmp_path: Path
) -> None:
    client.force_login(owner)
    config = client.get(address("comparison", compared)).context["config"]
    data = client.get(address("comparison-curve", compared)).json()
    each = "config.steps.map((t) => [overlap.at(t).pairs, overlap.at(t).found, after(config.scale, t)])"
    counted = from_curve(each, config=config, data=data, folder=tmp_path)
    known = signal(compared.signals.all()[0].signal.name)
    for step, (pairs, found, behind) in zip(config["steps"], counted, strict=True):
        assert pairs == found == measured(compared, step)
        assert behind == known.scale.after(step)
    assert len(config["steps"]) == 61
    assert charts.slider_step(data["curve"]) == "0.005"


def test_a_signal_that_failed_says_so_and_the_others_stand(client: Client, owner: User, compared: Comparison) -> None:
    row = compared.signals.all()[0]
    compared.summaries.filter(signal=row.signal_id).delete()
    ComparisonSignal.objects.filter(pk=row.pk).update(error="The model is <not> here. Fetch it.")
    client.force_login(owner)
    page = client.get(address("comparison", compared))
    assert page.context["known"].name == "phash-8"
    html = page.content.decode()
    assert "The model is &lt;not&gt; here. Fetch it." in html
    assert "Try again" in html
    alone = client.get(address("comparison", compared), {"signal": row.signal.name}).content.decode()
    assert "There are no numbers under" in alone


def test_a_report_tells_of_embeddings(compared: Comparison) -> None:
    data = report_data(compared, {row.signal.name: row.max_distance for row in compared.signals.all()})
    part = data.signals[0]
    assert part.at_most == "at most 0.3 (similarity 0.7)"
    assert len(part.pairs) == measured(compared, 0.3)
    assert part.hashes[0].bits is None
    assert data.compared(0) == 40 * 39 // 2
    assert "/" not in part.key


def test_the_form_offers_brought_vectors_and_turning(client: Client, owner: User, compared: Comparison) -> None:
    client.force_login(owner)
    name = compared.signals.all()[0].signal.name
    form = reverse("comparison-new", args=[compared.project.slug])
    html = client.get(form).content.decode()
    assert f'name="signal" value="{name}"' in html
    assert f'name="turned-{name}"' not in html, "nobody can turn pictures that were never brought"
    sent = {
        "datasets": [dataset.pk for dataset in compared.datasets.all()],
        "scope": "across",
        "signal": [name, "phash-8"],
        f"distance-{name}": "0.25",
        "distance-phash-8": "4",
        "turned-phash-8": "1",
    }
    client.post(form, sent)
    made = Comparison.objects.latest("pk")
    assert {(row.signal.name, round(row.max_distance, 6)) for row in made.signals.all()} == {
        (name, 0.25),
        ("phash-8@any", 4),
    }
    again = client.get(form, {"from": made.pk}).context["form"]
    chosen = [choice for *_, choices in again.signal_groups for choice in choices if choice.chosen]
    assert {(choice.known.name, choice.turned, choice.distance) for choice in chosen} == {
        (name, False, "0.25"),
        ("phash-8", True, "4"),
    }
    refused = client.post(form, sent | {f"distance-{name}": "1.5"})
    assert refused.status_code == 422
    assert "Give a number from 0 to 1." in refused.content.decode()
