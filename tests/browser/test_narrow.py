"""What fits into a phone's width, in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.server import ROOT, Live

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROJECT = "/p/on-a-phone/"


@pytest.fixture(scope="module")
def _project(server: Live) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "create_project", "On a phone"],
        env=os.environ | {"SIMWEB_VAR": str(server.var)},
        check=True,
        capture_output=True,
    )


@pytest.mark.usefixtures("_project")
def test_the_open_section_is_in_sight(browser_page: Page) -> None:
    page = browser_page
    page.set_viewport_size({"width": 360, "height": 500})
    sections = page.get_by_role("navigation", name="Sections of the project")
    for address, name in (("", "Datasets"), ("explore/", "Explore"), ("splits/", "Splits")):
        page.goto(f"{PROJECT}{address}")
        expect(sections.get_by_role("link", name=name)).to_be_in_viewport(ratio=0.99)
    expect(sections.get_by_role("link", name="Datasets")).not_to_be_in_viewport()


@pytest.mark.usefixtures("_project")
def test_a_long_name_is_broken(server: Live, browser_page: Page, tmp_path: Path) -> None:
    """Names of images are paths, and some are a checksum or a sentence."""
    name = "0123456789abcdef" * 12
    Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "import_dataset", "On a phone", "Long", str(tmp_path), "--wait"],
        env=os.environ | {"SIMWEB_VAR": str(server.var)},
        check=True,
        capture_output=True,
    )
    page = browser_page
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{PROJECT}datasets/long/")
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    page.locator(".thumbs a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
