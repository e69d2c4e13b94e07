"""The study's vectors and images through compute_overlap: the pairs of brute force, a real model beside hashes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pytest_django import Settings

from tests.analysis.compute_overlap.results import compute, is_picture, near, pairs_in, unit
from tests.core.model_files import describe
from tests.shared import shared_data

SAINTS = ("ArtDL", "ICONCLASS", "wikidata")


@pytest.mark.shared_data
def test_brought_vectors_give_the_pairs_of_brute_force(tmp_path: Path) -> None:
    root = shared_data() / "saints" / "embeddings"
    out = tmp_path / "out"
    summary = compute(
        out,
        *SAINTS,
        root=root,
        method="cosine",
        cosine_threshold=0.9,
        projections="none",
        use_ground_truth=True,
    )
    names = {each: json.loads((root / each / "names.json").read_text()) for each in SAINTS}
    labels = {each: json.loads((root / each / "labels.json").read_text()) for each in SAINTS}
    vectors = {each: unit(np.load(root / each / "embeddings.npy")) for each in SAINTS}
    across = set()
    for i, a in enumerate(SAINTS):
        assert pairs_in(out / a / "cosine_duplicates.json") == near(a, a, vectors, names, 0.9)
        for b in SAINTS[i + 1 :]:
            found = pairs_in(out / f"{a}_{b}_cosine_duplicates.json")
            assert found == near(a, b, vectors, names, 0.9)
            across |= found
    assert (summary["pairs_across"], summary["pairs_within"]) == (len(across), 0) == (93, 0)
    assert pairs_in(out / "embeddings-512_cross_duplicates.json") == across
    published = pairs_in(shared_data() / "saints" / "published" / "perceptual_cross_duplicates.json")
    assert len({pair for pair in published & across if {side for side, _ in pair} == {"ArtDL", "wikidata"}}) == 26

    [signal] = summary["signals"]
    label_of = {(each, name): label for each in SAINTS for name, label in zip(names[each], labels[each], strict=True)}
    same = sum(len({label_of[side] for side in pair}) == 1 for pair in across)
    assert signal["label_agreement"] == {"labelled": 93, "same": same, "some": 0, "none": 93 - same}
    assert (signal["similarity"], signal["unit"], signal["method"]) == (0.9, "cosine distance", "cosine")
    for each in SAINTS:
        np.testing.assert_allclose(np.load(out / each / "embeddings.npy"), vectors[each], atol=1e-6)
        assert json.loads((out / each / "names.json").read_text()) == names[each]
        assert json.loads((out / each / "labels.json").read_text()) == labels[each]
    assert is_picture(out / "venn_diagram_cosine.png")
    assert not list(out.rglob("*_examples.png"))


@pytest.mark.shared_data
def test_what_it_writes_of_embeddings_can_be_brought_again(tmp_path: Path) -> None:
    root = shared_data() / "saints" / "embeddings"
    once = compute(tmp_path / "a", *SAINTS[1:], root=root, method="cosine", projections="none", max_images=200)
    again = compute(tmp_path / "b", *SAINTS[1:], root=tmp_path / "a", method="cosine", projections="none")
    assert again["signals"] == once["signals"]
    assert [each["left_out"] for each in once["datasets"]] == [392, 518]
    assert [each["left_out"] for each in again["datasets"]] == [0, 0]


MOBILENET = {"input": "input", "output": "embedding", "size": 224, "resize": "whole", "scale": 1, "mean": 127.5}


@pytest.mark.shared_data
def test_a_real_model_and_hashes_side_by_side(tmp_path: Path, settings: Settings) -> None:
    settings.MODELS_DIR = tmp_path / "models"
    model = settings.MODELS_DIR / "onnx" / "mobilenet.onnx"
    describe(model, **MOBILENET, std=127.5, title="MobileNetV2")
    shutil.copy(shared_data() / "models" / "mobilenet_v2_1.0_224.onnx", model)
    for each in ("ICONCLASS", "wikidata"):
        shutil.copytree(shared_data() / "saints" / "images" / each, tmp_path / each)
        truth = shared_data() / "saints" / "fingerprints" / each / "2_ground_truth.json"
        shutil.copy(truth, tmp_path / each)
    out = tmp_path / "out"
    summary = compute(
        out,
        "ICONCLASS",
        "wikidata",
        root=tmp_path,
        method="both",
        clip_model="onnx:mobilenet",
        batch_size=7,
        cosine_threshold=0.7,
        projections="tsne",
        use_ground_truth=True,
    )
    hashed, embedded = summary["signals"]
    assert (hashed["signal"], hashed["pairs_across"]) == ("phash-8", 2)
    assert embedded["signal"].startswith("onnx:mobilenet~")
    assert summary["device"] == "cpu"
    assert "onnxruntime" in summary["versions"]

    names = {each: json.loads((out / each / "names.json").read_text()) for each in ("ICONCLASS", "wikidata")}
    vectors = {each: unit(np.load(out / each / "embeddings.npy")) for each in names}
    assert {each: found.shape for each, found in vectors.items()} == {"ICONCLASS": (11, 1280), "wikidata": (41, 1280)}
    assert pairs_in(out / "wikidata" / "cosine_duplicates.json") == near("wikidata", "wikidata", vectors, names, 0.7)
    assert pairs_in(out / "ICONCLASS_wikidata_cosine_duplicates.json") == near(
        "ICONCLASS", "wikidata", vectors, names, 0.7
    )
    copies = pairs_in(out / "ICONCLASS_wikidata_perceptual_duplicates.json")
    assert copies <= pairs_in(out / "ICONCLASS_wikidata_cosine_duplicates.json")

    for each, here in names.items():
        listed = (shared_data() / "saints" / "fingerprints" / each / "2_test.txt").read_text().split()
        published = json.loads(
            (shared_data() / "saints" / "fingerprints" / each / "perceptual_hashes.json").read_text()
        )
        hashes = json.loads((out / each / "hashes.json").read_text())
        assert list(hashes) == here
        assert hashes == {name: published[listed.index(name)] for name in here}
        page = (out / each / "tsne.html").read_text()
        assert '"shown":"label"' in page
        assert page.count("/9j/") == len(here)
        assert is_picture(out / each / "tsne.png")
    for by in ("dataset", "label"):
        assert is_picture(out / f"combined_tsne_by_{by}.png")
        assert f'"shown":"{by}"' in (out / f"combined_tsne_by_{by}.html").read_text()
    assert not list(out.rglob("*umap*"))
    assert is_picture(out / "ICONCLASS_wikidata_cosine_examples.png")[0] == 1590
    report = (out / "report.html").read_text()
    assert "combined_tsne_by_label.html" in report
