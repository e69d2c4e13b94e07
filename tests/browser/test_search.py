"""Search and look-up with the hands: drop, choose, keyboard, in a real browser."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from catalog.core import example
from tests.browser.server import ROOT, Live

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROJECT = "/p/found-again/"
DATASET = "Harbour museum"

DROP = """([selector, data]) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "dropped.jpg", { type: "image/jpeg" }));
  for (const kind of ["dragenter", "dragover", "drop"])
    document.querySelector(selector).dispatchEvent(
      new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
}"""


@pytest.fixture(scope="module")
def pictures(server: Live, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures of the one dataset of a project."""
    folder = tmp_path_factory.mktemp("found")
    example.generate(folder, sizes={DATASET: 40, "City archive": 10, "Picture library": 10})
    source = folder / example.FOLDERS[DATASET]
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "import_dataset", "Found again", DATASET, str(source), "--wait"],
        env=os.environ | {"SIMWEB_VAR": str(server.var)},
        check=True,
        capture_output=True,
    )
    return sorted(path for path in source.rglob("*.jpg") if path.stat().st_size > 5_000)


def drop(page: Page, selector: str, picture: Path) -> None:
    page.evaluate(DROP, [selector, base64.b64encode(picture.read_bytes()).decode()])


def test_a_picture_dropped_anywhere_is_looked_up(browser_page: Page, pictures: list[Path]) -> None:
    page = browser_page
    page.goto(f"{PROJECT}comparisons/")
    drop(page, "main", pictures[0])
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Seen before")
    expect(dialog).to_contain_text("the same file")
    expect(dialog.locator(".seen li").first).to_contain_text(pictures[0].stem)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    # By keyboard: g l opens it, and a chosen picture is answered there.
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(dialog).to_be_visible()
    dialog.locator("input[type=file]").set_input_files(pictures[1])
    expect(dialog.locator(".seen li").first).to_contain_text(pictures[1].stem)


def test_pages_that_take_drops_keep_them(browser_page: Page, pictures: list[Path]) -> None:
    page = browser_page
    page.goto(PROJECT)
    drop(page, "[data-upload]", pictures[0])
    expect(page.locator("[data-queue]")).to_contain_text("dropped.jpg")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Remove").click()
    # In the open dialog a drop is a look-up, there too.
    page.get_by_role("button", name="Look up an image").click()
    drop(page, "#look-up", pictures[0])
    expect(page.get_by_role("dialog")).to_contain_text("Seen before")
    expect(page.locator("[data-queue]")).to_be_empty()


def test_search_by_a_picture_then_by_what_it_found(browser_page: Page, pictures: list[Path]) -> None:
    page = browser_page
    page.goto(f"{PROJECT}search/")
    drop(page, ".search", pictures[2])
    hits = page.locator(".hits > li")
    expect(hits).to_have_count(24)
    expect(hits.first).to_contain_text(pictures[2].stem)
    # A setting applies to the picture that is still held; the address says it.
    page.get_by_label("How many").select_option("12")
    expect(hits).to_have_count(12)
    expect(page).to_have_url(re.compile("k=12"))

    # The ring: arrow keys walk outwards, the card shows the picture, enter opens the image.
    points = page.locator(".ring-point")
    expect(points).to_have_count(12)
    points.first.focus()
    expect(page.locator(".ring-card")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(points.nth(1)).to_be_focused()
    name = hits.nth(1).locator("a.clip").inner_text()
    expect(page.locator(".ring-card b")).to_have_text(name)
    expect(page.locator(".hits li.on")).to_contain_text(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(Path(name).name)

    page.get_by_role("link", name="Find similar").click()
    expect(page.locator(".query")).to_contain_text(name)
    page.locator(".hits").get_by_role("link", name="Compare").first.click()
    expect(page).to_have_url(re.compile(r"/pairs/\d+-\d+/"))


def test_the_ladder_follows_its_signal(browser_page: Page, pictures: list[Path]) -> None:
    page = browser_page
    page.goto(f"{PROJECT}search/ladder/")
    page.get_by_label("Signal").select_option("phash-8")
    expect(page.locator(".rung h2").first).to_have_text("24 of 64 bits")
    expect(page.locator(".rung .pair img").first).to_be_visible()
