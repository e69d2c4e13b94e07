"""What verifiers tell apart, and what a pair costs: ours against the textbook recipe of OpenCV, on real paintings.

    python benchmarks/verification.py [--quick]

The recipe finds keypoints in the whole picture with OpenCV's default parameters, matches them by brute force with a
ratio of 0.75 and counts the inliers of a RANSAC homography. Related are the published pairs of paintings of saints and
the copies that lie among the material; all other pairs of the paintings are unrelated, apart from those that the last
lines name. Details are cut out of 24 paintings at random places and stored as JPEG. Seeded: the same pairs in every
run. Left out, saying so, where the material is absent.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from machine import describe
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.core.verifiers import VERIFIERS, Seen, Verifier
from catalog.core.images import read_image

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TEXTBOOK: dict[str, Any] = {"orb-1": cv2.ORB.create, "sift-1": cv2.SIFT.create}
Picture = NDArray[np.uint8]
Name = tuple[str, str]


def pictures() -> dict[Name, Picture]:
    files = sorted((DATA / "saints" / "images").glob("*/*.jpg"))
    return {(file.parent.name, file.stem): read_image(file.read_bytes()).rgb for file in files}


def published(known: dict[Name, Picture]) -> list[tuple[Name, Name]]:
    found = set()
    for file in sorted((DATA / "saints" / "published").glob("*_cross_duplicates.json")):
        for sides in json.loads(file.read_text()):
            a, b = sorted((side["dataset"], side["name"]) for side in sides)
            if a in known and b in known:
                found.add((a, b))
    return sorted(found)


def textbook(name: str) -> tuple[Callable[[Picture], Any], Callable[[Any, Any], int]]:
    norm, detector = (cv2.NORM_HAMMING if name == "orb-1" else cv2.NORM_L2), TEXTBOOK[name]()

    def see(rgb: Picture) -> Any:
        return detector.detectAndCompute(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), None)

    def compare(a: Any, b: Any) -> int:
        (points_a, of_a), (points_b, of_b) = a, b
        found = cv2.BFMatcher(norm).knnMatch(of_a, of_b, k=2)
        good = [pair[0] for pair in found if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance]
        if len(good) < 4:
            return 0
        one = np.array([points_a[match.queryIdx].pt for match in good], np.float32)
        other = np.array([points_b[match.trainIdx].pt for match in good], np.float32)
        _, mask = cv2.findHomography(one, other, cv2.RANSAC, 5.0)
        return 0 if mask is None else int(mask.sum())

    return see, compare


def inliers(verifier: Verifier, a: Seen, b: Seen) -> int:
    return verifier.compare(a, b).inliers


def measure(
    label: str,
    see: Callable[[Picture], Any],
    compare: Callable[[Any, Any], int],
    known: dict[Name, Picture],
    related: list[tuple[Name, Name]],
    unrelated: list[tuple[Name, Name]],
) -> None:
    seconds = []
    for a, b in [*related[:10], *unrelated[:10]]:
        start = time.perf_counter()
        compare(see(known[a]), see(known[b]))
        seconds.append(time.perf_counter() - start)
    seen = {name: see(known[name]) for name in sorted({name for pair in [*related, *unrelated] for name in pair})}
    counts = {pair: compare(seen[pair[0]], seen[pair[1]]) for pair in [*related, *unrelated]}
    true, false = (np.sort([counts[pair] for pair in pairs]) for pairs in (related, unrelated))
    print(
        f"{label:18} {np.median(seconds):.2f} s a pair (slowest {max(seconds):.2f}); inliers of related pairs: "
        f"{true[:6].tolist()} … median {np.median(true):.0f}; of unrelated ones 99 % ≤ {np.percentile(false, 99):.0f}, "
        f"highest {false[:-9:-1].tolist()}"
    )
    for pair in sorted(unrelated, key=lambda pair: -counts[pair])[:12]:
        if counts[pair] >= 10:
            print(f"    {counts[pair]:5}  {' '.join(pair[0])} – {' '.join(pair[1])}")


def details(known: dict[Name, Picture], part: float) -> list[tuple[Picture, Picture]]:
    """Paintings with a detail of each, so many times as wide and high as the whole."""
    rng = np.random.default_rng(1)
    made = []
    for row in sorted(rng.choice(len(known), 24, replace=False).tolist()):
        whole = list(known.values())[row]
        height, width = (round(side * part) for side in whole.shape[:2])
        top, left = rng.integers(whole.shape[0] - height + 1), rng.integers(whole.shape[1] - width + 1)
        encoded = cv2.imencode(".jpg", whole[top : top + height, left : left + width], [cv2.IMWRITE_JPEG_QUALITY, 70])
        made.append((whole, np.asarray(cv2.imdecode(encoded[1], cv2.IMREAD_COLOR), np.uint8)))
    return made


def measure_details(known: dict[Name, Picture]) -> None:
    """How many details of which size each verifier is sure of."""
    for part in (1 / 2, 1 / 3, 1 / 4):
        cut = details(known, part)
        sure = {
            verifier.title: sum(
                inliers(verifier, verifier.see(whole), verifier.see(detail)) >= verifier.default_inliers
                for whole, detail in cut
            )
            for verifier in VERIFIERS.values()
        }
        print(
            f"details of 1/{1 / part:.0f} of the width, of {len(cut)}:", ", ".join(f"{t} {n}" for t, n in sure.items())
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 unrelated pairs instead of 600")
    n_unrelated = 100 if parser.parse_args().quick else 600
    print(describe("opencv-contrib-python-headless", "numpy"), f"{cv2.getNumThreads()} threads", sep="; ")
    if not (DATA / "README.md").is_file():
        print("Left out: the real material does not lie beside the project.")
        return 0
    known = pictures()
    related = published(known)
    others = [pair for pair in itertools.combinations(sorted(known), 2) if pair not in set(related)]
    chosen = np.random.default_rng(0).choice(len(others), n_unrelated, replace=False)
    unrelated = [others[row] for row in sorted(chosen.tolist())]
    print(f"{len(known)} paintings, {len(related)} published pairs, {len(unrelated):,} of {len(others):,} other pairs")
    for name, verifier in VERIFIERS.items():
        measure(name, verifier.see, partial(inliers, verifier), known, related, unrelated)
    measure_details(known)
    for name in TEXTBOOK:
        measure(f"textbook {name[:-2].upper()}", *textbook(name), known, related, unrelated)
    return 0


if __name__ == "__main__":
    sys.exit(main())
