"""Files of a projection, and outlines as the page's script and the server read them."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import shutil
import struct
import subprocess
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from analysis.core.errors import InvalidArray
from analysis.core.palette import DATASETS
from analysis.core.projection.outlines import Frame, InvalidOutline
from analysis.core.projection.page import bundled, page
from analysis.core.projection.picture import picture
from analysis.core.projection.scene import Coloring, Group, Scene
from analysis.core.projection.table import table
from analysis.core.projection.wire import packed_codes, packed_points
from tests.conftest import ROOT

SCRIPTS = ROOT / "simweb" / "assets" / "js"
HOSTILE = "</script><script>alert(1)</script>\"'&<!--"


def scene(n: int = 40, **changes: Any) -> Scene:
    rng = np.random.default_rng(0)
    codes = np.arange(n) % 3
    groups = [Group(name, color) for name, color in zip(("A", "B", HOSTILE), DATASETS, strict=False)]
    values: dict[str, Any] = {
        "title": f"t-SNE of {HOSTILE}",
        "about": "Perplexity 30, seed 0; costs $5.",
        "axes": ("", ""),
        "points": rng.normal(size=(n, 2)).astype(np.float32),
        "names": [f"x/{i}, “é”" for i in range(n)],
        "datasets": [groups[code].name for code in codes],
        "labels": [["Jerome", "Peter"][: i % 3] for i in range(n)],
        "colorings": [Coloring("dataset", "Dataset", groups, codes)],
    }
    return Scene(**values | changes)


# ---- outlines ----


def outline(corners: list[tuple[int, int]]) -> str:
    return "".join(f"{x:04x}{y:04x}" for x, y in corners)


def test_points_inside_an_outline_are_those_that_a_ray_leaves_an_odd_number_of_times() -> None:
    points = np.array([[0, 0], [10, 0], [0, 10], [10, 10], [5, 5]], np.float32)
    frame = Frame.of(points)
    square = outline([(30000, 30000), (36000, 30000), (36000, 36000), (30000, 36000)])
    assert frame.enclosed(points, [square]).tolist() == [False, False, False, False, True]
    everything = outline([(0, 0), (65535, 0), (65535, 65535), (0, 65535)])
    assert frame.enclosed(points, [everything]).all()
    left = outline([(0, 0), (20000, 0), (20000, 65535), (0, 65535)])
    assert frame.enclosed(points, [square, left]).tolist() == [True, False, True, False, True]
    assert not frame.enclosed(points, []).any()


@pytest.mark.parametrize(
    "text", ["", "xyz", "00000000" * 2, "0000000g" * 3, "0" * 8 * 65, "1234567" * 4, "FFFF0000" * 3]
)
def test_what_is_no_outline_is_refused(text: str) -> None:
    points = np.zeros((1, 2), np.float32)
    with pytest.raises(InvalidOutline, match="no outline"):
        Frame.of(points).enclosed(points, [text])
    with pytest.raises(InvalidOutline):
        Frame.of(points).enclosed(points, [outline([(0, 0), (9, 0), (9, 9)])] * 9)


def test_the_script_and_the_server_agree_on_every_point() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, which runs the page's script here")
    rng = np.random.default_rng(3)
    cases = []
    for size, corners in ((1e-3, 3), (1.0, 9), (250.0, 300), (1.0, 60)):
        points = (rng.normal(size=(3000, 2)) * size).astype(np.float32)
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        reach = rng.uniform(0.2, 2, corners) * size
        drawn = np.column_stack([np.cos(angle) * reach, np.sin(angle) * reach])
        # Corners on points, and edges along rows of points, are where two readings would differ.
        points[:20] = drawn[rng.integers(0, corners, 20)]
        points[20:200, 1] = points[20, 1]
        cases.append((points, drawn))
    data = [{"points": points.ravel().tolist(), "drawn": drawn.tolist()} for points, drawn in cases]
    frames = [Frame.of(points) for points, _ in cases]
    for entry, frame in zip(data, frames, strict=True):
        entry["frame"] = {"x": frame.x, "y": frame.y, "span": frame.span}
    script = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ Frame }} from {json.dumps((SCRIPTS / "scatter_points.js").as_uri())};
        const cases = JSON.parse(readFileSync(0, "utf8"));
        console.log(JSON.stringify(cases.map(({{ points, drawn, frame }}) => {{
          const there = new Float32Array(points);
          const chosen = new Uint8Array(there.length / 2);
          const shown = new Uint8Array(there.length / 2).fill(1);
          const text = new Frame(frame).encode(drawn);
          const count = new Frame(frame).mark(text, there, shown, chosen);
          return {{ text, count, chosen: [...chosen.keys()].filter((i) => chosen[i]) }};
        }})));"""
    command = [node, "--input-type=module", "-e", script]
    ran = subprocess.run(command, input=json.dumps(data), capture_output=True, text=True, check=True)
    for (points, drawn), frame, said in zip(cases, frames, json.loads(ran.stdout), strict=True):
        assert len(said["text"]) <= 8 * min(len(drawn), 60)
        found = np.flatnonzero(frame.enclosed(points, [said["text"]]))
        assert 0 < len(found) < len(points)
        assert found.tolist() == said["chosen"]
        assert said["count"] == len(found)


# ---- what the page's script reads ----


def test_points_travel_whole() -> None:
    ids = np.array([1, 2**40, 2**53], np.int64)
    points = np.array([[1, 2], [3, 4], [5, 7]], np.float32)
    raw = packed_points(ids, points, Frame.of(points))
    magic, n, x, y, span = struct.unpack_from("<4sI3d", raw)
    assert (magic, n, x, y, span) == (b"SWP1", 3, 1, 2, 5)
    assert np.frombuffer(raw, "<f8", 3, 32).astype(np.int64).tolist() == ids.tolist()
    assert np.frombuffer(raw, "<f4", 6, 56).tolist() == [1, 2, 3, 4, 5, 7]
    assert np.frombuffer(base64.b64decode(packed_codes(np.array([0, 513]))), "<u2").tolist() == [0, 513]


# ---- files ----


def test_the_table_holds_every_image() -> None:
    made = scene()
    rows = list(csv.reader(io.StringIO(table(made).decode())))
    assert rows[0] == ["image", "dataset", "label", "x", "y"]
    assert [row[0] for row in rows[1:]] == list(made.names)
    assert rows[3][1:3] == [HOSTILE, "Jerome | Peter"]
    read = np.array([[float(x) for x in row[3:]] for row in rows[1:]], np.float32)
    np.testing.assert_allclose(read, made.points, rtol=1e-6)


def colors_in(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (1520, 1152)
        return np.asarray(image.convert("RGB")).reshape(-1, 3)


def test_the_picture_shows_every_group_on_white() -> None:
    made = scene()
    png = picture(made, made.colorings[0])
    pixels = colors_in(png)
    for color in DATASETS[:3]:
        wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels.astype(int) - wanted).sum(axis=1) < 30).sum() > 50
    assert (pixels == 255).all(axis=1).mean() > 0.9
    assert picture(made, made.colorings[0]) == png


@pytest.mark.parametrize("n", [0, 1])
def test_next_to_nothing_can_be_drawn(n: int) -> None:
    made = scene(n)
    assert colors_in(picture(made, made.colorings[0])).size
    assert page(made, scripts=[], shown="dataset")
    assert table(made).count(b"\r\n") == n + 1


def test_a_long_legend_says_how_many_it_leaves_out() -> None:
    groups = [Group(f"label {i}", DATASETS[i % 6]) for i in range(60)]
    coloring = Coloring("label", "Label", groups, np.arange(120) % 60)
    assert colors_in(picture(scene(120, colorings=[coloring]), coloring)).size


def scripts() -> list[str]:
    names = ("scatter_points", "scatter_paint", "scatter_input", "scatter", "scatter_legend", "scatter_alone")
    return [(SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in names]


def test_the_page_is_one_file_that_fetches_nothing_and_runs_no_name() -> None:
    text = page(scene(), scripts=scripts(), shown="dataset").decode()
    assert not re.findall(r"(?:src|href)\s*=", re.sub(r'<script type="module">.*?</script>', "", text, flags=re.S))
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<script") == 2
    script = re.search(r'<script type="module">(.*?)</script>', text, re.S)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "import " not in re.sub(r"//.*|/\*.*?\*/", "", script[1], flags=re.S)
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert held
    data = json.loads(held[1])
    assert data["datasets"][2] == HOSTILE
    assert data["labels"][data["label"][2]] == "Jerome | Peter"
    assert data["colorings"][0]["groups"][0] == {"key": "0", "name": "A", "color": DATASETS[0], "count": 14}


def test_pictures_go_into_the_page_where_they_are_given() -> None:
    text = page(scene(2), scripts=[], shown="dataset", pictures=[b"\xff\xd8", None]).decode()
    assert '"pictures":["/9g=",""]' in text


@pytest.mark.parametrize(
    "script", ['import x from "elsewhere";', "export default 1;", 'import "./a.js";', 'const x = "</script>";']
)
def test_a_script_that_cannot_stand_in_a_page_is_refused(script: str) -> None:
    with pytest.raises(ValueError, match="cannot"):
        bundled([script])


def test_a_scene_of_unequal_lengths_is_refused() -> None:
    with pytest.raises(InvalidArray):
        scene(names=["one"])
    with pytest.raises(InvalidArray):
        scene(colorings=[])
