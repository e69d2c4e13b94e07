"""Verifiers on real pictures: copies that are known, and paintings that look alike."""

from __future__ import annotations

import csv
import itertools
import json
import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from analysis.core.verifiers import VERIFIERS, verify
from catalog.core.images import read_image
from tests.core.test_verifiers import NAMES, Picture
from tests.shared import shared_data


@lru_cache(maxsize=32)
def read(path: Path) -> Picture:
    return read_image(path.read_bytes()).rgb


@pytest.mark.shared_data
@pytest.mark.parametrize("name", NAMES)
def test_real_turned_and_mirrored_copies(name: str) -> None:
    folder = shared_data() / "copies" / "bridge_rotations"
    original = read(folder / "bridge-1-original.jpg")
    made = {
        "2-rotate-90": (-90, False),
        "3-rotate-180": (180, False),
        "4-rotate-270": (90, False),
        "5-flipx": (180, True),
        "6-flipy": (0, True),
        "7-flip-plus-1": (90, True),
        "8-flip-minus-1": (-90, True),
    }
    for file, (rotation, mirrored) in made.items():
        found = verify(name, original, read(folder / f"bridge-{file}.jpg"))
        assert found.inliers >= 1000, file
        assert found.mirrored is mirrored, file
        assert found.transformation is not None
        assert (found.transformation.rotation - rotation + 180) % 360 - 180 == pytest.approx(0, abs=0.5), file
        assert found.transformation.scale == pytest.approx(1, rel=0.01)
        assert min(found.transformation.share_a, found.transformation.share_b) > 0.99


@pytest.mark.shared_data
@pytest.mark.parametrize("name", NAMES)
def test_real_edits_are_the_same_picture_in_another_size(name: str) -> None:
    folder = shared_data() / "copies" / "bridge_edits"
    original = read(folder / "aaa-orig.jpg")
    seen = VERIFIERS[name].see(original)
    for path in sorted(folder.glob("*.jpg")):
        edit = read(path)
        found = VERIFIERS[name].compare(seen, VERIFIERS[name].see(edit))
        assert found.inliers >= 3 * VERIFIERS[name].default_inliers, path.name
        assert not found.mirrored
        assert found.transformation is not None
        wide, high = edit.shape[1] / original.shape[1], edit.shape[0] / original.shape[0]
        assert found.transformation.scale == pytest.approx(math.sqrt(wide * high), rel=0.02), path.name
        assert found.transformation.stretch == pytest.approx(wide / high, rel=0.02), path.name
        assert min(found.transformation.share_a, found.transformation.share_b) > 0.98, path.name


@pytest.mark.shared_data
def test_real_resized_copies_are_found_with_their_scale() -> None:
    """The first two of each of the 17 groups, and the first of each with the first of the next; slow ones on a few."""
    folder = shared_data() / "copies" / "caltech_resized"
    groups = [group[:2] for group in _groups(folder) if len(group) > 1]
    assert len(groups) == 17
    for name in NAMES:
        verifier = VERIFIERS[name]
        pictures = [[read(path) for path in group] for group in (groups if name == "orb-1" else groups[::5])]
        seen = [[verifier.see(picture) for picture in group] for group in pictures]
        for (a, b), (one, other) in zip(pictures, seen, strict=True):
            found = verifier.compare(one, other)
            assert found.inliers >= verifier.default_inliers
            assert found.transformation is not None
            by_size = math.sqrt(b.shape[0] * b.shape[1] / (a.shape[0] * a.shape[1]))
            assert found.transformation.scale == pytest.approx(by_size, rel=0.02)
        for one, following in itertools.pairwise(first for first, _ in seen):
            assert verifier.compare(one, following).inliers < verifier.default_inliers


def _groups(folder: Path) -> list[list[Path]]:
    """The copies by their original, as phash at ≤ 8 tells them (checked by those who brought the material)."""
    from analysis.core.arrays import PackedBits
    from analysis.core.clusters import connected, members
    from analysis.core.hashes import compute
    from analysis.core.search import hamming_join

    paths = sorted(folder.glob("*.jpg"))
    packed = np.stack([compute(read(path), ["phash-8"])["phash-8"] for path in paths])
    cluster = connected(len(paths), hamming_join(PackedBits(packed, 64), None, 8))
    return [[paths[row] for row in group] for group in members(cluster)]


SAME_COMPOSITION = {"Q4448822", "Q17321337", "Q29939692", "Q15974339", "IIHIM_RIJKS_1401436342"}
"""Paintings of one composition, and an engraving after it: neither copies nor unrelated."""
FALSE = {"ICCD3163621_13815-H", "ICCD3710537_375754"}
"""What the published block mean pairs have wrong."""


@pytest.mark.shared_data
@pytest.mark.parametrize("name", NAMES)
def test_published_pairs_of_paintings_are_told_from_others(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data() / "saints"
    with (folder / "manifest.csv").open(encoding="utf-8") as stream:
        files = {(row["dataset"], row["name"]): folder / "images" / row["file"] for row in csv.DictReader(stream)}
    pairs = {
        tuple(sorted((side["dataset"], side["name"]) for side in sides))
        for file in ("perceptual", "robust")
        for sides in json.loads((folder / "published" / f"{file}_cross_duplicates.json").read_text())
    }
    known = sorted(pair for pair in pairs if pair[0] in files and pair[1] in files)
    true = [pair for pair in known if not FALSE & {pair[0][1], pair[1][1]}]
    same = [pair for pair in true if not SAME_COMPOSITION & {pair[0][1], pair[1][1]}][::6]
    false = [pair for pair in known if pair not in true]
    others = [
        (one[0], following[1])
        for one, following in zip(same, same[1:] + same[:1], strict=True)
        if (one[0], following[1]) not in pairs
    ]
    verifier = VERIFIERS[name]
    wanted = sorted({each for pair in [*same, *false, *others] for each in pair})
    seen = {each: verifier.see(read(files[each])) for each in wanted}
    inliers = {pair: verifier.compare(seen[pair[0]], seen[pair[1]]).inliers for pair in [*same, *false, *others]}
    with capsys.disabled():
        low, high = min(inliers[pair] for pair in same), max(inliers[pair] for pair in [*false, *others])
        print(f"\n{name}: {len(same)} published pairs ≥ {low} inliers, {len(false) + len(others)} others ≤ {high}")
    assert len(same) == 7
    assert len(false) == 2
    assert min(inliers[pair] for pair in same) >= verifier.default_inliers
    assert max(inliers[pair] for pair in [*false, *others]) < verifier.default_inliers
