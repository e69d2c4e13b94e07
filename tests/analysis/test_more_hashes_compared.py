"""The hashes that comparisons ask for go through the whole product: computed when asked for, joined, summarised."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from analysis.core.hashes import HASHES, compute
from analysis.models import Hash, Measurement, Summary
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.core.images import read_image
from catalog.models import Project
from tests.analysis.test_published import bring
from tests.shared import shared_data

NAMES = [name for name, entry in HASHES.items() if not entry.at_import]


@pytest.mark.shared_data
def test_measurements_are_the_distances_of_the_hashes(project: Project) -> None:
    folders = {"Edits": "bridge_edits", "Turned": "bridge_rotations"}
    root = shared_data() / "copies"
    edits, turned = (bring(project, name, root / folder) for name, folder in folders.items())
    assert not Hash.objects.filter(signal__name__in=NAMES).exists()
    signals = {name: float(HASHES[name].default_distance) for name in NAMES} | {"pdq-256@any": 31.0}
    comparison = create_comparison(project=project, datasets=[edits, turned], signals=signals, scope="both", by=None)
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert (comparison.status, comparison.error) == ("done", "")
    described = {
        image.pk: compute(read_image((root / folder / f"{image.name}.jpg").read_bytes()).rgb, NAMES)
        for dataset, folder in ((edits, "bridge_edits"), (turned, "bridge_rotations"))
        for image in dataset.images.all()
    }
    assert len(described) == 20
    for name in NAMES:
        stored = dict(Hash.objects.filter(signal__name=name).values_list("image_id", "bits"))
        assert {key: bytes(value) for key, value in stored.items()} == {
            key: value[name].tobytes() for key, value in described.items()
        }
        metric = HASHES[name].metric
        by_hand = {
            pair: metric.distance(*(described[key][name].tobytes() for key in pair))
            for pair in itertools.combinations(sorted(described), 2)
        }
        rows = Measurement.objects.filter(signal__name=name).values_list("image_a_id", "image_b_id", "distance")
        near = {pair: distance for pair, distance in by_hand.items() if distance <= np.float32(signals[name])}
        assert {tuple(sorted((a, b))): distance for a, b, distance in rows} == pytest.approx(near)
        assert Summary.objects.filter(comparison=comparison, signal__name=name).exists()
    orientations = Measurement.objects.filter(
        signal__name="pdq-256@any", image_a__dataset=edits, image_b__dataset=turned
    ).values_list("orientation", flat=True)
    assert set(orientations) == set(range(1, 9))
