"""Pictures of the pages about embeddings: the example with vectors made elsewhere, which here are small thumbnails."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from catalog.core.example import iterate
from tests.browser.server import ROOT, Live

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROJECT = "prints-that-travel"
SIDES = {"colours": 8, "greys": 16}
"""Vectors that anyone can make: the picture's pixels at so many cells along each side, less their mean."""


class Camera(Protocol):
    """What takes pictures, see `tests.browser.screenshots`."""

    page: Page

    def take(self, name: str, *, whole: bool = True) -> None: ...


def vectors(folder: Path) -> dict[str, Path]:
    """A folder for each dataset of the example with its vectors and the names they belong to."""
    rows: dict[str, dict[str, list[np.ndarray[tuple[int], np.dtype[np.float32]]]]] = {}
    names = defaultdict(list)
    for picture, data in iterate():
        with Image.open(io.BytesIO(data)) as opened:
            for stem, side in SIDES.items():
                small = opened.convert("L" if stem == "greys" else "RGB").resize((side, side), Image.Resampling.BOX)
                flat = np.asarray(small, np.float32).ravel()
                flat = flat - flat.mean()
                unit = flat / max(float(np.linalg.norm(flat)), 1e-6)
                rows.setdefault(picture.dataset, defaultdict(list))[stem].append(unit)
        names[picture.dataset].append(picture.name)
    folders = {}
    for dataset, stems in rows.items():
        place = folder / dataset
        place.mkdir()
        for stem, found in stems.items():
            np.save(place / f"{stem}.npy", np.stack(found))
        (place / "names.json").write_text(json.dumps(names[dataset]))
        folders[dataset] = place
    return folders


def manage(server: Live, *words: str) -> None:
    """A command beside the running dashboard, as an operator gives it."""
    environment = os.environ | {"SIMWEB_VAR": str(server.var)}
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words], env=environment, check=True, stdout=subprocess.DEVNULL
    )


def explore(shot: Camera, server: Live) -> None:
    """Vectors, a comparison of them, projections, search, how two models agree, and a look at the pixels."""
    page = shot.page
    with tempfile.TemporaryDirectory() as folder:
        for dataset, place in vectors(Path(folder)).items():
            manage(server, "import_dataset", PROJECT, dataset, str(place), "--wait")
    page.goto(f"/p/{PROJECT}/comparisons/new")
    for title in ("Brought vectors “colours”", "Brought vectors “greys”"):
        page.locator(".signal-choice").filter(has_text=title).locator("[name=signal]").check()
    page.locator(".signal-choice").filter(has_text="pHash, 64 bits").first.get_by_text("also mirrored").click()
    shot.take("comparison-new-embeddings")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_selector("[data-text=pairs]")
    page.goto(re.sub(r"\?.*", "", page.url) + "?signal=phash-8@any")
    shot.take("overlap-any-orientation")
    page.locator("#signal").select_option(label="Brought vectors “colours”, 192 dimensions")
    page.wait_for_url("**signal=vectors**")
    page.wait_for_selector("[data-drawing] svg")
    shot.take("overlap-embeddings")
    page.goto(f"/p/{PROJECT}/explore/")
    page.wait_for_selector("canvas")
    page.wait_for_load_state("networkidle")
    shot.take("explore", whole=False)
    page.goto(f"/p/{PROJECT}/explore/new")
    shot.take("explore-new")
    page.goto(f"/p/{PROJECT}/datasets/harbour-museum/")
    page.locator(".thumbs a").first.click()
    page.get_by_role("link", name="Find similar").first.click()
    page.wait_for_load_state("networkidle")
    shot.take("search")
    page.goto(f"/p/{PROJECT}/search/ladder/")
    shot.take("ladder")
    page.goto(f"/p/{PROJECT}/comparisons/")
    page.locator(".comparison-name").last.click()
    page.locator("[data-closest] > a").nth(3).click()
    page.get_by_role("button", name="SIFT").click()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
    shot.take("evidence")
