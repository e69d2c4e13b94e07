"""Frames of the plot with 100,000 points in a real Chromium, by both painters.

    python benchmarks/scatter.py [--points 100000]

The plot pans and zooms at every frame. Where the machine has no graphics card, WebGL is computed by the processor
(SwiftShader), and the page takes the other painter by itself; both are measured here. Fails where the painter that the
page takes has a median over 33 ms.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from machine import describe
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.core.palette import DATASETS
from analysis.core.projection.page import page
from analysis.core.projection.scene import Coloring, Group, Scene
from tests.browser.chromium import ADVICE, find_chromium

ASSETS = Path(__file__).resolve().parents[1] / "simweb" / "assets" / "js"
SCRIPTS = ("scatter_points", "scatter_paint", "scatter_input", "scatter", "scatter_legend", "scatter_alone")
LIMIT_MS = 33.0
MEASURE = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const gaps = [];
  await frame();
  let last = performance.now();
  for (let i = 0; i < 120; i++) {
    plot.move(i % 20 < 10 ? 15 : -15, 3);
    plot.zoomAt(400, 300, i % 40 < 20 ? 1.05 : 1 / 1.05);
    await frame();
    const now = performance.now();
    gaps.push(now - last);
    last = now;
  }
  let began = performance.now();
  for (let i = 0; i < 1000; i++) plot.hoverAt(100 + i % 900, 80 + (i * 7) % 600);
  const hover = (performance.now() - began) / 1000;
  began = performance.now();
  const chosen = new Uint8Array(plot.n);
  const frameOf = new Frame({ x: plot.box.x, y: plot.box.y, span: Math.max(plot.box.width, plot.box.height) });
  const outline = Array.from({ length: 200 }, (_, i) => [
    plot.view.x + Math.cos(i / 32) * plot.box.width / 3, plot.view.y + Math.sin(i / 32) * plot.box.height / 3]);
  const count = frameOf.mark(frameOf.encode(outline), plot.points, plot.shown, chosen);
  const lasso = performance.now() - began;
  gaps.sort((a, b) => a - b);
  return { painter: plot.painter.name, median: gaps[60], slow: gaps[113], hover, lasso, count };
}"""


def scene(n: int) -> Scene:
    """Clusters of unequal size and density, in six datasets."""
    rng = np.random.default_rng(0)
    of = rng.integers(60, size=n)
    centres, spread = rng.normal(size=(60, 2)) * 40, rng.uniform(1, 6, 60)
    points = (centres[of] + rng.normal(size=(n, 2)) * spread[of][:, None]).astype(np.float32)
    groups = [Group(f"dataset {i}", color) for i, color in enumerate(DATASETS)]
    names = [f"image {i}" for i in range(n)]
    return Scene(
        title="Points",
        about="",
        axes=("", ""),
        points=points,
        names=names,
        datasets=[groups[k].name for k in of % 6],
        labels=[[]] * n,
        colorings=[Coloring("dataset", "Dataset", groups, (of % 6).astype(np.int64))],
    )


def measure(browser_page: Page, address: str) -> dict[str, float]:
    browser_page.goto(address)
    browser_page.wait_for_timeout(1500)
    said: dict[str, float] = browser_page.evaluate(MEASURE)
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    n = parser.parse_args().points
    path = find_chromium()
    if path is None:
        print(ADVICE)
        return 1
    print(describe("playwright", "numpy"))
    modules = [(ASSETS / f"{name}.js").read_text() for name in SCRIPTS]
    shown = {"taken": modules}
    for name, options in (("canvas", "{ pixels: true }"), ("webgl", "{ software: true }")):
        start = modules[-1].replace("(bytesOf(data.points).buffer));", f"(bytesOf(data.points).buffer), {options});")
        shown[name] = [*modules[:-1], start]
    good = True
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for ratio in (1, 2):
            context = browser.new_context(viewport={"width": 1440, "height": 900}, device_scale_factor=ratio)
            for name, scripts in shown.items():
                file = Path(folder) / f"{name}.html"
                file.write_bytes(
                    page(scene(n), scripts=[*scripts, "Object.assign(globalThis, { plot, Frame });"], shown="dataset")
                )
                said = measure(context.new_page(), file.as_uri())
                print(
                    f"{n:,} points, {ratio} device pixel{'s' if ratio > 1 else ''} a CSS pixel, {name} "
                    f"({said['painter']}): a frame {said['median']:.1f} ms, slowest 5 % from {said['slow']:.1f} ms; "
                    f"hover {said['hover']:.3f} ms; lasso of {said['count']:,.0f} points {said['lasso']:.0f} ms"
                )
                good &= name != "taken" or said["median"] <= LIMIT_MS
        browser.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
