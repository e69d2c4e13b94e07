"""The overlap of folders without a database: the published study's pairs, real images, honest failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError

from tests.analysis.compute_overlap.results import compute, pairs_in
from tests.conftest import ROOT
from tests.shared import shared_data


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("method", "file", "total"),
    [("perceptual", "perceptual_cross_duplicates.json", 46), ("robust", "robust_cross_duplicates.json", 35)],
)
def test_the_published_pairs_come_out_of_the_fingerprints(tmp_path: Path, method: str, file: str, total: int) -> None:
    root = shared_data() / "saints" / "fingerprints"
    summary = compute(tmp_path / "out", "ArtDL", "ICONCLASS", "wikidata", root=root, method=method, hash_threshold=8)
    assert pairs_in(tmp_path / "out" / file) == pairs_in(shared_data() / "saints" / "published" / file)
    assert summary["pairs_across"] == total
    assert summary["compared"] == 1864 * 592 + 1864 * 718 + 592 * 718
    for name in ("ArtDL", "ICONCLASS", "wikidata"):
        hashes = file.replace("cross_duplicates", "hashes")
        written = json.loads((tmp_path / "out" / "datasets" / name / hashes).read_text())
        assert written == json.loads((root / name / hashes).read_text())


@pytest.mark.shared_data
def test_it_runs_as_a_command_without_a_database(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "manage.py", "compute_overlap", "--datasets", "ArtDL", "--datasets", "wikidata"),
            *("--root", str(shared_data() / "saints" / "fingerprints"), "--out", str(tmp_path / "out")),
            *("--method", "perceptual", "--hash-type", "phash", "--hash-size", "8", "--hash-threshold", "8"),
        ],
        cwd=ROOT,
        env={**os.environ, "SIMWEB_VAR": str(tmp_path / "var"), "DATABASE_URL": ""},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "ArtDL – wikidata: 44 pairs, 43 images of ArtDL, 39 of wikidata" in done.stdout
    assert not list((tmp_path / "var").rglob("PG_VERSION"))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "43 of 1,864 (2.3 %)" in page


@pytest.fixture
def folders(tmp_path: Path, picture: Callable[..., bytes]) -> Path:
    """A and B share two pictures; one file of B is broken, and one is no image."""
    for name, seeds in {"A": [1, 2, 3], "B": [3, 2, 9]}.items():
        (tmp_path / "root" / name / "c").mkdir(parents=True)
        for i, seed in enumerate(seeds):
            (tmp_path / "root" / name / "c" / f"{i}.png").write_bytes(picture(seed))
    (tmp_path / "root" / "B" / "c" / "broken.png").write_bytes(picture(5)[:200])
    (tmp_path / "root" / "B" / "c" / "notes.png").write_bytes(b"not a picture")
    return tmp_path / "root"


@pytest.mark.parametrize("kind", ["phash", "dhash", "ahash", "whash", "block_mean"])
def test_images_are_hashed_and_broken_ones_are_named(tmp_path: Path, folders: Path, kind: str) -> None:
    size = 16 if kind == "block_mean" else 8
    summary = compute(
        tmp_path / "out", "A", "B", root=folders, hash_type=kind, hash_size=size, hash_threshold=0, threads=2
    )
    assert summary["signal"] == f"{kind}-{size}"
    assert summary["pairs_across"] == 2
    refused = [one["refused"] for one in summary["datasets"]]
    assert refused[0] == []
    assert sorted(item["path"] for item in refused[1]) == ["c/broken.png", "c/notes.png"]
    assert "c/broken.png" in (tmp_path / "out" / "refused.csv").read_text()
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 4
    assert "c/notes.png" in page


@pytest.mark.parametrize(
    ("datasets", "options", "says"),
    [
        (["A"], {}, "needs two datasets"),
        (["A", "A"], {}, "named twice"),
        (["A", "missing"], {}, "There is no folder or archive"),
        (["A", "B"], {"hash_size": 7}, "phash-7"),
        (["A", "B"], {"hash_threshold": 65}, "0 to 64 bits"),
        (["A", "empty"], {}, "no images"),
    ],
)
def test_failures_say_what_to_do(
    tmp_path: Path, folders: Path, datasets: list[str], options: dict[str, int], says: str
) -> None:
    (folders / "empty").mkdir()
    with pytest.raises(CommandError, match=says):
        compute(tmp_path / "out", *datasets, root=folders, **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_fingerprints_without_the_hash_is_refused(tmp_path: Path, folders: Path) -> None:
    (folders / "F").mkdir()
    (folders / "F" / "names.json").write_text('["a"]')
    (folders / "F" / "perceptual_hashes.json").write_text('["0123456789abcdef"]')
    with pytest.raises(CommandError, match="no dhash-8 hashes"):
        compute(tmp_path / "out", "A", "F", root=folders, hash_type="dhash")
    assert compute(tmp_path / "out", "A", "F", root=folders, hash_type="phash")["pairs_across"] == 0


def test_scope_within_finds_copies_inside_one_folder(
    tmp_path: Path, folders: Path, picture: Callable[..., bytes]
) -> None:
    (folders / "A" / "c" / "again.png").write_bytes(picture(1))
    summary = compute(tmp_path / "out", "A", root=folders, scope="within", hash_threshold=0)
    assert (summary["pairs_within"], summary["compared"]) == (1, 6)
    pairs = json.loads((tmp_path / "out" / "perceptual_within_duplicates.json").read_text())
    assert [[side["path"] for side in pair] for pair in pairs] == [["c/0.png", "c/again.png"]]
