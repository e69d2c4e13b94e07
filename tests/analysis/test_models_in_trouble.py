"""Models that do not fit, were replaced or cannot be downloaded stop their own step alone, and people read why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from safetensors.torch import save as save_tensors

from analysis.core.encoders import offered
from analysis.models import Comparison, Embedding, Measurement, Summary
from analysis.signals import signal
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison, queue_again
from catalog.models import Dataset, Project
from tests.analysis.hub import have_library_ask, serving
from tests.core.model_files import Hungry, describe, mean_colour_onnx, script, timm_weights

Import = Callable[[str, dict[str, bytes]], Dataset]


@pytest.fixture
def models(settings: Settings, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path / "models"


@pytest.fixture
def pictures(import_files: Import, picture: Callable[..., bytes]) -> list[Dataset]:
    """Two datasets that share two pictures."""
    return [
        import_files(name, {f"{n}.png": picture(n) for n in range(first, first + 5)})
        for name, first in (("a", 0), ("b", 3))
    ]


def compared(datasets: list[Dataset], model: str) -> Comparison:
    project = datasets[0].project
    comparison = create_comparison(
        project=project, datasets=datasets, signals={model: 0.01, "phash-8": 4}, scope="across", by=None
    )
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert comparison.status == "done", comparison.error
    return comparison


def only(models: Path) -> str:
    [found] = [encoder.name for encoder in offered(models) if encoder.on_disk]
    return found


def said(comparison: Comparison, model: str) -> str:
    """What stopped the model's step, which stopped no other."""
    errors = {row.signal.name: row.error for row in comparison.signals.all()}
    assert errors["phash-8"] == ""
    assert Measurement.objects.filter(signal__name="phash-8", distance=0).count() == 2
    assert list(Summary.objects.values_list("signal__name", flat=True)) == ["phash-8"]
    return str(errors[model])


def test_a_model_that_fits_only_in_small_batches_describes_every_image(models: Path, pictures: list[Dataset]) -> None:
    describe(script(Hungry(2), models / "torchscript" / "hungry.pt"))
    model = only(models)
    comparison = compared(pictures, model)
    assert [row.error for row in comparison.signals.all()] == ["", ""]
    vectors = np.array([each.vector for each in Embedding.objects.filter(signal_id=signal(model).id)])
    assert vectors.shape == (10, 3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_model_that_does_not_fit_stops_its_own_step_and_the_page_says_why(
    models: Path, pictures: list[Dataset], client: Client, owner: User, project: Project
) -> None:
    describe(script(Hungry(0), models / "torchscript" / "hungry.pt"))
    model = only(models)
    comparison = compared(pictures, model)
    reason = said(comparison, model)
    assert f"{model} does not fit into memory" in reason
    assert "Choose a smaller model, or give the worker more memory." in reason
    client.force_login(owner)
    page = client.get(reverse("comparison", args=[project.slug, comparison.pk])).content.decode()
    assert "does not fit into memory" in page
    assert "Choose a smaller model" in page
    told = client.get(f"/api/v1/projects/{project.slug}/comparisons/{comparison.pk}").json()
    assert {row["name"]: row["error"] for row in told["signals"]} == {"phash-8": "", model: reason}


def test_a_file_that_was_replaced_is_not_taken_for_the_model_and_is_taken_up_when_it_is_back(
    models: Path, pictures: list[Dataset]
) -> None:
    path = mean_colour_onnx(models / "onnx" / "mean.onnx")
    describe(path)
    model, whole = only(models), path.read_bytes()
    asked = {model: 0.01, "phash-8": 4}
    comparison = create_comparison(
        project=pictures[0].project, datasets=pictures, signals=asked, scope="across", by=None
    )
    mean_colour_onnx(path, shape=("m", 3, 8, 8))
    run_comparison(comparison.pk)
    reason = said(comparison, model)
    assert "mean.onnx has been replaced" in reason
    assert model in reason
    assert "Put the former file back" in reason
    assert not Embedding.objects.exists()
    path.write_bytes(whole)
    queue_again(job=comparison)
    run_comparison(comparison.pk)
    assert [row.error for row in comparison.signals.all()] == ["", ""]
    assert Embedding.objects.filter(signal_id=signal(model).id).count() == 10


def test_weights_are_fetched_by_the_worker_and_a_download_that_fails_stops_their_step_alone(
    models: Path, pictures: list[Dataset], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: Client, owner: User
) -> None:
    model, file = "timm:test_resnet.r160_in1k", "timm/test_resnet.r160_in1k/model.safetensors"
    with serving({file: save_tensors(timm_weights("test_resnet"))}) as hub:
        have_library_ask(monkeypatch, hub.url, tmp_path / "cache")
        hub.cut.add(file)
        comparison = compared(pictures, model)
        reason = said(comparison, model)
        assert f"{model} cannot be downloaded" in reason
        assert f"On a machine with internet run: python manage.py models fetch {model}" in reason
        client.force_login(owner)
        asked_by_worker = len(hub.asked)
        page = client.get(reverse("comparison", args=[comparison.project.slug, comparison.pk])).content.decode()
        assert "cannot be downloaded" in page
        # Pages only tell of it.
        assert len(hub.asked) == asked_by_worker
        hub.cut.clear()
        queue_again(job=comparison)
        run_comparison(comparison.pk)
    assert [row.error for row in comparison.signals.all()] == ["", ""]
    assert Embedding.objects.filter(signal_id=signal(model).id).count() == 10
