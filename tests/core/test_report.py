"""A report tells its data in files that machines and people read; drawings and pages never depend on the clock."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from analysis.core.archive import ArchiveWriter, SafeNames
from analysis.core.arrays import PackedBits, Pairs
from analysis.core.fingerprints import read_fingerprints
from analysis.core.report import DatasetHashes, DatasetPart, ReportData, SignalPart, report_files
from analysis.core.report.figures import draw_sets
from analysis.core.scales import Bits

NASTY = "<script>alert(1)</script>|*$x$"


def part(name: str, names: list[str], **more: object) -> DatasetPart:
    return DatasetPart(name, names, [f"{one}.png" for one in names], len(names), **more)  # type: ignore[arg-type]


def hashes(n: int, rows: list[int] | None = None, n_bits: int = 64, seed: int = 0) -> DatasetHashes:
    rows = list(range(n)) if rows is None else rows
    bits = np.random.default_rng(seed).integers(0, 2, (len(rows), n_bits)).astype(np.bool_)
    return DatasetHashes(PackedBits.from_bool(bits), np.array(rows, np.int64))


def pairs(*found: tuple[int, int, float]) -> Pairs:
    a, b, distance = zip(*found, strict=True) if found else ((), (), ())
    return Pairs(np.array(a, np.int64), np.array(b, np.int64), np.array(distance, np.float32))


def make(scope: str = "both", found: Pairs | None = None, **more: object) -> ReportData:
    """A (4 images), B (3), C (2); rows 0-3, 4-6, 7-8. a0–b0, a0–b1, a1–b2, b2–c0, a2–a3."""
    found = pairs((0, 4, 0), (2, 3, 1), (0, 5, 2), (1, 6, 3), (6, 7, 8)) if found is None else found
    verdicts = np.full(len(found), -1, np.int8)
    verdicts[:2] = (0, 1)[: len(found)]
    signal = SignalPart(
        name="phash-8",
        title="pHash, 64 bits",
        summary="Finds copies.",
        scale=Bits(64),
        threshold=8,
        hashes=[hashes(4), hashes(3, seed=1), hashes(2, seed=2)],
        pairs=found,
        verdicts=verdicts,
    )
    data = ReportData(
        title="A × B × C",
        scope=scope,
        date="1 May 2026",
        datasets=[
            part("A", ["x/a0", "x/a1", NASTY, "a3"], labels={"a3": ("cat",)}, refused=[("broken.jpg", "It is empty.")]),
            part("B", ["b0", "b1", "b2"]),
            part("C", ["c0", "c1"]),
        ],
        signals=[signal],
        choices=["Same image", "Different"],
        versions={"numpy": "2"},
        picture=lambda row: b"\xff\xd8jpeg" if row % 2 else None,
    )
    return replace(data, **more)  # type: ignore[arg-type]


def contents(data: ReportData) -> dict[str, bytes]:
    return {file.path: b"".join(file.chunks()) for file in report_files(data)}


def test_the_files_are_those_that_were_promised() -> None:
    assert list(contents(make())) == [
        "report.html",
        "report.md",
        "perceptual_cross_duplicates.json",
        "perceptual_within_duplicates.json",
        "perceptual_pairs.csv",
        "perceptual_venn.png",
        "perceptual_venn.svg",
        "datasets/A/names.json",
        "datasets/A/labels.json",
        "datasets/A/perceptual_hashes.json",
        "datasets/B/names.json",
        "datasets/B/perceptual_hashes.json",
        "datasets/C/names.json",
        "datasets/C/perceptual_hashes.json",
        "refused.csv",
    ]
    across = contents(make("across"))
    assert "perceptual_within_duplicates.json" not in across
    within = contents(make("within", pairs((2, 3, 1))))
    assert "perceptual_cross_duplicates.json" not in within
    assert not [path for path in within if "venn" in path]


def test_the_lists_are_pairs_of_dataset_name_and_path() -> None:
    files = contents(make())
    cross = json.loads(files["perceptual_cross_duplicates.json"])
    assert cross[0] == [
        {"dataset": "A", "name": "x/a0", "path": "x/a0.png"},
        {"dataset": "B", "name": "b0", "path": "b0.png"},
    ]
    assert [[side["name"] for side in pair] for pair in cross] == [
        ["x/a0", "b0"],
        ["x/a0", "b1"],
        ["x/a1", "b2"],
        ["b2", "c0"],
    ]
    within = json.loads(files["perceptual_within_duplicates.json"])
    assert [[side["name"] for side in pair] for pair in within] == [[NASTY, "a3"]]
    rows = list(csv.DictReader(io.StringIO(files["perceptual_pairs.csv"].decode())))
    assert [(row["name_a"], row["name_b"], row["distance"], row["verdict"]) for row in rows] == [
        ("x/a0", "b0", "0", "Same image"),
        (NASTY, "a3", "1", "Different"),
        ("x/a0", "b1", "2", ""),
        ("x/a1", "b2", "3", ""),
        ("b2", "c0", "8", ""),
    ]
    assert json.loads(contents(make("across", pairs()))["perceptual_cross_duplicates.json"]) == []


def test_long_lists_are_whole() -> None:
    rng = np.random.default_rng(0)
    n = 12_345
    a, b = rng.integers(0, 300, n), rng.integers(300, 600, n)
    found = pairs(*((int(x), int(y), 1.0) for x, y in sorted(set(zip(a.tolist(), b.tolist(), strict=True)))))
    data = make("across", found)
    signal = replace(data.signals[0], hashes=[hashes(300), hashes(300)])
    datasets = [part("A", [f"a{i}" for i in range(300)]), part("B", [f"b{i}" for i in range(300)])]
    files = contents(replace(data, datasets=datasets, signals=[signal]))
    listed = json.loads(files["perceptual_cross_duplicates.json"])
    expected = [[f"a{x}", f"b{y - 300}"] for x, y in zip(found.a.tolist(), found.b.tolist(), strict=True)]
    assert [[side["name"] for side in pair] for pair in listed] == expected
    assert len(files["perceptual_pairs.csv"].splitlines()) == len(found) + 1


def test_hashes_read_back_also_where_some_images_have_none() -> None:
    data = make()
    partial = hashes(4, rows=[0, 3])
    signal = replace(data.signals[0], hashes=[partial, *data.signals[0].hashes[1:]])
    files = contents(replace(data, signals=[signal]))
    names = json.loads(files["datasets/A/names.json"])
    assert names == list(data.datasets[0].names)
    back = read_fingerprints("perceptual_hashes.json", files["datasets/A/perceptual_hashes.json"], None, names)
    assert back.rows.tolist() == [0, 3]
    assert partial.bits is not None
    assert (back.bits.packed == partial.bits.packed).all()
    text = files["report.md"].decode()
    assert "2 images of A without such a hash could not be compared" in text
    # Pairs of images that have hashes: 2·3 + 2·2 + 3·2 across, 1 + 3 + 1 within.
    assert "21 pairs of images were compared" in text


def test_all_three_counts_stand_in_both_texts() -> None:
    files = contents(make())
    text = files["report.md"].decode()
    assert "| A | B | 2 of 4 (50.0 %) | 3 of 3 (100.0 %) | 3 |" in text
    assert "| B | C | 1 of 3 (33.3 %) | 1 of 2 (50.0 %) | 1 |" in text
    assert "| A | itself | 2 of 4 (50.0 %) | – | 1 |" in text
    assert "**4** pairs of images of different datasets" in text
    # {a0, b0, b1} and {a1, b2, c0} are pictures of several datasets, {a2, a3} of one.
    assert "**2** pictures lie in more than one dataset" in text
    assert "**3** clusters of two or more images, the largest of 3 images" in text
    assert "Judged: 2 of 5 (40.0 %) pairs: same image 1, different 1." in text
    assert "36 pairs of images were compared" in text
    assert "broken.jpg" in text
    page = files["report.html"].decode()
    for said in (
        "2 of 4 (50.0 %)",
        "3 of 3 (100.0 %)",
        "An image of dataset A overlaps with dataset B",
        "It is empty.",
    ):
        assert said in page


class Reader(HTMLParser):
    """Collects what a page would fetch or run, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for key, value in attrs:
            if key in ("src", "href", "xlink:href") and value:
                self.sources.append(value)
            if key == "id" and value:
                self.ids.append(value)
            assert not key.startswith("on")


def test_the_page_stands_alone_and_runs_nothing() -> None:
    data = make()
    second = replace(data.signals[0], name="dhash-8", title="dHash, 64 bits")
    page = contents(replace(data, signals=[data.signals[0], second]))["report.html"].decode()
    reader = Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert reader.tags.count("svg") == 2
    # Glyphs and clips of a figure are used within it; nothing is fetched.
    assert all(source.startswith(("data:image/jpeg;base64,", "#s0-", "#s1-")) for source in reader.sources)
    assert len(reader.ids) == len(set(reader.ids))
    assert {source[1:] for source in reader.sources if source.startswith("#")} <= set(reader.ids)
    assert "default-src 'none'" in page
    assert "fingerprint only" in page
    assert "<script>" not in page
    assert re.search(r"https?://(?!www\.w3\.org/)", page) is None


def test_markdown_shows_names_as_they_are() -> None:
    text = contents(make())["report.md"].decode()
    assert "<script>" not in text
    for line in text.splitlines():
        if "alert" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 5


def test_the_same_data_gives_the_same_bytes() -> None:
    assert contents(make()) == contents(make())


@pytest.mark.parametrize("k", [2, 3, 4, 9])
def test_figures_are_pictures_without_a_clock(k: int) -> None:
    rng = np.random.default_rng(k)
    for regions in ({}, {1: 5}, {mask: int(rng.integers(0, 2000)) for mask in range(1, 2**k)}):
        drawn = draw_sets([f"data $set$ {i}" for i in range(k)], regions, "t")
        assert drawn == draw_sets([f"data $set$ {i}" for i in range(k)], regions, "t")
        assert drawn["png"].startswith(b"\x89PNG")
        assert b"<svg" in drawn["svg"]
        assert b"dc:date" not in drawn["svg"]


def test_safe_names_stay_in_their_folder_and_apart() -> None:
    names = SafeNames()
    wanted = [
        "../../etc/passwd",
        "..",
        "",
        "a/b",
        "a\\b",
        "A_B",
        "CON",
        "con.txt",
        "x\0y",
        "  ",
        "é" * 200,
        ".hidden",
        "-rf",
    ]
    found = [names.name(one, ".jpg") for one in wanted]
    assert len({one.casefold() for one in found}) == len(wanted)
    for one in found:
        assert "/" not in one
        assert "\\" not in one
        assert "\0" not in one
        assert not one.startswith(".")
        assert len(one.encode()) < 140
    assert SafeNames().name("11H(JEROME)") == "11H(JEROME)"


def test_archives_do_not_know_the_time() -> None:
    def write() -> bytes:
        out = io.BytesIO()
        with ArchiveWriter(out, compress=False) as archive:
            assert archive.write("a.txt", b"abc")[1] == 3
            assert archive.write("b.txt", iter([b"ab", b"c"])) == archive.write("c.txt", b"abc")
        return out.getvalue()

    assert write() == write()
