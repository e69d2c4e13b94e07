"""The study's own files: lists between two datasets and inside one, sheets of examples, agreement of labels."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from analysis.core.archive import SafeNames
from analysis.core.report import ReportData, label_agreement, report_files, study_files
from analysis.core.report.data import spread
from analysis.core.report.sheets import MOST_PAIRS, sheet
from tests.core.test_report import make, pairs


def jpeg(row: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 100) if row % 2 else (30, 40), (200, 40 * row % 256, 0)).save(out, "JPEG")
    return out.getvalue()


def study(data: ReportData, listed: set[tuple[int, int]] | None = None) -> dict[str, bytes]:
    files = study_files(
        data,
        inside=data,
        listed={(i, 0) for i in range(3)} if listed is None else listed,
        methods=["perceptual"],
        folders=["A", "B", "C"],
        hashes=[{"x/a0": "00ff"}, {}, {}],
        top=SafeNames(),
    )
    return {file.path: b"".join(file.chunks()) for file in files}


def names(content: bytes) -> list[list[str]]:
    return [[side["name"] for side in pair] for pair in json.loads(content)]


def test_each_list_has_the_pairs_of_its_datasets() -> None:
    files = study(make(picture=jpeg))
    assert {path for path in files if path.endswith("_duplicates.json")} == {
        *(f"{each}/perceptual_duplicates.json" for each in "ABC"),
        *(f"{each}_perceptual_duplicates.json" for each in ("A_B", "A_C", "B_C")),
    }
    assert names(files["A_B_perceptual_duplicates.json"]) == [["x/a0", "b0"], ["x/a0", "b1"], ["x/a1", "b2"]]
    assert names(files["B_C_perceptual_duplicates.json"]) == [["b2", "c0"]]
    assert [len(names(files[f"{each}/perceptual_duplicates.json"])) for each in "ABC"] == [1, 0, 0]
    assert json.loads(files["A_C_perceptual_duplicates.json"]) == []
    assert json.loads(files["A/hashes.json"]) == {"x/a0": "00ff"}
    assert {path for path in files if "_examples" in path} == {
        "A/perceptual_examples.png",
        "A_B_perceptual_examples.png",
        "B_C_perceptual_examples.png",
    }
    drawn = {file.path: b"".join(file.chunks()) for file in report_files(make())}["perceptual_venn.png"]
    assert files["venn_diagram_perceptual.png"] == drawn


def test_only_what_is_known_is_listed() -> None:
    files = study(make("across", picture=jpeg), listed={(1, 0)})
    assert [path for path in files if path.endswith("/perceptual_duplicates.json")] == ["B/perceptual_duplicates.json"]
    within = study(make("within", pairs((2, 3, 1)), picture=jpeg))
    assert not [path for path in within if "venn" in path or path.startswith("A_")]


def test_no_sheet_is_drawn_where_nothing_can_be_seen() -> None:
    data = make()
    bare = replace(data, datasets=[replace(part, pictures=0) for part in data.datasets])
    assert not [path for path in study(bare) if "_examples" in path]


@pytest.mark.parametrize("n", [1, 3, 4, MOST_PAIRS, MOST_PAIRS + 7])
def test_a_sheet_has_room_for_its_pairs_and_is_the_same_again(n: int) -> None:
    found = pairs(*((row // 3, 4 + row % 3, float(row)) for row in range(12)))
    data = make(found=found, picture=lambda row: jpeg(row) if row != 4 else None)
    chosen = [row % 12 for row in range(n)]
    drawn = sheet(data, 0, chosen, "A – B $x$ " * 40)
    with Image.open(io.BytesIO(drawn)) as image:
        rows = -(-min(n, MOST_PAIRS) // 3)
        assert image.size == (1590, 92 + rows * 306 + (rows - 1) * 30 + 36)
        pixels = np.asarray(image.convert("RGB"))
        assert (pixels[:, :30] == 255).all()
        assert (pixels[:, -30:] == 255).all()
        # The second picture of the first pair is that of a tall image that is not enlarged, or none.
        assert (pixels[92:332, 36:276] != pixels[92, 36]).any()
    assert sheet(data, 0, chosen, "A – B $x$ " * 40) == drawn


def test_examples_are_spread_from_the_first_to_the_last() -> None:
    assert spread(0, 5) == []
    assert spread(3, 5) == [0, 1, 2]
    assert spread(101, 5) == [0, 25, 50, 75, 100]


def test_labels_agree_wholly_partly_or_not() -> None:
    data = make()
    carried = [
        {"x/a0": ("cat", "dog"), "x/a1": ("cat",), "a3": ("cow",)},
        {"b0": ("dog", "cat"), "b1": ("dog",), "b2": ("cow",)},
        {},
    ]
    labelled = replace(
        data, datasets=[replace(part, labels=each) for part, each in zip(data.datasets, carried, strict=True)]
    )
    found = label_agreement(labelled, 0).to_json()
    # a0–b0 the same, a0–b1 some, a1–b2 none; a2–a3 and b2–c0 have no labels on one side.
    assert found == {"labelled": 3, "same": 1, "some": 1, "none": 1}
    unlabelled = replace(data, datasets=[replace(part, labels={}) for part in data.datasets])
    assert label_agreement(unlabelled, 0).to_json() == {"labelled": 0, "same": 0, "some": 0, "none": 0}


def test_notes_and_samples_are_told_first() -> None:
    data = make(notes=["The <b>half</b> was stopped."])
    sampled = replace(data, datasets=[replace(data.datasets[0], left_out=6), *data.datasets[1:]])
    files = {file.path: b"".join(file.chunks()).decode() for file in report_files(sampled)[:2]}
    assert "<li>The &lt;b&gt;half&lt;/b&gt; was stopped.</li>" in files["report.html"]
    assert "A sample: 4 of 10 (40.0 %) of A; the whole datasets may share more." in files["report.html"]
    assert r"- The \<b\>half\</b\> was stopped." in files["report.md"]
    assert "A sample" not in b"".join(report_files(data)[0].chunks()).decode()
