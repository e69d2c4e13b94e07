"""Runs compute_overlap and reads what it wrote."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management import call_command
from numpy.typing import NDArray
from PIL import Image

Pair = frozenset[tuple[str, str]]
COSINE = {"method": "cosine", "clip_model": "onnx:mean", "projections": "none"}
"""The options that compare plain colours by the model that sees nothing else."""


def compute(out: Path, *datasets: str, **options: object) -> dict[str, Any]:
    """The printed summary, which is the one in the folder too."""
    said = io.StringIO()
    named = [word for name in datasets for word in ("--datasets", name)]
    given = {key: value for key, value in options.items() if value is not None}
    try:
        call_command("compute_overlap", *named, "--out", str(out), "--json", stdout=said, **given)
    finally:
        if said.getvalue():
            summary: dict[str, Any] = json.loads(said.getvalue())
            assert json.loads((out / "overlap_summary.json").read_text()) == summary
            assert files_in(out) == {*summary["files"], "overlap_summary.json"}
    return summary


def files_in(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def pairs_in(path: Path) -> set[Pair]:
    read = json.loads(path.read_text())
    found = {frozenset((side["dataset"], side["name"]) for side in pair) for pair in read}
    assert len(found) == len(read)
    return found


def near(
    a: str, b: str, vectors: dict[str, NDArray[np.float64]], names: dict[str, list[str]], similarity: float
) -> set[Pair]:
    """The pairs at least that alike, by the whole matrix."""
    close = vectors[a] @ vectors[b].T >= similarity
    if a == b:
        close = np.triu(close, 1)
    return {frozenset([(a, names[a][i]), (b, names[b][j])]) for i, j in np.argwhere(close)}


def unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    values = rows.astype(np.float64)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


def is_picture(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
        return image.size


def bring(folder: Path, names: list[str], rows: object, file_name: str = "embeddings.npy") -> None:
    """Put vectors with their names into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / file_name, np.array(rows, np.float32))
    (folder / "names.json").write_text(json.dumps(names))
