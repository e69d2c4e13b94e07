"""A comparison's report holds what the product found, and can be brought back into it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage

from analysis import bulk
from analysis.core.errors import AnalysisError
from analysis.models import Comparison, Report
from analysis.pipeline.report import DataChanged, report_data
from analysis.pipeline.review import judge
from analysis.signals import signal
from analysis.tasks import build_report, run_comparison
from analysis.workspace import create_comparison, request_report
from catalog.models import Dataset, Image, Project
from tests.analysis.test_published import bring
from tests.shared import shared_data

Draw = Callable[..., bytes]
Import = Callable[..., Dataset]


def named(distances: dict[str, float]) -> dict[str, float]:
    """``phash_8=4`` as the signal's name → distance."""
    return {"-".join(name.rsplit("_", 1)): distance for name, distance in distances.items()}


def compared(project: Project, *datasets: Dataset, scope: str = "both", **signals: float) -> Comparison:
    chosen = named(signals) or {"phash-8": 8}
    comparison = create_comparison(project=project, datasets=datasets, signals=chosen, scope=scope, by=None)
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    return comparison


def make(comparison: Comparison, **thresholds: float) -> Report:
    report = request_report(comparison=comparison, thresholds=named(thresholds), by=None)
    build_report(report.pk)
    report.refresh_from_db()
    return report


def contents(report: Report) -> dict[str, bytes]:
    with default_storage.open(str(report.archive)) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as found:
        return {name: found.read(name) for name in found.namelist()}


@pytest.fixture
def pair(import_files: Import, picture: Draw) -> tuple[Dataset, Dataset]:
    a = import_files("A", {"cat/0.png": picture(1), "dog/1.png": picture(2), "dog/2.png": picture(2, format="JPEG")})
    b = import_files("B", {"x/0.png": picture(1, size=(80, 66)), "x/1.png": picture(9), "x/broken.png": b"no"})
    return a, b


def test_the_report_has_its_lists_hashes_and_texts(
    project: Project, pair: tuple[Dataset, Dataset], owner: User
) -> None:
    comparison = compared(project, *pair, phash_8=8, dhash_8=6)
    a, b = (Image.objects.get(dataset=pair[0], name="cat/0"), Image.objects.get(dataset=pair[1], name="0"))
    judge(one=a, other=b, annotator=owner, choice="same_object")
    report = make(comparison)
    assert report.status == "done", report.error
    files = contents(report)
    for path in ("perceptual_cross_duplicates.json", "dhash-8_cross_duplicates.json"):
        assert json.loads(files[path]) == [
            [
                {"dataset": "A", "name": "cat/0", "path": "cat/0.png"},
                {"dataset": "B", "name": "0", "path": "x/0.png"},
            ]
        ]
    assert len(json.loads(files["perceptual_within_duplicates.json"])) == 1
    assert json.loads(files["datasets/A/labels.json"]) == {"cat/0": ["cat"], "dog/1": ["dog"], "dog/2": ["dog"]}
    assert "Same object" in files["perceptual_pairs.csv"].decode()
    text = files["report.md"].decode()
    assert "same object 1" in text
    assert "x/broken.png" in text
    page = files["report.html"].decode()
    assert page.count("data:image/jpeg;base64,") == 8
    assert {"perceptual_venn.png", "perceptual_venn.svg", "dhash-8_venn.png"} <= set(files)


def test_a_signal_that_could_not_be_computed_is_named_and_the_others_are_reported(
    project: Project, pair: tuple[Dataset, Dataset], import_files: Import
) -> None:
    names = {"names.json": b'["saint"]', "perceptual_hashes.json": b'["e1a98d969ab2b135"]'}
    comparison = compared(project, *pair, import_files("Elsewhere", names), phash_8=8, dhash_8=6)
    failed = comparison.signals.get(signal__name="dhash-8")
    assert comparison.status == "done"
    assert failed.error.startswith("“Elsewhere” has no dhash-8 hashes")
    for report in (make(comparison), make(comparison, phash_8=4)):
        assert report.status == "done", report.error
        files = contents(report)
        assert {"perceptual_pairs.csv", "report.html"} <= set(files)
        assert not [path for path in files if path.startswith("dhash-8")]
        assert "dHash, 64 bits could not be computed: “Elsewhere” has no" in files["report.md"].decode()


def test_thresholds_narrow_the_lists(project: Project, pair: tuple[Dataset, Dataset]) -> None:
    comparison = compared(project, *pair, phash_8=20)
    within = make(comparison, phash_8=0)
    everything = bulk.read_measurements(
        signal_id=signal("phash-8").id, dataset_a=pair[0].pk, dataset_b=pair[1].pk, max_distance=20
    )
    data = report_data(comparison, {"phash-8": 0})
    expected = int((everything.distance <= 0).sum())
    assert data.cells(0)[0].pairs == expected
    assert len(json.loads(contents(within)["perceptual_cross_duplicates.json"])) == expected
    with pytest.raises(AnalysisError, match="not between 0 and 20"):
        make(comparison, phash_8=21)


def test_a_dataset_of_the_report_comes_back_as_fingerprints(
    project: Project, pair: tuple[Dataset, Dataset], import_files: Import
) -> None:
    files = contents(make(compared(project, *pair, phash_8=8, block_mean_16=8, dhash_16=20)))
    folder = "datasets/A/"
    back = import_files(
        "A again", {path.removeprefix(folder): data for path, data in files.items() if path.startswith(folder)}
    )
    assert back.fingerprints_only
    assert list(back.images.values_list("name", flat=True)) == list(pair[0].images.values_list("name", flat=True))
    for name in ("phash-8", "block_mean-16", "dhash-16"):
        known = signal(name)
        _, brought = bulk.read_hashes(dataset_id=back.pk, signal_id=known.id, n_bits=known.n_bits or 0)
        _, computed = bulk.read_hashes(dataset_id=pair[0].pk, signal_id=known.id, n_bits=known.n_bits or 0)
        assert (brought.packed == computed.packed).all()
        assert len(brought) == 3
    assert {image.name: [label.name for label in image.labels.all()] for image in back.images.all()} == {
        "cat/0": ["cat"],
        "dog/1": ["dog"],
        "dog/2": ["dog"],
    }


@pytest.mark.parametrize("changed", ["A", "B"])
@pytest.mark.parametrize("scope", ["across", "within"])
def test_new_images_are_never_passed_off_as_compared(
    project: Project,
    pair: tuple[Dataset, Dataset],
    import_files: Import,
    picture: Draw,
    changed: str,
    scope: str,
) -> None:
    comparison = compared(project, *pair, scope=scope)
    import_files(changed, {"dog/new.png": picture(77)})
    report = request_report(comparison=comparison, thresholds={}, by=None)
    with pytest.raises(DataChanged):
        build_report(report.pk)
    report.refresh_from_db()
    assert report.status == "failed"
    assert "Compute the comparison again" in report.error


def test_a_task_delivered_twice_makes_one_report(project: Project, pair: tuple[Dataset, Dataset]) -> None:
    report = make(compared(project, *pair))
    first = contents(report)
    build_report(report.pk)
    Report.objects.filter(pk=report.pk).update(status="queued")
    build_report(report.pk)
    report.refresh_from_db()
    assert contents(report) == first
    assert len(default_storage.listdir(f"reports/{project.pk}")[1]) == 1


@pytest.mark.shared_data
def test_the_published_study_comes_out_of_a_report(project: Project) -> None:
    root = shared_data() / "saints"
    names = ("ArtDL", "ICONCLASS", "wikidata")
    datasets = [bring(project, name, root / "fingerprints" / name) for name in names]
    report = make(compared(project, *datasets, scope="across", phash_8=12, block_mean_16=8), phash_8=8)
    files = contents(report)
    for file in ("perceptual_cross_duplicates.json", "robust_cross_duplicates.json"):
        published = json.loads((root / "published" / file).read_text())
        found = json.loads(files[file])
        assert len(found) == len(published)
        assert {frozenset((side["dataset"], side["name"]) for side in one) for one in found} == {
            frozenset((side["dataset"], side["name"]) for side in one) for one in published
        }
    for name in names:
        for file in ("perceptual_hashes.json", "robust_hashes.json"):
            assert json.loads(files[f"datasets/{name}/{file}"]) == json.loads(
                (root / "fingerprints" / name / file).read_text()
            )
        order = (root / "fingerprints" / name / "2_test.txt").read_text().split()
        assert json.loads(files[f"datasets/{name}/names.json"]) == order
    assert "43 of 1,864 (2.3 %) | 39 of 718 (5.4 %) | 44" in files["report.md"].decode()
    assert "fingerprint only" in files["report.html"].decode()


def test_the_published_hashes_go_along_whatever_was_compared(project: Project, pair: tuple[Dataset, Dataset]) -> None:
    files = contents(make(compared(project, *pair, dhash_8=8)))
    for name in ("perceptual_hashes.json", "robust_hashes.json", "dhash-8.json"):
        held = [path for path in files if path.endswith(f"/{name}")]
        assert len(held) == 2, name
        assert all(json.loads(files[path]) for path in held)
