"""What compute_overlap leaves behind: whole halves where one is stopped, and nobody else's files touched."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from tests.analysis.compute_overlap.results import COSINE, bring, compute, pairs_in

# ---- what stops one half ----


def test_a_model_that_is_broken_stops_only_its_half(tmp_path: Path, colours: Path) -> None:
    both = compute(tmp_path / "out", "A", "B", root=colours, **{**COSINE, "method": "both"})
    assert [signal["method"] for signal in both["signals"]] == ["perceptual", "cosine"]
    (tmp_path / "models" / "onnx" / "mean.onnx").write_bytes(b"cut short")
    with pytest.raises(
        CommandError, match=r"The cosine half was stopped.*the perceptual half is complete.*mean.onnx cannot"
    ):
        compute(tmp_path / "out", "A", "B", root=colours, **{**COSINE, "method": "both"})
    left = json.loads((tmp_path / "out" / "overlap_summary.json").read_text())
    assert [signal["method"] for signal in left["signals"]] == ["perceptual"]
    assert left["signals"][0] == both["signals"][0]
    # Nothing of the cosine half is left, not even of the run before.
    assert not [path for path in left["files"] if "cosine" in path or "onnx" in path or path.endswith(".npy")]
    assert "The cosine half was stopped" in (tmp_path / "out" / "report.html").read_text()
    assert "The cosine half was stopped" in (tmp_path / "out" / "report.md").read_text()


def test_a_model_that_fails_half_way_leaves_the_hashes_whole(
    tmp_path: Path, colours: Path, flat: Callable[..., bytes]
) -> None:
    for i in range(40):
        (colours / "A" / "cold" / f"more{i}.png").write_bytes(flat(i, 90, 200))
    # The mean of black has no direction.
    (colours / "A" / "cold" / "more20.png").write_bytes(flat(0, 0, 0))
    with pytest.raises(CommandError, match="nothing but zeros"):
        compute(tmp_path / "out", "A", "B", root=colours, **{**COSINE, "method": "both"}, batch_size=4)
    assert len(json.loads((tmp_path / "out" / "A" / "hashes.json").read_text())) == 52
    with pytest.raises(CommandError, match="nothing but zeros"):
        compute(tmp_path / "other", "A", "B", root=colours, **COSINE, batch_size=4)
    assert not (tmp_path / "other").exists()


def test_hashes_that_are_missing_stop_only_their_half(tmp_path: Path) -> None:
    bring(tmp_path / "V", ["x", "y"], np.eye(3)[:2])
    bring(tmp_path / "W", ["p", "q"], np.eye(3)[1:])
    with pytest.raises(CommandError, match=r"The perceptual half was stopped.*the cosine half is complete"):
        compute(tmp_path / "out", "V", "W", root=tmp_path, method="both", projections="none")
    assert pairs_in(tmp_path / "out" / "V_W_cosine_duplicates.json") == {frozenset([("V", "y"), ("W", "p")])}
    assert not (tmp_path / "out" / "V" / "hashes.json").exists()
    np.save(tmp_path / "W" / "embeddings.npy", np.zeros((2, 3), np.float32))
    with pytest.raises(CommandError, match=r"(?s)perceptual: V has no images.*cosine: .*embeddings.npy"):
        compute(tmp_path / "none", "V", "W", root=tmp_path, method="both")
    assert not (tmp_path / "none").exists()


# ---- the folder of results ----


def test_results_never_lie_among_the_files_of_a_dataset(tmp_path: Path, colours: Path) -> None:
    for out in (colours, colours / "A", colours / "A" / "results"):
        with pytest.raises(CommandError, match="among the files of the dataset"):
            compute(out, "A", "B", root=colours, **COSINE)
    assert not (colours / "A" / "results").exists()


def test_an_earlier_run_is_replaced_and_strangers_files_stay(tmp_path: Path, colours: Path) -> None:
    out = tmp_path / "out"
    compute(out, "A", "B", root=colours, **{**COSINE, "method": "both"})
    compute(out, "A", "B", root=colours)
    assert not (out / "venn_diagram_cosine.png").exists()
    (out / "notes.txt").write_text("mine")
    (out / "A" / "mine.txt").write_text("mine")
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("mine")
    found = json.loads((out / "overlap_summary.json").read_text())
    (out / "overlap_summary.json").write_text(json.dumps(found | {"files": [*found["files"], "../elsewhere.txt"]}))
    words = ("--datasets", "B", "--root", str(colours), "--out", str(out), "--scope", "within")
    call_command("compute_overlap", *words, stdout=io.StringIO())
    assert elsewhere.read_text() == (out / "A" / "mine.txt").read_text() == (out / "notes.txt").read_text() == "mine"
    assert not (out / "A_B_perceptual_duplicates.json").exists()
    assert [path.name for path in (out / "A").iterdir()] == ["mine.txt"]
    assert not [path for path in out.iterdir() if path.name.startswith(".writing")]


def test_a_dataset_may_be_called_as_a_file_of_the_report(tmp_path: Path, colours: Path) -> None:
    for name in ("datasets", "report.html"):
        shutil.copytree(colours / "A", colours / name)
    found = compute(tmp_path / "out", "datasets", "report.html", root=colours, **COSINE)
    assert {"datasets~2/names.json", "report.html~2/names.json", "report.html"} <= set(found["files"])
    assert "datasets_2_report.html_2_cosine_duplicates.json" in found["files"]
