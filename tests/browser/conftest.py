"""A real dashboard and a real Chromium."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import ADVICE, find_chromium
from tests.browser.server import ROOT, Live, dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def server() -> Iterator[Live]:
    """The dashboard with an empty data folder, one for the session.

    Not below the system's temporary folder: pytest shuts that to other users, and where the tests run as root, the
    embedded PostgreSQL is another user.
    """
    (ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="browser-", dir=ROOT / "var") as var, dashboard(Path(var)) as running:
        yield running


@pytest.fixture
def live(server: Live) -> str:
    """The dashboard's address."""
    return server.url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        pytest.skip(ADVICE)
    # Playwright keeps an event loop in this thread to the end of the session, and Django would refuse the database to
    # every test that comes later in the same process.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-quic", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def browser_page(chromium: Browser, server: Live) -> Iterator[Page]:
    """A page signed in as admin; the test fails if a script of ours fails on it."""
    context = chromium.new_context(base_url=server.url, viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto("/sign-in")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    yield page
    context.close()
    assert not errors, errors
