"""The files that compute_overlap promises, whatever few, equal or broken input it is given."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError
from PIL import Image
from pytest_django import Settings

from tests.analysis.compute_overlap.results import COSINE, bring, compute, is_picture, pairs_in
from tests.core.model_files import Hungry, describe, script

METHODS = ("cosine", "perceptual")
OF_A_DATASET = {
    *("embeddings.npy", "names.json", "labels.json", "hashes.json"),
    *("tsne.html", "tsne.png", "umap.html", "umap.png"),
    *("cosine_duplicates.json", "perceptual_duplicates.json"),
}
OF_ALL = {
    *(
        f"combined_{kind}_by_{by}.{end}"
        for kind in ("tsne", "umap")
        for by in ("dataset", "label")
        for end in ("html", "png")
    ),
    *("venn_diagram_cosine.png", "venn_diagram_perceptual.png"),
}
EVERYTHING = {"method": "both", "clip_model": "onnx:mean", "projections": "both", "use_ground_truth": True}


def promised(*datasets: str) -> set[str]:
    between = {f"{a}_{b}_{method}_duplicates.json" for a, b in combinations(datasets, 2) for method in METHODS}
    return {f"{name}/{file}" for name in datasets for file in OF_A_DATASET} | OF_ALL | between


def paint(folder: Path, *labels: str) -> None:
    """As many pictures of one colour as there are labels."""
    for number, label in enumerate(labels):
        place = folder / label
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 12), (200, 10, 10)).save(place / f"{number}.png")


def check_files(out: Path, files: list[str]) -> None:
    """Every file is what its ending says."""
    for path in (out / file for file in files):
        if path.suffix == ".png":
            is_picture(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".html":
            assert path.read_text().startswith("<!doctype html>")
        assert path.stat().st_size > 0


def test_every_promised_file_is_written(tmp_path: Path, colours: Path) -> None:
    third = colours / "C"
    for picture in (colours / "A").rglob("*.png"):
        copy = third / picture.relative_to(colours / "A")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(picture.read_bytes())
    found = compute(tmp_path / "out", "A", "B", "C", root=colours, **EVERYTHING)
    assert promised("A", "B", "C") <= set(found["files"])
    sheets = {f"{a}_{b}_{method}_examples.png" for a, b in combinations("ABC", 2) for method in METHODS}
    assert sheets <= set(found["files"])
    check_files(tmp_path / "out", found["files"])


@pytest.mark.parametrize("count", [1, 6])
def test_one_picture_once_or_many_times_is_all_pairs_and_all_files(tmp_path: Path, colours: Path, count: int) -> None:
    labels = ["warm", "cold"] * 3
    for name in ("Once", "Again"):
        paint(colours / name, *labels[:count])
        # One folder of a class says nothing: a list does.
        names = sorted(str(path.relative_to(colours / name))[:-4] for path in (colours / name).rglob("*.png"))
        (colours / name / "names.json").write_text(json.dumps(names))
        (colours / name / "labels.json").write_text(json.dumps(["warm"] * count))
    found = compute(tmp_path / "out", "Once", "Again", root=colours, **EVERYTHING)
    assert promised("Once", "Again") <= set(found["files"])
    check_files(tmp_path / "out", found["files"])
    for method in METHODS:
        assert len(pairs_in(tmp_path / "out" / f"Once_Again_{method}_duplicates.json")) == count**2
        assert len(pairs_in(tmp_path / "out" / "Once" / f"{method}_duplicates.json")) == count * (count - 1) // 2


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([[1, 0], [np.nan, 1]], r"embeddings.npy, row 2 \('q'\): a value is not a finite number"),
        ([[np.inf, 0], [0, 1]], r"embeddings.npy, row 1 \('p'\): a value is not a finite number"),
        ([[1, 0], [0, 0]], r"embeddings.npy, row 2 \('q'\)"),
        ([[1, 0], [0, 1], [1, 1]], "3 rows for 2 names"),
        ([[1, 0, 0], [0, 1, 0]], "they are not of one model"),
    ],
)
def test_vectors_that_have_no_distance_are_named(tmp_path: Path, rows: list[list[float]], says: str) -> None:
    bring(tmp_path / "V", ["x", "y"], np.eye(2))
    bring(tmp_path / "W", ["p", "q"], rows)
    with pytest.raises(CommandError, match=says):
        compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine", projections="none")
    assert not (tmp_path / "out").exists()


def test_vectors_of_any_length_are_compared_by_their_direction(tmp_path: Path) -> None:
    bring(tmp_path / "V", ["x", "y"], np.eye(2))
    bring(tmp_path / "W", ["p", "q"], [[0, 1e-3], [700, 0]])
    compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine", projections="none", cosine_threshold=0.999)
    assert pairs_in(tmp_path / "out" / "V_W_cosine_duplicates.json") == {
        frozenset([("V", "y"), ("W", "p")]),
        frozenset([("V", "x"), ("W", "q")]),
    }
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "W" / "embeddings.npy"), [[0, 1], [1, 0]])


def test_hashes_of_mixed_lengths_are_named(tmp_path: Path) -> None:
    for name, hashes in {"V": ["0" * 16, "f" * 16], "W": ["0" * 16, "0" * 64]}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "names.json").write_text('["p", "q"]')
        (tmp_path / name / "perceptual_hashes.json").write_text(json.dumps(hashes))
    with pytest.raises(CommandError, match=r"perceptual_hashes.json, row 2 \('q'\).* is no hash of 64 bits"):
        compute(tmp_path / "out", "V", "W", root=tmp_path)
    assert not (tmp_path / "out").exists()


def test_batches_that_do_not_fit_into_memory_change_no_vector(
    tmp_path: Path, colours: Path, settings: Settings
) -> None:
    describe(script(Hungry(3), settings.MODELS_DIR / "torchscript" / "hungry.pt"))
    options = {**COSINE, "clip_model": "torchscript:hungry"}
    for name, batch_size in {"whole": 3, "halved": 12}.items():
        compute(tmp_path / name, "A", "B", root=colours, **options, batch_size=batch_size)
    for each in ("A", "B"):
        whole, halved = (np.load(tmp_path / name / each / "embeddings.npy") for name in ("whole", "halved"))
        np.testing.assert_array_equal(halved, whole)
        assert len(whole) == 12
