"""Finds a Chromium to drive: the one named, the system's, or Playwright's own, which is fetched if that works."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = (
    "The browser tests did NOT run: no Chromium was found and Playwright could not fetch its own.\n"
    "Install one (Debian, Ubuntu: apt install chromium) or name it: CHROMIUM=/path/to/chrome make test"
)
FETCH_SECONDS = 300


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


@functools.cache
def find_chromium() -> str | None:
    """The path of an executable Chromium; None where there is none and none can be had."""
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if named or (named := _playwrights_own()):
        return named
    try:
        subprocess.run(
            [sys.executable, "-m", "playwright", "install", "chromium"],
            check=True,
            timeout=FETCH_SECONDS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (subprocess.SubprocessError, OSError):
        return None
    return _playwrights_own()
