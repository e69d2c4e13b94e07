"""The published overlap study comes out of the product pair by pair: names, hashes, comparison, all in the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis import bulk
from analysis.models import Comparison, Coverage, Measurement, Summary
from analysis.signals import signal
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.core.sources import open_source
from catalog.ingest import ingest
from catalog.jobs import work_on
from catalog.models import Dataset, Image, Project
from catalog.workspace import begin_upload, dataset_for
from tests.shared import shared_data

DATASETS = ("ArtDL", "ICONCLASS", "wikidata")
FILES = {"phash-8": "perceptual_cross_duplicates.json", "block_mean-16": "robust_cross_duplicates.json"}


def bring(project: Project, name: str, folder: Path) -> Dataset:
    dataset = dataset_for(project=project, name=name, by=None)
    upload = begin_upload(dataset=dataset, kind="folder", source_name=name, bytes_expected=0, by=None)
    with work_on(upload, expected=()) as progress, open_source(folder) as source:
        ingest(upload, source, progress)
    dataset.refresh_from_db()
    return dataset


@pytest.fixture
def compared(project: Project) -> Comparison:
    root = shared_data() / "saints" / "fingerprints"
    datasets = [bring(project, name, root / name) for name in DATASETS]
    comparison = create_comparison(
        project=project, datasets=datasets, signals={"phash-8": 8, "block_mean-16": 8}, scope="across", by=None
    )
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    return comparison


def pair_names(comparison: Comparison, signal_name: str) -> set[frozenset[tuple[str, str]]]:
    rows = Measurement.objects.filter(signal_id=signal(signal_name).id).values_list(
        "dataset_a__name", "image_a__name", "dataset_b__name", "image_b__name"
    )
    return {frozenset([(da, a), (db, b)]) for da, a, db, b in rows}


@pytest.mark.shared_data
def test_the_published_pairs_come_out_name_by_name(compared: Comparison) -> None:
    assert compared.status == "done", compared.error
    assert list(Dataset.objects.order_by("position").values_list("name", "image_count", "file_count")) == [
        ("ArtDL", 1864, 0),
        ("ICONCLASS", 592, 0),
        ("wikidata", 718, 0),
    ]
    for name, file in FILES.items():
        published = json.loads((shared_data() / "saints" / "published" / file).read_text())
        expected = {frozenset((side["dataset"], side["name"]) for side in pair) for pair in published}
        assert pair_names(compared, name) == expected
        assert len(expected) == {"phash-8": 46, "block_mean-16": 35}[name]


@pytest.mark.shared_data
def test_the_stored_overlap_gives_the_known_counts(compared: Comparison) -> None:
    curve = Summary.objects.get(comparison=compared, signal_id=signal("phash-8").id).curve
    assert curve["images"] == [1864, 592, 718]
    artdl, iconclass, wikidata = Dataset.objects.order_by("position")
    found = bulk.read_measurements(
        signal_id=signal("phash-8").id, dataset_a=artdl.pk, dataset_b=wikidata.pk, max_distance=8
    )
    assert (len(found), len(set(found.a.tolist())), len(set(found.b.tolist()))) == (44, 43, 39)
    assert Coverage.objects.count() == 6
    assert iconclass.image_count == 592


@pytest.mark.shared_data
def test_the_real_images_bring_their_published_hashes(project: Project) -> None:
    manifest = shared_data() / "saints" / "images"
    dataset = bring(project, "ArtDL pictures", manifest / "ArtDL")
    assert (dataset.image_count, dataset.file_count) == (46, 46)
    names = (shared_data() / "saints/fingerprints/ArtDL/2_test.txt").read_text().split()
    hashes = json.loads((shared_data() / "saints/fingerprints/ArtDL/perceptual_hashes.json").read_text())
    published = dict(zip(names, hashes, strict=True))
    ids, bits = bulk.read_hashes(dataset_id=dataset.pk, signal_id=signal("phash-8").id, n_bits=64)
    stored = dict(Image.objects.filter(dataset=dataset).values_list("pk", "name"))
    assert {stored[pk]: text for pk, text in zip(ids.tolist(), bits.to_hex(), strict=True)} == {
        stored[pk]: published[stored[pk]] for pk in ids.tolist()
    }
