"""The main job as a newcomer does it, in a real browser: from an empty site to a split and a report, step by step."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import imagehash
import pytest
from PIL import Image
from playwright.sync_api import expect

from catalog.core import example

if TYPE_CHECKING:
    from playwright.sync_api import Download, Page

PROJECT = "/p/prints-that-travel/"
DISTANCE = 8


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, example.Truth]:
    """The example's three datasets as archives, and fingerprints of one of them as a fourth."""
    folder = tmp_path_factory.mktemp("drawn")
    truth = example.generate(folder, sizes={"Harbour museum": 40, "City archive": 30, "Picture library": 20})
    for name, source in example.FOLDERS.items():
        example.archive(folder / source, folder / f"{name}.zip")
    names = sorted(path.stem for path in (folder / "city-archive" / "JPEGImages").iterdir())
    files = {path.stem: path for path in (folder / "city-archive" / "JPEGImages").iterdir()}
    with zipfile.ZipFile(folder / "Partner.zip", "w") as archive:
        archive.writestr("2_test.txt", "\n".join(names))
        archive.writestr("perceptual_hashes.json", json.dumps([str(phash(files[name])) for name in names]))
    return folder, truth


def phash(path: Path) -> imagehash.ImageHash:
    with Image.open(path) as image:
        return imagehash.phash(image.convert("RGB"))


def expected_pairs(folder: Path, truth: example.Truth) -> int:
    """Pairs across the three datasets, counted pair by pair with the library that everyone knows."""
    hashes = [
        (picture.dataset, phash(folder / example.FOLDERS[picture.dataset] / picture.file)) for picture in truth.pictures
    ]
    return sum(a - b <= DISTANCE for (da, a), (db, b) in combinations(hashes, 2) if da != db)


def saved(download: Download, folder: Path) -> zipfile.ZipFile:
    path = folder / download.suggested_filename
    download.save_as(path)
    return zipfile.ZipFile(path)


def test_the_whole_job(browser_page: Page, drawn: tuple[Path, example.Truth], tmp_path: Path) -> None:
    page, (folder, truth) = browser_page, drawn

    # A project.
    page.get_by_role("link", name=re.compile("new project|first project", re.I)).first.click()
    page.get_by_label("Name", exact=True).fill("Prints that travel")
    page.get_by_role("button", name=re.compile("create", re.I)).click()
    page.wait_for_url(f"**{PROJECT}")

    # Several archives at once, fingerprints among them.
    archives = [folder / f"{name}.zip" for name in (*example.FOLDERS, "Partner")]
    page.locator("input[type=file]").first.set_input_files(archives)
    page.get_by_role("button", name="Upload all 4").click()
    for name, images in (("Harbour museum", 40), ("City archive", 30), ("Picture library", 20), ("Partner", 30)):
        row = page.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text(f"{images} taken", timeout=60_000)
    expect(page.get_by_role("row").filter(has_text="Partner")).to_contain_text("fingerprints only")
    rows = page.locator("#datasets tbody tr").all_inner_texts()
    assert [row.split("\n")[0].split("\t")[0].strip() for row in rows] == [*example.FOLDERS, "Partner"]

    # What was recognised, and what was refused and why.
    page.get_by_role("row").filter(has_text="Harbour museum").get_by_role("link", name=re.compile("taken")).click()
    expect(page.locator("main")).to_contain_text("One folder per class")
    for refusal in truth.refused:
        expect(page.locator("main")).to_contain_text(Path(refusal.file).name)

    # A comparison of three of them.
    page.goto(f"{PROJECT}comparisons/new")
    page.get_by_role("checkbox", name=re.compile("Partner")).uncheck()
    page.get_by_role("radio", name=re.compile("^Across")).check()
    page.get_by_label("Largest distance").and_(page.locator("#distance-phash-8")).fill("12")
    page.get_by_role("button", name="Compare", exact=True).click()
    pairs = page.locator("[data-text=pairs]")
    expect(pairs).to_be_visible(timeout=60_000)

    # The dashboard follows its slider without a request, and says what brute force says.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#t").fill("4")
    fewer = int(pairs.inner_text().replace(",", ""))
    page.locator("#t").fill(str(DISTANCE))
    expect(pairs).to_have_text(str(expected_pairs(folder, truth)))
    assert fewer <= expected_pairs(folder, truth)
    assert not [url for url in asked if "/static/" not in url and "curve.json" not in url]
    expect(page).to_have_url(re.compile(f"[?&]t={DISTANCE}"))

    # A cell of the matrix opens its pairs.
    page.locator("[data-matrix] td a").nth(1).click()
    expect(page.locator("main .pair").first).to_be_visible()
    page.go_back()

    # Review by keyboard: two verdicts, one taken back.
    page.get_by_role("link", name=re.compile(r"^Review \d+ pairs")).click()
    count, shown = page.locator("[data-count]"), page.locator("[data-stage][data-ready]")
    for key, done in (("", 0), ("1", 1), ("5", 2), ("z", 1)):
        if key:
            page.keyboard.press(key)
        expect(count).to_contain_text(f"{done} of ")
        expect(shown).to_be_attached()
    expect(page.locator("[data-outbox]")).to_have_text("Saved")

    # A split of one dataset, kept free of the copies that people accepted.
    page.goto(f"{PROJECT}splits/new")
    page.get_by_label("Dataset").select_option(label="Harbour museum")
    page.locator("[name=n_way]").fill("3")
    page.locator("[name=k_shot]").fill("1")
    page.locator("[name=n_query]").fill("2")
    page.get_by_role("button", name="Make the split").click()
    link = page.get_by_role("link", name=re.compile("Download ZIP"))
    expect(link).to_be_visible(timeout=60_000)
    with page.expect_download() as waiting:
        link.click()
    split = saved(waiting.value, tmp_path)
    manifest = json.loads(split.read(next(name for name in split.namelist() if name.endswith("manifest.json"))))
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    assert len(listed) == 3 * (1 + 2)
    found = {path: hashlib.sha256(split.read(member(split, path))).hexdigest() for path in listed}
    assert found == listed

    # The report.
    page.goto(f"{PROJECT}comparisons/")
    page.locator("main a[href*='/comparisons/']").filter(has_text="Harbour museum").first.click()
    page.get_by_role("button", name="Report").click()
    link = page.get_by_role("link", name=re.compile("Download ZIP"))
    expect(link).to_be_visible(timeout=60_000)
    with page.expect_download() as waiting:
        link.click()
    report = saved(waiting.value, tmp_path)
    names = " ".join(report.namelist())
    for wanted in ("perceptual_hashes.json", "perceptual_cross_duplicates.json", "report.md", "report.html", ".svg"):
        assert wanted in names
    lists = [name for name in report.namelist() if name.endswith("perceptual_cross_duplicates.json")]
    assert len(json.loads(report.read(lists[0]))) == expected_pairs(folder, truth)


def member(archive: zipfile.ZipFile, path: str) -> str:
    """The member of this path, whatever folder the archive puts around all."""
    return next(name for name in archive.namelist() if name == path or name.endswith(f"/{path}"))


def test_the_example_is_one_click(browser_page: Page) -> None:
    page = browser_page
    page.goto("/projects/new")
    page.get_by_label("Name", exact=True).fill("Only looking")
    page.get_by_role("button", name=re.compile("create", re.I)).click()
    page.get_by_role("button", name=re.compile("example", re.I)).click()
    expect(page.get_by_role("row").filter(has_text="Picture library")).to_contain_text("60 taken", timeout=90_000)
    page.goto("/p/only-looking/comparisons/")
    page.locator("main a[href*='/comparisons/']").filter(has_text="museum").first.click()
    expect(page.locator("[data-text=pairs]")).to_have_text("35", timeout=60_000)
