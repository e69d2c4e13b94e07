"""The evidence of a pair in a real browser: a verifier is asked, lines are drawn, one picture lies over the other."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.server import ROOT, Live
from tests.scenes import as_file, scene

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROJECT = "/p/second-looks/"
TOO_WIDE = """() => [...document.querySelectorAll("main *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".scroll"))
  .map((each) => each.tagName.toLowerCase() + "." + each.className)"""


@pytest.fixture(scope="module")
def pair(server: Live, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a picture beside its mirrored right half."""
    folder = tmp_path_factory.mktemp("looks")
    (folder / "whole.png").write_bytes(as_file(scene(1)))
    (folder / "half.png").write_bytes(as_file(np.ascontiguousarray(scene(1)[:, :319:-1])))

    def run(*command: str) -> str:
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command],
            env=os.environ | {"SIMWEB_VAR": str(server.var)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    run("import_dataset", "Second looks", "Scenes", str(folder), "--wait")
    ids = "print(*Image.objects.filter(name__in=['whole', 'half']).order_by('pk').values_list('pk', flat=True))"
    a, b = run("shell", "-c", f"from catalog.models import Image; {ids}").split()[-2:]
    return f"{PROJECT}pairs/{a}-{b}/"


def test_a_verifier_is_asked_and_its_finding_can_be_looked_at(browser_page: Page, pair: str) -> None:
    page = browser_page
    page.goto(pair)
    expect(page.locator("tbody.stated")).to_contain_text("Neither file states")
    page.get_by_role("button", name="Look with ORB").click()
    page.wait_for_url(f"**{pair}?look=orb-1#keypoints")
    section = page.locator("#keypoints")
    expect(section).to_contain_text("mirrored left–right")
    expect(section).to_contain_text("is a detail: it shows 50 % of the")
    drawing = section.locator("svg[role=img]")
    expect(drawing.locator(".inliers path")).to_have_count(120)
    expect(drawing.locator(".inliers")).to_have_css("display", "inline")
    section.get_by_label("Inliers").uncheck()
    expect(drawing.locator(".inliers")).to_have_css("display", "none")
    with page.expect_download() as saved:
        section.get_by_role("link", name="PNG").click()
    assert saved.value.suggested_filename.endswith("-orb-1.png")


def test_one_lies_over_the_other_by_keyboard(browser_page: Page, pair: str) -> None:
    page = browser_page
    page.goto(f"{pair}?laid=whole")
    stage = page.locator(".laid-stage")
    slider = page.get_by_role("slider", name="From the first picture to the second")
    expect(stage.locator(".second")).to_have_css("opacity", "0.5")
    slider.focus()
    page.keyboard.press("End")
    expect(stage.locator(".second")).to_have_css("opacity", "1")
    expect(stage.locator(".difference")).to_be_hidden()
    page.get_by_role("radio", name="Blend").focus()
    page.keyboard.press("ArrowRight")
    expect(stage.locator(".difference")).to_be_visible()
    expect(stage.locator(".second")).to_be_hidden()
    assert stage.locator(".difference").evaluate("async (image) => { await image.decode(); return image.naturalWidth }")


def test_it_fits_a_phone(browser_page: Page, pair: str) -> None:
    page = browser_page
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto(pair)
    assert page.evaluate(TOO_WIDE) == []
