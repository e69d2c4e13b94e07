"""Exploring by eye in a real browser: the first plot, a new one, pointer, lasso, legend, keyboard, files, and speed."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.server import ROOT, Live

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

IMAGES, GROUPS = 40, 4
EXPLORE = "/p/likeness/explore/"
PREPARE = """
from pathlib import Path
from django.contrib.auth.models import User
from catalog.core.sources import open_source
from catalog.ingest import ingest
from catalog.jobs import work_on
from catalog.workspace import begin_upload, create_project, dataset_for
admin = User.objects.get(username="admin")
project = create_project(name="Likeness", owner=admin)
for name in ("Left", "Right"):
    dataset = dataset_for(project=project, name=name, by=admin)
    upload = begin_upload(dataset=dataset, kind="folder", source_name=name, bytes_expected=0, by=admin)
    with work_on(upload, expected=()) as progress, open_source(Path(FOLDER) / name) as source:
        ingest(upload, source, progress)
"""


@pytest.fixture(scope="module")
def likeness(server: Live, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two datasets of small pictures in four classes, with vectors around four centres brought beside them."""
    folder = tmp_path_factory.mktemp("likeness")
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(GROUPS, 32))
    for dataset in ("Left", "Right"):
        names, vectors = [], []
        for n in range(IMAGES):
            kind = n % GROUPS
            path = folder / dataset / f"class {kind}" / f"{dataset}-{n:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (6, 8, 3), np.uint8)
            Image.fromarray(pixels).resize((80, 60), Image.Resampling.BICUBIC).save(path)
            names.append(str(path.relative_to(folder / dataset).with_suffix("")))
            vectors.append(centres[kind] + 0.4 * rng.normal(size=32))
        np.save(folder / dataset / "embeddings.npy", np.array(vectors, np.float32))
        (folder / dataset / "names.json").write_text(str(names).replace("'", '"'))
    environment = os.environ | {"SIMWEB_VAR": str(server.var), "PORT": server.url.rsplit(":", 1)[1]}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "shell", "-c", f"FOLDER = {str(folder)!r}\n{PREPARE}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture
def plot(likeness: None, browser_page: Page) -> Locator:
    """The plot of the project's projection, ready; the first look makes one."""
    browser_page.goto(EXPLORE)
    return ready(browser_page)


def ready(page: Page) -> Locator:
    """The plot, painted in groups."""
    expect(page.locator("[data-legend] li").first).to_be_visible(timeout=60_000)
    return page.locator("[data-plot]")


def state(plot: Locator, what: str) -> Any:
    return plot.evaluate(f"host => {{ const plot = host.scatter; return {what}; }}")


def around(plot: Locator, index: int) -> tuple[float, float]:
    """Where a point stands in the window."""
    box = plot.bounding_box()
    assert box
    at = state(plot, f"plot.at({index})")
    return box["x"] + at["x"], box["y"] + at["y"]


def painted(plot: Locator) -> int:
    """How many pixels of the plot are not its ground."""
    found: int = state(
        plot,
        """(() => {
          const canvas = plot.picture();
          const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          let count = 0;
          for (let i = 0; i < data.length; i += 4) if (data[i] !== data[0] || data[i + 1] !== data[1]) count++;
          return count;
        })()""",
    )
    return found


def lasso(page: Page, plot: Locator, middle: tuple[float, float], radius: float) -> None:
    """Draw a circle around a place with shift and the mouse."""
    x, y = middle
    page.keyboard.down("Shift")
    page.mouse.move(x + radius, y)
    page.mouse.down()
    for step in range(25):
        page.mouse.move(x + radius * math.cos(step / 4), y + radius * math.sin(step / 4))
    page.mouse.up()
    page.keyboard.up("Shift")


def test_the_first_look_shows_a_plot_and_a_new_one_is_a_form_away(plot: Locator, browser_page: Page) -> None:
    page = browser_page
    expect(page.get_by_role("heading", level=1)).to_contain_text("PCA")
    expect(page.locator("[data-count]")).to_have_text("80 images")
    assert painted(plot) > 500
    page.get_by_role("link", name="New projection").click()
    page.get_by_role("radio", name=re.compile("t-SNE")).check()
    expect(page.get_by_label("Neighbours", exact=True)).to_be_hidden()
    page.get_by_label("Perplexity").fill("12")
    page.get_by_role("button", name="Lay them out").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("t-SNE")
    expect(page.locator(".waiting-job")).to_have_count(0, timeout=60_000)
    plot = ready(page)
    expect(page.locator("aside")).to_contain_text("perplexity 12")
    # Images of one class stand together.
    page.get_by_label("Colour by").select_option("label")
    expect(page.locator("[data-legend]")).to_contain_text("class 0")
    points = np.array(state(plot, "[...plot.points]")).reshape(-1, 2)
    codes = np.array(state(plot, "[...plot.codes]"))
    apart = np.hypot(*(points[:, None] - points[None]).T)
    np.fill_diagonal(apart, np.inf)
    assert (codes[apart.argmin(axis=0)] == codes).mean() > 0.95
    # The other one is a link away.
    page.locator(".others a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("PCA")


def test_the_pointer_shows_the_image_and_a_click_leads_to_it(plot: Locator, browser_page: Page) -> None:
    page, card = browser_page, browser_page.locator("[data-card]")
    page.mouse.move(*around(plot, 5))
    expect(card.locator("img")).to_be_visible()
    name = card.locator(".card-name").inner_text()
    expect(card).to_contain_text("class")
    page.mouse.move(5, 300)
    expect(card).to_be_hidden()
    x, y = around(plot, 5)
    page.mouse.click(x, y)
    expect(card).to_have_class(re.compile("pinned"))
    page.mouse.move(x + 60, y + 60)
    expect(card.locator(".card-name")).to_have_text(name)
    card.get_by_role("link", name=name).click()
    expect(page.locator("main")).to_contain_text(name)


def test_a_lasso_selects_and_leads_to_the_images(plot: Locator, browser_page: Page) -> None:
    page = browser_page
    lasso(page, plot, around(plot, 0), 120)
    panel = page.locator("[data-selection]")
    expect(panel.get_by_role("heading")).to_contain_text("selected")
    count = int(state(plot, "plot.chosen.reduce((sum, each) => sum + each, 0)"))
    assert 1 < count < 80
    expect(panel).to_contain_text(f"{count} images selected")
    expect(page).to_have_url(re.compile(r"[?&]lasso=[0-9a-f]+"))
    panel.get_by_role("link", name=f"Go to these {count} images").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{count} selected images")
    expect(page.locator(".thumbs li")).to_have_count(count)
    # Back, it is still selected; another lasso with shift adds to it only when asked, x takes it away.
    page.get_by_role("link", name="Back to the plot").click()
    plot = ready(page)
    expect(page.locator("[data-selection]")).to_contain_text(f"{count} images selected")
    page.keyboard.press("x")
    expect(page.locator("[data-selection]")).to_be_hidden()
    assert "lasso" not in page.url


def test_a_group_that_is_hidden_is_in_nobodys_way(plot: Locator, browser_page: Page) -> None:
    page, legend = browser_page, browser_page.locator("[data-legend]")
    before = painted(plot)
    legend.get_by_role("button", name=re.compile("^Left")).click()
    expect(page.locator("[data-count]")).to_have_text("40 of 80 images")
    assert painted(plot) < 0.8 * before
    expect(page).to_have_url(re.compile("hide=left"))
    page.keyboard.press("a")
    expect(page.locator("[data-selection]")).to_contain_text("40 images selected")
    page.reload()
    plot = ready(page)
    expect(page.locator("[data-count]")).to_have_text("40 of 80 images")
    expect(legend.get_by_role("button", name=re.compile("^Left"))).to_have_attribute("aria-pressed", "false")
    row = legend.locator("li").filter(has_text="Left")
    row.hover()
    row.get_by_role("button", name="Only Left").click()
    expect(legend.get_by_role("button", name=re.compile("^Right"))).to_have_attribute("aria-pressed", "false")
    expect(legend.get_by_role("button", name=re.compile("^Left"))).to_have_attribute("aria-pressed", "true")


def test_everything_works_without_a_mouse(plot: Locator, browser_page: Page) -> None:
    page = browser_page
    plot.focus()
    start = state(plot, "({...plot.view})")
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    moved = state(plot, "({...plot.view})")
    assert moved["scale"] > 1.5 * start["scale"]
    assert moved["x"] > start["x"]
    assert moved["y"] > start["y"]
    page.keyboard.press("0")
    assert state(plot, "plot.view.scale") == pytest.approx(start["scale"])
    page.keyboard.press("-")
    assert state(plot, "plot.view.scale") < start["scale"]
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    panel = page.locator("[data-selection]")
    expect(panel).to_contain_text("80 images selected")
    links = panel.locator(".thumbs a")
    expect(links).to_have_count(12)
    links.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/images/**")
    page.go_back()
    ready(page)
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Lasso")).to_have_attribute("aria-pressed", "true")


def test_marks_show_a_query_and_its_results(plot: Locator, browser_page: Page) -> None:
    first = browser_page.evaluate(
        """async () => {
          const config = JSON.parse(document.getElementById("explore-config").textContent);
          const raw = await (await fetch(config.points)).arrayBuffer();
          return [...new Float64Array(raw, 32, 3)];
        }"""
    )
    browser_page.goto(f"{EXPLORE}?query={first[0]:.0f}&results={first[1]:.0f},{first[2]:.0f},999999")
    plot = ready(browser_page)
    assert state(plot, "plot.marks") == [
        {"index": 1, "kind": "result"},
        {"index": 2, "kind": "result"},
        {"index": 0, "kind": "query"},
    ]
    expect(browser_page.locator("[data-marks]")).to_contain_text("2 of 3 results")
    # They outlive a change of colours.
    browser_page.get_by_label("Colour by").select_option("verdict")
    expect(browser_page).to_have_url(re.compile(r"by=verdict.*query="))


def test_files_are_what_the_page_shows(plot: Locator, browser_page: Page, chromium: Browser, tmp_path: Path) -> None:
    page = browser_page
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="This view as PNG").click()
    waiting.value.save_as(tmp_path / "view.png")
    with Image.open(tmp_path / "view.png") as view:
        box = plot.bounding_box()
        assert box
        assert abs(view.width - box["width"]) < 2
        assert len(set(view.convert("RGB").resize((200, 120)).get_flattened_data())) > 20
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile("HTML page")).click()
    waiting.value.save_as(tmp_path / "alone.html")

    # The page works from the disk, without a network, and its policy lets its own script run.
    context = chromium.new_context(viewport={"width": 1200, "height": 800}, offline=True)
    alone = context.new_page()
    faults: list[str] = []
    alone.on("pageerror", lambda error: faults.append(str(error)))
    alone.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    alone.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else faults.append(request.url)
    )
    alone.goto((tmp_path / "alone.html").as_uri())
    expect(alone.locator("#legend li")).to_have_count(2)
    alone.select_option("#by", "label")
    expect(alone.locator("#legend")).to_contain_text("class 0")
    box = alone.locator("#plot").bounding_box()
    assert box
    card = alone.locator(".card")
    for step in range(400):
        alone.mouse.move(box["x"] + box["width"] * (step % 20) / 20, box["y"] + box["height"] * (step // 20) / 20)
        if card.is_visible():
            break
    found = card.inner_text()
    assert re.search(r"(Left|Right)-\d\d", found)
    assert alone.locator(".card img").count() == 1
    assert not faults
    context.close()


def test_the_plot_outlives_the_loss_of_its_graphics(plot: Locator, browser_page: Page) -> None:
    if state(plot, "plot.painter.name") != "webgl":
        pytest.skip("this Chromium has no WebGL")
    before = painted(plot)
    state(plot, "plot.painter.gl.getExtension('WEBGL_lose_context').loseContext()")
    browser_page.wait_for_function(
        "() => document.querySelector('[data-plot]').scatter.painter.name === 'canvas'", timeout=10_000
    )
    assert painted(plot) > 0.5 * before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(plot: Locator, browser_page: Page, scheme: Any) -> None:
    page = browser_page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    page.keyboard.press("a")
    expect(page.locator("[data-selection]")).to_contain_text("80 images selected")
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    assert painted(plot) > 300
    for address in (f"{EXPLORE}all", f"{EXPLORE}new"):
        page.goto(address)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 360


SPEED = """async (host) => {
  const own = document.querySelector('script[src*="explore"]').src;
  const { Scatter } = await import(own.replace(/explore[^/]*$/, "scatter.js"));
  const n = 100_000;
  const points = new Float32Array(2 * n);
  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 48271) >>> 0) % 2147483647) / 2147483647;
  for (let i = 0; i < n; i++) {
    const group = i % 50;
    points[2 * i] = Math.cos(group) * (group % 7) + random() + random() + random();
    points[2 * i + 1] = Math.sin(group) * (group % 7) + random() + random() + random();
  }
  host.replaceChildren();
  const plot = new Scatter(host, points);
  const palette = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0]];
  plot.groups(Uint16Array.from({ length: n }, (_, i) => i % 6), palette);
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const gaps = [];
  let last = performance.now();
  for (let i = 0; i < 60; i++) {
    plot.move(i % 20 < 10 ? 15 : -15, 3);
    if (i % 3 === 0) plot.zoomAt(400, 300, i % 2 ? 1.05 : 1 / 1.05);
    await frame();
    const now = performance.now();
    gaps.push(now - last);
    last = now;
  }
  const began = performance.now();
  for (let i = 0; i < 500; i++) plot.hoverAt(100 + i, 80 + (i * 7) % 400);
  const hover = (performance.now() - began) / 500;
  gaps.sort((a, b) => a - b);
  return { painter: plot.painter.name, median: gaps[30], slow: gaps[57], hover };
}"""


def test_a_hundred_thousand_points_stay_fluid(plot: Locator, browser_page: Page) -> None:
    """The bound leaves room for a machine that does other things; what was measured stands in the benchmarks."""
    said = plot.evaluate(SPEED)
    print(said)
    assert said["median"] < 120, said
    assert said["hover"] < 2, said
