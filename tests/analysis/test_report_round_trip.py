"""Every hash that a report hands out is read back as it was, into a new dataset and beside what is there."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from django.core.files.storage import default_storage

from analysis.core.hashes import HASHES, bit_lengths
from analysis.models import Hash
from analysis.tasks import build_report, run_comparison
from analysis.workspace import create_comparison, request_report
from catalog.models import Dataset, Image, Project, Upload

Draw = Callable[..., bytes]
Import = Callable[..., Dataset]


def bits(dataset: Dataset) -> dict[tuple[str, str], bytes]:
    """Signal and image → the bits that are compared."""
    rows = Hash.objects.filter(dataset=dataset).values_list("signal__name", "image__name", "bits")
    return {
        (name, image): bytes(row)[: -(-bit_lengths()[name] // 8)] for name, image, row in rows if name in bit_lengths()
    }


@pytest.fixture
def folder(project: Project, import_files: Import, picture: Draw) -> tuple[Dataset, dict[str, bytes]]:
    """A dataset of pictures with every hash there is, and the files that the report has of it."""
    dataset = import_files("A", {f"{n}.png": picture(n, size=(64 + n, 80)) for n in range(3)})
    signals = dict.fromkeys(HASHES, 0.0)
    comparison = create_comparison(project=project, datasets=[dataset], signals=signals, scope="within", by=None)
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    report = request_report(comparison=comparison, thresholds={}, by=None)
    build_report(report.pk)
    report.refresh_from_db()
    assert report.status == "done", report.error
    with default_storage.open(str(report.archive)) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        names = [name for name in archive.namelist() if name.startswith("datasets/A/")]
        return dataset, {name.removeprefix("datasets/A/"): archive.read(name) for name in names}


def test_every_hash_that_is_handed_out_comes_back(
    folder: tuple[Dataset, dict[str, bytes]], import_files: Import
) -> None:
    dataset, files = folder
    handed_out = {"perceptual_hashes.json": "phash-8", "robust_hashes.json": "block_mean-16"}
    hashes = {name: handed_out.get(name, name.removesuffix(".json")) for name in files.keys() - {"names.json"}}
    assert set(hashes.values()) == set(bit_lengths())
    back = import_files("A again", files)
    upload = Upload.objects.latest("id")
    assert "was not read" not in upload.layout
    for name, signal in hashes.items():
        assert f"3 hashes {signal} from {name}" in upload.layout
    assert bits(back) == bits(dataset)
    assert len(bits(dataset)) == 3 * len(bit_lengths())


def test_what_is_handed_out_is_known_where_it_came_from(
    folder: tuple[Dataset, dict[str, bytes]], import_files: Import
) -> None:
    dataset, files = folder
    before = dict(Hash.objects.values_list("pk", "bits"))
    import_files("A", files)
    upload = Upload.objects.latest("id")
    assert upload.layout.count("here before: 3 hashes of") == len(bit_lengths())
    assert dict(Hash.objects.values_list("pk", "bits")) == before
    assert Image.objects.filter(dataset=dataset).count() == 3
