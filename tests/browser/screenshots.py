"""Pictures of every page, light and dark, wide and narrow: walks the flow with the example in a real Chromium.

``python -m tests.browser.screenshots`` writes them to ``var/screenshots``; with ``--publish`` the few that the README
and the guide show go to ``docs/pictures``, compressed. Exits with 1 where a page's script fails or a page is wider
than its window.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import Image

from tests.browser.chromium import ADVICE, find_chromium
from tests.browser.screenshots_embeddings import explore
from tests.browser.server import ROOT, Live, dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Page

WANTED = ROOT / "var" / "screenshots"
PUBLISHED = ROOT / "docs" / "pictures"
PROJECT = "/p/prints-that-travel/"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HEIGHTS = {1440: 900, 390: 844}
NARROWEST = 360
SECONDS = 90
PAUSE_MS = 2600  # between two verdicts, so that the pace on the page is a person’s
PICTURES_THERE = """async () => {
  const images = [...document.images];
  for (const image of images) image.loading = "eager";
  await Promise.all(images.map((image) => image.decode().catch(() => {})));
  await document.fonts.ready;
}"""
UNSTUCK = ".sum { position: static !important }"  # in a picture of the whole page it would cover a row
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".scroll, nav, .sr, .skip"))
  .slice(0, 3).map((each) => each.tagName.toLowerCase() + "." + each.className)"""
IN_DOCS = (
    "comparison-new-embeddings-light-1440", "comparison-new-light-1440", "datasets-empty-light-1440",
    "datasets-light-1440", "evidence-light-1440", "explore-dark-1440", "explore-light-1440", "ladder-light-1440",
    "overlap-dark-1440", "overlap-embeddings-light-1440", "overlap-light-1440", "overlap-upset-light-1440",
    "pair-light-1440", "pairs-light-1440", "report-light-1440", "review-end-light-1440", "review-light-1440",
    "review-light-390", "search-light-1440", "settings-light-1440", "split-light-1440", "split-new-light-1440",
    "upload-light-1440",
)  # fmt: skip


class Camera:
    """Takes pictures of the page as it stands, and collects what is wrong with it.

    Args:
        page: a page of a real browser.
        folder: where the pictures go.
    """

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.wrong: list[str] = []
        self.taken = 0
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self.wrong.append(f"{page.url}: {said.text}") if said.type == "error" else None)

    def take(self, name: str, *, whole: bool = True) -> None:
        """Write NAME-SCHEME-WIDTH.png four times; `whole` takes the page to its end, not the window alone."""
        page = self.page
        page.evaluate("scrollTo(0, 0)")
        for width, height in HEIGHTS.items():
            for scheme in SCHEMES:
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                page.evaluate(PICTURES_THERE)
                page.wait_for_timeout(150)  # what is drawn for the width (diagrams, the histogram) is drawn again
                path = self.folder / f"{name}-{scheme}-{width}.png"
                page.screenshot(path=path, full_page=whole, animations="disabled", style=UNSTUCK if whole else "")
                print(path.relative_to(ROOT), flush=True)
                self.taken += 1
        page.set_viewport_size({"width": NARROWEST, "height": 640})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > NARROWEST:
            self.wrong.append(f"{name}: {wide} px wide in a window of {NARROWEST} px: {page.evaluate(TOO_WIDE)}")
        page.set_viewport_size({"width": 1440, "height": HEIGHTS[1440]})
        page.emulate_media(color_scheme="light")


@contextmanager
def camera(server: Live, folder: Path) -> Iterator[Camera]:
    """A camera before the sign-in page of the dashboard."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        raise SystemExit(ADVICE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-quic", "--enable-unsafe-swiftshader"]
        )
        page = browser.new_context(base_url=server.url, locale="en-GB", timezone_id="UTC").new_page()
        page.set_default_timeout(SECONDS * 1000)
        yield Camera(page, folder)
        browser.close()


def walk(shot: Camera, server: Live) -> None:
    """The whole flow, from the sign-in page to the report."""
    page = shot.page
    page.goto("/sign-in")
    shot.take("sign-in")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    shot.take("projects-empty")
    page.goto("/projects/new")
    shot.take("project-new")
    page.get_by_label("Name", exact=True).fill("Prints that travel")
    page.get_by_label("Description").fill("Which views of harbours and towns do three collections share?")
    page.get_by_role("button", name=re.compile("create", re.I)).click()
    page.wait_for_url(f"**{PROJECT}")
    shot.take("datasets-empty")
    for name, address in (("comparisons", "comparisons/"), ("review-index", "review/"), ("splits", "splits/")):
        page.goto(PROJECT + address)
        shot.take(f"{name}-empty")
    bring(shot)
    compare(shot)
    review(shot)
    explore(shot, server)
    split_and_report(shot)
    for name, address in (
        ("projects", "/"),
        ("settings", f"{PROJECT}settings"),
        ("account", "/account"),
    ):
        page.goto(address)
        shot.take(name)
    page.goto("/api/v1/docs")
    page.wait_for_selector(".opblock")
    shot.take("api-docs", whole=False)
    before = list(shot.wrong)
    page.goto("/p/no-such-project/")
    shot.take("not-found")
    shot.wrong = before + [each for each in shot.wrong[len(before) :] if "status of 404" not in each]


def bring(shot: Camera) -> None:
    """The example, its datasets, an upload with refused files, a chosen archive, one image."""
    page = shot.page
    page.goto(PROJECT)
    page.get_by_role("button", name="Load the example").click()
    page.get_by_role("row").filter(has_text="Picture library").get_by_text("60 taken").wait_for()
    page.goto(f"{PROJECT}comparisons/")
    page.locator(".comparison-name").first.click()
    page.wait_for_selector("[data-text=pairs]")
    page.goto(PROJECT)
    shot.take("datasets")
    chosen = {"name": "Town prints.zip", "mimeType": "application/zip", "buffer": bytes(2048)}
    page.locator("input[data-input=archives]").set_input_files(chosen)  # type: ignore[arg-type]
    shot.take("datasets-chosen")
    page.goto(PROJECT)
    page.get_by_role("link", name=re.compile("refused")).first.click()
    shot.take("upload")
    page.goto(f"{PROJECT}datasets/harbour-museum/")
    shot.take("dataset")
    page.locator(".thumbs a").first.click()
    page.wait_for_url("**/images/*/")
    shot.take("image")
    page.goto(f"{PROJECT}datasets/harbour-museum/delete")
    shot.take("dataset-delete")


def compare(shot: Camera) -> None:
    """The form, the list, the dashboard with both diagrams, the pairs and one of them."""
    page = shot.page
    page.goto(f"{PROJECT}comparisons/new")
    shot.take("comparison-new")
    page.goto(f"{PROJECT}comparisons/")
    shot.take("comparisons")
    page.locator(".comparison-name").first.click()
    page.wait_for_selector("[data-drawing] svg")
    shot.take("overlap")
    page.get_by_role("button", name="UpSet").click()
    page.wait_for_selector("svg.upset")
    shot.take("overlap-upset")
    page.get_by_role("button", name="Venn").click()
    page.keyboard.press("?")
    shot.take("shortcuts", whole=False)
    page.keyboard.press("Escape")
    page.locator("[data-differ] a").click()
    page.wait_for_selector(".pair-list .pair")
    shot.take("pairs")
    page.locator(".pair-list a.whole").nth(2).click()
    page.wait_for_url("**/pairs/*-*/**")
    shot.take("pair")


def press(page: Page, key: str) -> None:
    """Press a key on the review page and wait until another pair, or the end, is shown."""
    before = page.url
    page.keyboard.press(key)
    page.clock.fast_forward(PAUSE_MS)
    page.wait_for_function(
        "before => !document.querySelector('[data-over]').hidden"
        " || (location.href !== before && 'ready' in document.querySelector('[data-stage]').dataset)",
        arg=before,
    )


def review(shot: Camera) -> None:
    """Verdicts by keyboard, the three ways to look, what is left, and the end of a short queue."""
    page = shot.page
    page.clock.install()
    page.goto(f"{PROJECT}review/")
    page.locator(".head .btn.primary").click()
    page.wait_for_selector("[data-stage][data-ready]", state="attached")
    for key in "1112141":
        press(page, key)
    shot.take("review", whole=False)
    page.keyboard.press("d")
    shot.take("review-difference", whole=False)
    page.keyboard.press("s")
    page.keyboard.press("n")
    shot.take("review-note", whole=False)
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelector('[data-outbox]').textContent === 'Saved'")
    page.goto(f"{PROJECT}review/")
    shot.take("review-index")
    page.locator(".review-list a.btn").first.click()
    page.wait_for_selector("[data-stage][data-ready]", state="attached")
    closest = re.sub(r"\?.*", "?signal=phash-8&t=0", page.url)
    page.goto(closest)
    page.wait_for_selector("[data-stage][data-ready], [data-over]:not([hidden])", state="attached")
    while page.locator("[data-over]").is_hidden():
        press(page, "1")
    page.wait_for_function("() => document.querySelector('[data-outbox]').textContent === 'Saved'")
    shot.take("review-end", whole=False)


def split_and_report(shot: Camera) -> None:
    """The form of a split, the split, the list of splits, and the report of the comparison."""
    page = shot.page
    page.goto(f"{PROJECT}splits/new")
    page.get_by_label("Dataset").select_option(label="Harbour museum")
    for name, value in (("n_way", "3"), ("k_shot", "5"), ("n_query", "10"), ("seed", "7")):
        page.locator(f"[name={name}]").fill(value)
    page.wait_for_selector("#available .bars")
    page.wait_for_load_state("networkidle")
    shot.take("split-new")
    page.get_by_role("button", name="Make the split").click()
    page.get_by_role("link", name=re.compile("Download ZIP")).wait_for()
    shot.take("split")
    page.goto(f"{PROJECT}splits/")
    shot.take("splits")
    page.goto(f"{PROJECT}comparisons/")
    page.locator(".comparison-name").first.click()
    page.get_by_role("button", name="Report").click()
    page.get_by_role("link", name=re.compile("Download ZIP")).wait_for()
    shot.take("report")


def publish(folder: Path) -> None:
    """Put the pictures that the documents show into docs/pictures, without loss, since colours name datasets."""
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    for old in PUBLISHED.glob("*.webp"):
        old.unlink()
    for name in IN_DOCS:
        with Image.open(folder / f"{name}.png") as picture:
            picture.convert("RGB").save(PUBLISHED / f"{name}.webp", lossless=True, quality=100)
    total = sum(path.stat().st_size for path in PUBLISHED.iterdir())
    print(f"{len(IN_DOCS)} of them are in {PUBLISHED.relative_to(ROOT)}, {total / 1e6:.1f} MB.")


def main() -> int:
    """Take all pictures; the exit status is 1 where something is wrong with a page."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("--publish", action="store_true", help="also put the best into docs/pictures")
    options = parser.parse_args()
    shutil.rmtree(WANTED, ignore_errors=True)
    WANTED.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory(prefix="screenshots-", dir=ROOT / "var") as var,
        dashboard(Path(var)) as server,
        camera(server, WANTED) as shot,
    ):
        walk(shot, server)
    print(f"{shot.taken} pictures are in {WANTED.relative_to(ROOT)}.")
    for each in shot.wrong:
        print(f"WRONG {each}", file=sys.stderr)
    if options.publish and not shot.wrong:
        publish(WANTED)
    return bool(shot.wrong)


if __name__ == "__main__":
    sys.exit(main())
