"""What compute_overlap reads: archives as their folders, and vectors that folders bring."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError

from tests.analysis.compute_overlap.results import COSINE, bring, compute, is_picture, pairs_in


def test_an_archive_gives_what_its_folder_gives_in_whatever_order_it_is_packed(tmp_path: Path, colours: Path) -> None:
    with zipfile.ZipFile(colours / "A.zip", "w") as archive:
        for path in sorted((colours / "A").rglob("*.png"), reverse=True):
            archive.write(path, str(path.relative_to(colours / "A")))
    compute(tmp_path / "out", "A", "A.zip", root=colours, **{**COSINE, "method": "both"}, batch_size=5, threads=3)
    folder, packed = tmp_path / "out" / "A", tmp_path / "out" / "A.zip"
    for name in ("names.json", "labels.json", "hashes.json", "embeddings.npy"):
        assert (packed / name).read_bytes() == (folder / name).read_bytes()


def test_vectors_beside_images_are_used_where_nobody_names_a_model(tmp_path: Path, colours: Path) -> None:
    names = sorted(str(path.relative_to(colours / "A"))[:-4] for path in (colours / "A").rglob("*.png"))
    (colours / "A" / "aaa.png").write_bytes(b"broken")
    # Rows in another order than the images, one of an image that is broken, and one image without a row.
    rows = np.eye(12)[: len(names)]
    bring(colours / "A", [*reversed(names[1:]), "aaa"], rows[: len(names)])
    bring(colours / "C", ["x", "y"], rows[[0, 11]])
    found = compute(tmp_path / "out", "A", "C", root=colours, method="cosine", projections="none")
    assert found["signal"] == "embeddings-12"
    assert json.loads((tmp_path / "out" / "A" / "names.json").read_text()) == names[1:]
    assert np.array_equal(np.load(tmp_path / "out" / "A" / "embeddings.npy"), rows[: len(names) - 1][::-1])
    assert pairs_in(tmp_path / "out" / "A_C_cosine_duplicates.json") == {frozenset([("A", names[-1]), ("C", "x")])}
    assert is_picture(tmp_path / "out" / "A_C_cosine_examples.png")
    assert (
        "1 image of A without such an embedding could not be compared" in (tmp_path / "out" / "report.md").read_text()
    )


def test_a_named_model_takes_images_and_brought_vectors_together(tmp_path: Path, colours: Path) -> None:
    first = compute(tmp_path / "once", "A", "B", root=colours, **COSINE)
    shutil.copytree(tmp_path / "once" / "B", colours / "V")
    (colours / "V" / "hashes.json").unlink(missing_ok=True)
    with pytest.raises(CommandError, match=r"V brings vectors.*nothing says which model.*--clip-model"):
        compute(tmp_path / "out", "A", "V", root=colours, method="cosine", projections="none")
    assert not (tmp_path / "out").exists()
    found = compute(tmp_path / "out", "A", "V", root=colours, **COSINE)
    assert found["pairs_across"] == first["pairs_across"] == 2
    assert found["notes"] == [
        f"V was compared by the vectors that it brings (embeddings.npy), taken to be of {found['signal']}."
    ]
    bring(colours / "W", ["x"], [[1, 0]])
    with pytest.raises(CommandError, match=r"dimensions, and embeddings.npy of W has 2"):
        compute(tmp_path / "out", "A", "W", root=colours, **COSINE)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"embeddings.npy": 3, "clip.npy": 2}, None),
        ({"a.npy": 3, "b.npy": 3}, "several files of vectors: a.npy, b.npy"),
        ({"clip.npy": 3}, "called embeddings-3, those of W clip-3: they are not of one model"),
        ({"embeddings.npy": 2}, "called embeddings-3, those of W embeddings-2"),
        ({}, "no hashes|no images|brings no vectors|nothing says"),
    ],
)
def test_vectors_of_unknown_kin_are_not_compared(tmp_path: Path, files: dict[str, int], says: str | None) -> None:
    bring(tmp_path / "V", ["x", "y"], np.eye(3)[:2])
    (tmp_path / "W").mkdir()
    (tmp_path / "W" / "perceptual_hashes.json").write_text('["0123456789abcdef", "0123456789abcdee"]')
    (tmp_path / "W" / "names.json").write_text('["p", "q"]')
    for name, dim in files.items():
        bring(tmp_path / "W", ["p", "q"], np.eye(dim)[:2], name)
    if says is None:
        assert compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine")["pairs_across"] == 2
        return
    with pytest.raises(CommandError, match=says):
        compute(tmp_path / "out", "V", "W", root=tmp_path, method="cosine")
