"""Judging by keyboard, as people do all day: the next pair at once, undo, a note, a lost connection, the end."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.browser.server import ROOT, Live

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAIRS = 100
REVIEW = "/p/keys/comparisons/{}/review/"
PREPARE = """
from pathlib import Path
from django.contrib.auth.models import User
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.core.sources import open_source
from catalog.ingest import ingest
from catalog.jobs import work_on
from catalog.workspace import begin_upload, create_project, dataset_for
admin = User.objects.get(username="admin")
project = create_project(name="Keys", owner=admin)
datasets = [dataset_for(project=project, name=name, by=admin) for name in ("originals", "copies")]
for dataset in datasets:
    upload = begin_upload(dataset=dataset, kind="folder", source_name=dataset.name, bytes_expected=0, by=admin)
    with work_on(upload, expected=()) as progress, open_source(Path(FOLDER) / dataset.name) as source:
        ingest(upload, source, progress)
comparison = create_comparison(project=project, datasets=datasets, signals={"phash-8": 8}, scope="across", by=admin)
run_comparison(comparison.pk)
print("comparison", comparison.pk)
"""


@pytest.fixture(scope="module")
def comparison(server: Live, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A hundred pictures and their recompressed copies, compared."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(11)
    for name in ("originals", "copies"):
        (folder / name).mkdir()
    for n in range(PAIRS):
        drawn = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).resize((160, 120), Image.Resampling.BICUBIC)
        drawn.save(folder / "originals" / f"{n:03d}.png")
        drawn.save(folder / "copies" / f"{n:03d}.jpg", quality=70)
    code = f"FOLDER = {str(folder)!r}\n{PREPARE}"
    environment = os.environ | {"SIMWEB_VAR": str(server.var), "PORT": server.url.rsplit(":", 1)[1]}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "shell", "-c", code],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split("comparison")[-1])


def on_desk(page: Page) -> str:
    """The address of the pair whose pictures are shown."""
    page.wait_for_selector("[data-stage][data-ready]", state="attached")
    return page.url


def press(page: Page, key: str) -> None:
    """Press a key and wait until another pair, or the end, is shown."""
    before = on_desk(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "before => !document.querySelector('[data-over]').hidden"
        " || (location.href !== before && 'ready' in document.querySelector('[data-stage]').dataset)",
        arg=before,
    )


def count(page: Page) -> str:
    return page.inner_text("[data-count]").split(" · ")[0]


def saved(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('[data-outbox]').textContent === 'Saved'")


def test_a_hundred_pairs_by_keyboard(browser_page: Page, comparison: int) -> None:
    page = browser_page
    page.goto(REVIEW.format(comparison))
    first = on_desk(page)
    total = int(count(page).split(" of ")[1])
    assert total >= PAIRS
    assert count(page) == f"0 of {total}"

    # Undo returns to the pair with the pictures as they were.
    page.keyboard.press("+")
    page.keyboard.press("d")
    placed = page.eval_on_selector(".pic.b img", "image => image.style.cssText")
    press(page, "1")
    assert count(page) == f"1 of {total}"
    press(page, "z")
    assert page.url == first
    assert count(page) == f"0 of {total}"
    assert page.get_attribute("[data-stage]", "data-shown") == "difference"
    assert page.eval_on_selector(".pic.b img", "image => image.style.cssText") == placed
    page.keyboard.press("s")

    # A note goes with the verdict and can be read on coming back.
    page.keyboard.press("n")
    page.keyboard.type("same negative")
    page.keyboard.press("Enter")
    press(page, "2")
    saved(page)
    press(page, "k")
    assert "same negative" in page.inner_text("[data-history]")
    press(page, "j")

    # Put off: it comes again, at the end.
    late = on_desk(page)
    press(page, "ArrowRight")

    for n in range(total - 2):
        if n == 40:  # a reload changes nothing, and undo reaches back over it
            here, done = on_desk(page), count(page)
            saved(page)
            page.reload()
            assert on_desk(page) == here
            assert count(page) == done
            press(page, "z")
            press(page, "4")
        press(page, "1" if n % 3 else "5")
    assert on_desk(page) == late
    press(page, "6")
    page.wait_for_selector("[data-over]:not([hidden])")
    saved(page)
    assert "Every pair is judged" in page.inner_text("[data-over]")
    assert count(page) == f"{total} of {total}"
    page.reload()
    page.wait_for_selector("[data-over]:not([hidden])")
    assert count(page) == f"{total} of {total}"
    counted = page.inner_text(".verdict-bars").split()
    assert sum(int(word) for word in counted if word.isdigit()) == total


def test_without_a_connection_verdicts_are_kept_and_sent_when_it_is_back(
    chromium: Browser, server: Live, comparison: int
) -> None:
    context = chromium.new_context(base_url=server.url)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    page.goto(f"{REVIEW.format(comparison)}?show=all")
    first = on_desk(page)
    context.set_offline(True)
    press(page, "4")
    press(page, "4")
    page.wait_for_selector(".outbox.bad")
    assert "2 changes kept here" in page.inner_text("[data-outbox]")
    context.set_offline(False)
    saved(page)
    # The page that was left without a connection has sent them in order: the first is on record.
    page.goto(first)
    on_desk(page)
    assert page.inner_text("[data-history] li:first-child b") == "Related"
    # What was kept when the browser was closed is sent by the next page.
    page.route("**/verdicts", lambda route: route.abort())
    press(page, "3")
    page.wait_for_selector(".outbox.bad")
    page.unroute("**/verdicts")
    page.on("dialog", lambda dialog: dialog.accept())  # "leave the page?"
    page.goto(REVIEW.format(comparison))
    saved_again = "() => !Object.keys(localStorage).some(key => JSON.parse(localStorage[key]).ops?.length)"
    page.wait_for_function(saved_again)
    page.goto(first)
    on_desk(page)
    assert page.inner_text("[data-history] li:first-child b") == "Detail"
    context.close()


def test_verdicts_are_in_reach_of_a_thumb(browser_page: Page, comparison: int) -> None:
    page = browser_page
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(f"{REVIEW.format(comparison)}?show=all")
    on_desk(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in page.locator(".verdict").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["y"] >= 400
        assert box["x"] + box["width"] <= 360
    before = page.url
    page.get_by_role("button", name="Same image").click()
    page.wait_for_function("before => location.href !== before", arg=before)
