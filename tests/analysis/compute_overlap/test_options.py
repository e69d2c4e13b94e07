"""Every option of compute_overlap does what it says, and what means nothing is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.analysis.compute_overlap.results import COSINE, bring, compute, is_picture, pairs_in
from tests.core.model_files import clip_weights, save


def test_similarity_and_distance_say_the_same(tmp_path: Path, colours: Path) -> None:
    by_model = compute(tmp_path / "out", "A", "B", root=colours, **COSINE)
    assert (by_model["threshold"], by_model["pairs_across"]) == (np.float32(0.0001), 2)
    similarity = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, cosine_threshold=0.95)
    distance = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, cosine_distance=0.05)
    assert similarity["signals"] == distance["signals"]
    assert similarity["pairs_across"] > 2
    everything = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, cosine_threshold=-1)
    assert everything["pairs_across"] == everything["compared"] == 144


def test_scope_decides_what_is_listed(tmp_path: Path, colours: Path) -> None:
    def listed(scope: str | None) -> tuple[int, int, set[str]]:
        found = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, cosine_threshold=0.9, scope=scope)
        lists = {path for path in found["files"] if path.endswith("_duplicates.json") and "onnx" not in path}
        return found["pairs_across"], found["pairs_within"], lists

    inside = {"A/cosine_duplicates.json", "B/cosine_duplicates.json"}
    across, none, lists = listed("across")
    assert (none, lists) == (0, {"A_B_cosine_duplicates.json"})
    assert listed(None) == (across, 0, {"A_B_cosine_duplicates.json", *inside})
    none, within, lists = listed("within")
    assert (none, lists) == (0, inside)
    assert within > 0
    assert listed("both") == (across, within, {"A_B_cosine_duplicates.json", *inside})
    assert sum(len(pairs_in(tmp_path / "out" / path)) for path in inside) == within


def test_a_sample_is_the_same_every_time(tmp_path: Path, colours: Path) -> None:
    def sampled(most: int) -> list[str]:
        found = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, max_images=most)
        assert [each["left_out"] for each in found["datasets"]] == [max(12 - most, 0)] * 2
        if most < 12:
            assert f"{most} of 12 images of A were taken" in found["notes"][0]
            assert f"{most} of 12 ({100 * most / 12:.1f} %) of A" in (tmp_path / "out" / "report.html").read_text()
        names: list[str] = json.loads((tmp_path / "out" / "A" / "names.json").read_text())
        return names

    whole = sampled(12)
    five, seven = sampled(5), sampled(7)
    assert set(five) < set(seven) < set(whole) == set(sampled(99))
    assert five == [name for name in whole if name in five]
    assert set(five) == set(sorted(whole, key=lambda name: hashlib.sha256(name.encode()).digest())[:5])


@pytest.mark.parametrize(("projections", "drawn"), [("tsne", {"tsne"}), ("umap", {"umap"}), (None, {"tsne", "umap"})])
def test_projections_fit_few_images_and_say_so(
    tmp_path: Path, colours: Path, projections: str | None, drawn: set[str]
) -> None:
    options = {**COSINE, "projections": projections, "tsne_perplexity": 40, "umap_neighbors": 5}
    found = compute(tmp_path / "out", "A", "B", root=colours, **options)
    stems = {Path(path).name.partition(".")[0] for path in found["files"] if "umap" in path or "tsne" in path}
    assert stems == {name for each in drawn for name in (each, f"combined_{each}_by_dataset")}
    said = [note for note in found["notes"] if "perplexity" in note]
    assert len(said) == (3 if "tsne" in drawn else 0)
    for each in drawn:
        page = (tmp_path / "out" / "B" / f"{each}.html").read_text()
        assert ("Perplexity 3, seed 0" if each == "tsne" else "5 neighbours") in page
        assert is_picture(tmp_path / "out" / f"combined_{each}_by_dataset.png")


def test_labels_colour_and_agree_only_where_asked(tmp_path: Path, colours: Path) -> None:
    options = {**COSINE, "projections": "tsne", "cosine_threshold": 0.9}
    plain = compute(tmp_path / "out", "A", "B", root=colours, **options)
    assert "label_agreement" not in plain["signals"][0]
    labelled = compute(tmp_path / "out", "A", "B", root=colours, **options, use_ground_truth=True)
    assert set(labelled["files"]) - set(plain["files"]) == {
        "combined_tsne_by_label.png",
        "combined_tsne_by_label.html",
    }
    label_of = {
        (each, name): label
        for each in ("A", "B")
        for name, label in zip(
            *(json.loads((tmp_path / "out" / each / f"{list_}.json").read_text()) for list_ in ("names", "labels")),
            strict=True,
        )
    }
    assert set(label_of.values()) == {"warm", "cold"}
    pairs = pairs_in(tmp_path / "out" / "A_B_cosine_duplicates.json")
    same = sum(len({label_of[side] for side in pair}) == 1 for pair in pairs)
    expected = {"labelled": len(pairs), "same": same, "some": 0, "none": len(pairs) - same}
    assert labelled["signals"][0]["label_agreement"] == expected
    assert 0 < same < len(pairs)


def test_an_open_clip_checkpoint_is_found_by_its_file(tmp_path: Path, colours: Path, settings: Settings) -> None:
    save(clip_weights(), settings.MODELS_DIR / "openclip" / "ViT-S-32-alt" / "mine.safetensors")
    found = compute(
        tmp_path / "out", "A", "B", root=colours, method="cosine", clip_model="ViT-S-32-alt/mine", projections="none"
    )
    assert found["signal"].startswith("openclip:ViT-S-32-alt/mine~")
    assert np.load(tmp_path / "out" / "A" / "embeddings.npy").shape == (12, 256)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"clip_model": "nothing:like-it"}, "no architecture 'nothing:like-it'|no encoder"),
        ({"clip_model": "RN50"}, "does not say which weights"),
        ({"cosine_threshold": 1.5}, "similarity from -1 to 1, not 1.5"),
        ({"cosine_distance": -0.1}, "--cosine-distance: -0.1 is no cosine distance"),
        ({"tsne_perplexity": 0.5}, "perplexity of 0.5 is out of range"),
        ({"umap_neighbors": 1}, "1 neighbours is out of range"),
        ({"max_images": "0"}, "0 is no whole number from 1 on"),
        ({"batch_size": "many"}, "many is no whole number from 1 on"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_anything_is_read(
    tmp_path: Path, colours: Path, options: dict[str, object], says: str
) -> None:
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    named = ("--datasets", "A", "--datasets", "B", "--method", "both", "--root", str(colours))
    with pytest.raises(CommandError, match=says):
        call_command("compute_overlap", *named, "--out", str(tmp_path / "out"), *words)
    assert not (tmp_path / "out").exists()


def test_no_label_at_all_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    bring(tmp_path / "V", ["x", "y"], np.eye(3)[:2])
    bring(tmp_path / "W", ["p", "q"], np.eye(3)[1:])
    with pytest.raises(CommandError, match="No image of V, W has a label"):
        compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine", use_ground_truth=True)
    (tmp_path / "W" / "labels.json").write_text('["a", "b"]')
    found = compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine", use_ground_truth=True)
    assert "No image of V has a label." in found["notes"]


def test_options_of_the_other_method_are_told_to_have_no_effect(tmp_path: Path, colours: Path) -> None:
    found = compute(tmp_path / "out", "A", "B", root=colours, clip_model="onnx:mean", tsne_perplexity=5)
    assert found["notes"] == ["Without effect under --method perceptual: --clip-model, --tsne-perplexity."]
    found = compute(tmp_path / "out", "A", "B", root=colours, **COSINE, hash_size=16)
    assert found["notes"] == ["Without effect under --method cosine: --hash-size."]
