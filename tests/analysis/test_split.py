"""Splits keep copies on one side, prove it, and come out byte by byte the same."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage

from analysis.core.splits import Recipe
from analysis.models import Split
from analysis.pipeline.review import judge
from analysis.pipeline.split import clustered
from analysis.signals import signal
from analysis.tasks import make_split, run_comparison
from analysis.workspace import NotCovered, create_comparison, create_split
from catalog.models import Dataset, Image, Project

Draw = Callable[..., bytes]
Import = Callable[..., Dataset]


@pytest.fixture
def birds(import_files: Import, picture: Draw) -> Dataset:
    """Four classes of six pictures; in each, picture 0 has two copies that are recompressed or resized."""
    files = {}
    for c, label in enumerate(["crow", "duck", "finch", "gull"]):
        for i in range(6):
            files[f"{label}/{i}.png"] = picture(100 * c + i)
        files[f"{label}/0-copy.jpg"] = picture(100 * c, format="JPEG")
        files[f"{label}/0-small.png"] = picture(100 * c, size=(72, 60))
    return import_files("Birds", files)


def compare(project: Project, *datasets: Dataset, scope: str = "within", distance: float = 8) -> None:
    comparison = create_comparison(
        project=project, datasets=datasets, signals={"phash-8": distance}, scope=scope, by=None
    )
    run_comparison(comparison.pk)


def make(dataset: Dataset, **options: Any) -> Split:
    recipe = Recipe(**{"n_way": 3, "k_shot": 1, "n_query": 3, **options.pop("recipe", {})})
    split = create_split(dataset=dataset, recipe=recipe, seed=options.pop("seed", 7), by=None, **options)
    make_split(split.pk)
    split.refresh_from_db()
    return split


def content(split: Split) -> bytes:
    with default_storage.open(str(split.archive)) as stream:
        data: bytes = stream.read()
    return data


def archive(split: Split) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content(split)))


def name_of(pk: int) -> str:
    return Image.objects.get(pk=pk).name


@pytest.mark.parametrize("clusters", ["together", "one", "drop"])
def test_no_cluster_lies_on_both_sides_and_the_manifest_says_so(
    project: Project, birds: Dataset, clusters: str
) -> None:
    compare(project, birds)
    split = make(birds, signal_name="phash-8", max_distance=8, recipe={"clusters": clusters})
    assert split.status == "done", split.error
    manifest = json.loads(archive(split).read("manifest.json"))
    sides: dict[str, set[str]] = defaultdict(set)
    for file in manifest["files"]:
        # What the test knows of the copies, whatever the program says of clusters: 0, 0-copy and 0-small are one.
        sides[file["name"].partition("-")[0]].add(file["role"])
        if file["name"].endswith(("/0", "/0-copy", "/0-small")):
            assert file["cluster"] == f"{file['class']}/0"
            assert clusters != "drop"
    assert all(len(roles) == 1 for roles in sides.values())
    assert [(row["support"], row["query"]) for row in manifest["classes"]] == [(1, 3)] * 3
    assert manifest["clusters"]["pairs"] == 12
    assert manifest["clusters"]["clusters_of_two_or_more"] == 4
    assert len(manifest["files"]) + sum(manifest["left_out"].values()) == birds.image_count == 32
    assert split.items.count() == len(manifest["files"])


def test_the_same_split_has_the_same_bytes(project: Project, birds: Dataset) -> None:
    compare(project, birds)
    one = make(birds, signal_name="phash-8", max_distance=8, name="first")
    same = make(birds, signal_name="phash-8", max_distance=8, name="first")
    other = make(birds, signal_name="phash-8", max_distance=8, name="first", seed=8)
    assert content(one) == content(same)
    assert content(one) != content(other)
    assert one.archive_sha256 == same.archive_sha256 == hashlib.sha256(content(one)).hexdigest()
    # Delivered twice, the task changes nothing; queued again, it gives the same file once more.
    first, stored = content(one), str(one.archive)
    make_split(one.pk)
    Split.objects.filter(pk=one.pk).update(status="queued")
    make_split(one.pk)
    one.refresh_from_db()
    assert content(one) == first
    assert stored == str(one.archive) or not default_storage.exists(stored)


def test_the_archive_proves_its_files(project: Project, birds: Dataset, tmp_path: Path) -> None:
    compare(project, birds)
    split = make(birds, signal_name="phash-8", max_distance=8)
    with archive(split) as found:
        found.extractall(tmp_path / "split")
        members = set(found.namelist())
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "manifest.sha256"],
        cwd=tmp_path / "split",
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(": OK") == len(members) - 1
    rows = list(csv.DictReader((tmp_path / "split" / "split.csv").open()))
    for row in rows:
        stored = (tmp_path / "split" / row["path"]).read_bytes()
        assert hashlib.sha256(stored).hexdigest() == row["sha256"] == Image.objects.get(name=row["name"]).sha256
        assert row["path"].startswith(f"{row['role']}/{row['class']}/")
    assert members == {row["path"] for row in rows} | {"README.md", "manifest.json", "manifest.sha256", "split.csv"}


def test_two_images_that_are_copies_of_one_elsewhere_are_one_cluster(
    project: Project, import_files: Import, picture: Draw, owner: User
) -> None:
    a = import_files("A", {f"x/{i}.png": picture(i) for i in range(3)})
    b = import_files("B", {"y/0.png": picture(50)})
    images = list(a.images.order_by("pk"))
    judge(one=images[0], other=b.images.get(), annotator=owner, choice="same_object")
    judge(one=b.images.get(), other=images[1], annotator=owner, choice="detail")
    judge(one=images[1], other=images[2], annotator=owner, choice="different")
    cluster = clustered(a, None, 0).cluster
    assert cluster[0] == cluster[1] != cluster[2]
    judge(one=b.images.get(), other=images[1], annotator=owner, choice="related")
    assert len(np.unique(clustered(a, None, 0).cluster)) == 3


def test_other_projects_pairs_never_count(
    project: Project, import_files: Import, picture: Draw, owner: User, birds: Dataset
) -> None:
    found = clustered(birds, None, 0)
    assert len(np.unique(found.cluster)) == 32
    assert found.source["pairs"] == 0


def test_what_was_never_compared_within_itself_is_refused(
    project: Project, birds: Dataset, import_files: Import, picture: Draw
) -> None:
    def refused(distance: float) -> str:
        with pytest.raises(NotCovered) as error:
            make(birds, signal_name="phash-8", max_distance=distance)
        return str(error.value)

    assert "not been compared with each other under phash-8" in refused(8)
    compare(project, birds, distance=4)
    assert "known up to 4 of 64 bits" in refused(8)
    assert make(birds, signal_name="phash-8", max_distance=4).status == "done"
    import_files("Birds", {"crow/new.png": picture(990)})
    assert "1 images that came after" in refused(4)
    compare(project, birds, distance=4)
    assert make(birds, signal_name="phash-8", max_distance=4).status == "done"


def test_too_few_classes_are_told_with_what_can_be_asked_for(project: Project, birds: Dataset) -> None:
    split = create_split(dataset=birds, recipe=Recipe(n_way=9, k_shot=1, n_query=1), seed=1, by=None)
    with pytest.raises(Exception, match="9 are asked for"):
        make_split(split.pk)
    split.refresh_from_db()
    assert split.status == "failed"
    assert "at most 4 classes" in split.error
    assert not split.archive


def test_fingerprints_are_listed_without_a_file(project: Project, import_files: Import) -> None:
    names = [f"{label}/{i}" for label in ("a", "b") for i in range(3)]
    dataset = import_files(
        "Prints",
        {
            "names.json": json.dumps(names).encode(),
            "perceptual_hashes.json": json.dumps(
                [f"{(i + 1) * 0x1F3D5B79A1C3E577 % 2**64:016x}" for i in range(6)]
            ).encode(),
            "labels.json": json.dumps({name: name[0] for name in names}).encode(),
        },
    )
    assert dataset.fingerprints_only
    compare(project, dataset)
    split = make(dataset, signal_name="phash-8", max_distance=2, recipe={"n_way": 2, "n_query": 1})
    assert split.status == "done", split.error
    with archive(split) as found:
        assert sorted(found.namelist()) == ["README.md", "manifest.json", "manifest.sha256", "split.csv"]
        manifest = json.loads(found.read("manifest.json"))
        assert "4 images of this split are known by their fingerprints only" in found.read("README.md").decode()
    assert {file["path"] for file in manifest["files"]} == {None}


def test_a_picture_that_changed_in_the_store_stops_the_split(project: Project, birds: Dataset) -> None:
    compare(project, birds)
    for key in birds.images.values_list("file", flat=True):
        path = Path(default_storage.path(str(key)))
        path.write_bytes(path.read_bytes() + b"x")
    split = create_split(dataset=birds, recipe=Recipe(n_way=2, k_shot=1, n_query=1), seed=1, by=None)
    with pytest.raises(Exception, match="is not the file that was brought"):
        make_split(split.pk)
    split.refresh_from_db()
    assert (split.status, split.items.count(), str(split.archive)) == ("failed", 0, "")


def test_hashes_decide_as_brute_force_does(project: Project, birds: Dataset) -> None:
    from analysis import bulk
    from analysis.core.arrays import Pairs
    from analysis.core.clusters import connected

    compare(project, birds, distance=12)
    found = clustered(birds, signal("phash-8"), 12)
    ids, bits = bulk.read_hashes(dataset_id=birds.pk, signal_id=signal("phash-8").id, n_bits=64)
    plain = bits.to_bool()
    distance = (plain[:, None] != plain[None]).sum(axis=2)
    a, b = np.nonzero(np.triu(distance <= 12, 1))
    expected = connected(len(ids), Pairs(a.astype(np.int64), b.astype(np.int64), np.zeros(len(a), np.float32)))
    assert [name_of(pk) for pk in found.ids.tolist()] == found.names
    assert (np.unique(found.cluster, return_inverse=True)[1] == np.unique(expected, return_inverse=True)[1]).all()


def test_a_split_that_is_deleted_with_its_dataset_leaves_no_archive(
    project: Project, birds: Dataset, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    compare(project, birds)
    split = make(birds)
    key = str(split.archive)
    assert default_storage.exists(key)
    with django_capture_on_commit_callbacks(execute=True):
        birds.delete()
    assert not default_storage.exists(key)
