"""The hashes that comparisons ask for are those of pdqhash, OpenCV and ImageHash, and find what their summaries say."""

from __future__ import annotations

import io
import itertools
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import imagehash
import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from analysis.core.arrays import PackedBits
from analysis.core.hashes import HASHES, Rendition, as_stored, compute, crop_resistant
from catalog.core.images import read_image
from tests.core.golden import pictures
from tests.shared import shared_data

IMG_HASH: Any = cv2.img_hash  # its stub lists no constructors
OPENCV: dict[str, Any] = {
    "opencv_block_mean-0": IMG_HASH.BlockMeanHash_create(mode=0),
    "opencv_block_mean-1": IMG_HASH.BlockMeanHash_create(mode=1),
    "marr_hildreth-576": IMG_HASH.MarrHildrethHash_create(),
    "radial_variance-40": IMG_HASH.RadialVarianceHash_create(),
    "color_moments-42": IMG_HASH.ColorMomentHash_create(),
}
NAMES = [name for name, entry in HASHES.items() if not entry.at_import]
SIDE = st.one_of(st.integers(1, 12), st.integers(13, 300), st.sampled_from([63, 64, 65, 127, 128, 129, 256]))


def opened_by_opencv(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture as OpenCV itself reads it from a file without loss."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return np.asarray(cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR))


def library(rgb: NDArray[np.uint8], name: str) -> bytes:
    """What the library that a hash is known from gives."""
    if name == "pdq-256":
        bits, quality = pdqhash.compute(np.ascontiguousarray(rgb))
        return np.packbits(bits).tobytes() + bytes([quality])
    if name == "crop_resistant-64":
        segments = imagehash.crop_resistant_hash(Image.fromarray(rgb)).segment_hashes
        return b"".join(np.packbits(segment.hash).tobytes() for segment in segments)
    return bytes(OPENCV[name].compute(opened_by_opencv(rgb)).tobytes())


def assert_equal_to_libraries(rgb: NDArray[np.uint8], names: list[str]) -> None:
    for name, described in compute(rgb, names).items():
        assert described.tobytes() == library(rgb, name), name


@cache
def described(path: Path) -> dict[str, bytes]:
    rgb = read_image(path.read_bytes()).rgb
    return {name: value.tobytes() for name, value in compute(rgb, NAMES).items()}


def test_each_states_its_parameters() -> None:
    assert set(NAMES) == {*OPENCV, "pdq-256", "crop_resistant-64"}


@pytest.mark.parametrize("name", NAMES)
def test_every_hash_keeps_its_contract(name: str) -> None:
    entry = HASHES[name]
    descriptor = entry.describe(Rendition(pictures.draw()["painting"]))
    assert entry.name == name
    assert entry.title
    assert entry.summary.endswith(".")
    assert descriptor.dtype == np.uint8
    assert descriptor.ndim == 1
    assert entry.metric.width in {None, len(descriptor)}
    assert entry.metric.scale.threshold(entry.default_distance) == pytest.approx(entry.default_distance)
    assert 0 < entry.default_distance < entry.metric.scale.unrelated
    assert entry.metric.distance(descriptor.tobytes(), descriptor.tobytes()) == 0
    view = pictures.draw()["painting"][::-1, ::2]
    np.testing.assert_array_equal(compute(view, [name])[name], compute(view.copy(), [name])[name])


@pytest.mark.parametrize("picture", list(pictures.draw()))
def test_drawn_pictures_give_what_the_libraries_give(picture: str) -> None:
    assert_equal_to_libraries(pictures.draw()[picture], NAMES)


@settings(max_examples=150, deadline=None)
@given(width=SIDE, height=SIDE, kind=st.sampled_from(pictures.KINDS), seed=st.integers(0, 2**32 - 1))
def test_random_pictures_give_what_the_libraries_give(width: int, height: int, kind: str, seed: int) -> None:
    # ImageHash finds its regions in a second: a few of them are enough, below.
    quick = [name for name in NAMES if name != "crop_resistant-64"]
    assert_equal_to_libraries(pictures.random(kind, height, width, np.random.default_rng(seed)), quick)


@pytest.mark.parametrize(("width", "height"), [(1, 5000), (5000, 1), (4, 3000), (3000, 5), (1, 1), (2600, 1700)])
def test_extreme_sizes_give_what_the_libraries_give(width: int, height: int) -> None:
    assert_equal_to_libraries(pictures.random("photograph", height, width, np.random.default_rng(7)), NAMES)


@settings(max_examples=8, deadline=None)
@given(
    side=st.sampled_from([7, 60, 300]),
    kind=st.sampled_from(["noise", "photograph", "palette", "bars"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_segments_are_those_of_imagehash(side: int, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert_equal_to_libraries(pictures.random(kind, side, int(rng.integers(1, 400)), rng), ["crop_resistant-64"])


def test_the_library_stops_before_the_last_dark_regions() -> None:
    """Two dark stripes on bright ground: the second lies in what the library leaves out, for it counts the border."""
    rgb = np.full((300, 300, 3), 255, np.uint8)
    rgb[100:200] = 0
    rgb[297:] = 0
    assert_equal_to_libraries(rgb, ["crop_resistant-64"])
    bright = np.ones((300, 300), np.bool_)
    bright[100:200] = False
    bright[297:] = False
    assert len(crop_resistant._segments(bright)) == 3
    bright[290:] = False
    assert len(crop_resistant._segments(bright)) == 4


def test_a_checkerboard_ends() -> None:
    """ImageHash fails on regions of single pixels, after minutes: here they are none, and the whole picture is one."""
    rgb = np.repeat((np.indices((300, 300)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    pixels = np.indices((300, 300)).sum(axis=0) % 2 == 0
    assert crop_resistant._segments(pixels) == []
    assert HASHES["crop_resistant-64"].note(compute(rgb, ["crop_resistant-64"])["crop_resistant-64"].tobytes())


def test_notes_say_what_distances_do_not() -> None:
    pdq, segments = HASHES["pdq-256"], HASHES["crop_resistant-64"]
    flat = np.full((200, 300, 3), 200, np.uint8)
    assert pdq.note(pdq.describe(Rendition(flat)).tobytes()) == "quality 0 of 100, too flat to trust"
    listed = as_stored("pdq-256", PackedBits(np.zeros((1, 32), np.uint8), 256))
    assert pdq.note(listed[0].tobytes()) == "quality not known"
    assert segments.note(segments.describe(Rendition(flat)).tobytes()) == "1 segment"
    assert pdq.note(pdq.describe(Rendition(pictures.draw()["painting"])).tobytes()) == "quality 100 of 100"
    assert HASHES["phash-8"].note(bytes(8)) == ""


def test_qualities_do_not_count_as_distance() -> None:
    metric = HASHES["pdq-256"].metric
    assert metric.distance(bytes(32) + b"\x00", bytes(31) + b"\x03" + b"\x64") == 2


@pytest.mark.shared_data
def test_real_images_give_what_the_libraries_give() -> None:
    data = shared_data()
    paths = [
        *sorted((data / "saints" / "images").rglob("*.jpg"))[::20],
        *sorted((data / "copies" / "caltech_resized").glob("*.jpg"))[::20],
        *sorted((data / "copies" / "potatoes_two_folders").rglob("*.png"))[::16],
    ]
    assert len(paths) > 10
    quick = [name for name in NAMES if name != "crop_resistant-64"]
    for i, path in enumerate(paths):
        assert_equal_to_libraries(read_image(path.read_bytes()).rgb, quick if i % 4 else NAMES)


@pytest.mark.shared_data
def test_crops_are_found_by_their_segments_alone() -> None:
    """Three quarters of each painting, cut from a corner: most lie within the usual distance, and no other picture."""
    paths = sorted((shared_data() / "saints" / "images" / "wikidata").glob("*.jpg"))[::2]
    pictures_of = [read_image(path.read_bytes()).rgb for path in paths]
    crops = [rgb[: round(rgb.shape[0] * 0.87), : round(rgb.shape[1] * 0.87)] for rgb in pictures_of]
    found = {}
    for name in ("crop_resistant-64", "pdq-256"):
        entry = HASHES[name]
        whole = entry.metric.stack([compute(rgb, [name])[name].tobytes() for rgb in pictures_of])
        parts = entry.metric.stack([compute(rgb, [name])[name].tobytes() for rgb in crops])
        pairs = entry.metric.join(whole, parts, entry.default_distance, max_pairs=1000)
        assert (pairs.a == pairs.b).all()
        found[name] = len(pairs) / len(paths)
    assert found["crop_resistant-64"] > 0.6
    assert found["pdq-256"] == 0


@pytest.mark.shared_data
@pytest.mark.parametrize("name", list(OPENCV))
def test_distances_of_real_images_are_those_that_opencv_states(name: str) -> None:
    paths = sorted((shared_data() / "copies" / "caltech_resized").glob("*.jpg"))[:14]
    for one, other in itertools.combinations(paths, 2):
        left, right = described(one)[name], described(other)[name]
        dtype = np.float64 if name == "color_moments-42" else np.uint8
        stated = OPENCV[name].compare(np.frombuffer(left, dtype)[None], np.frombuffer(right, dtype)[None])
        if name == "radial_variance-40":
            stated = 1 - stated
        assert HASHES[name].metric.distance(left, right) == pytest.approx(stated, rel=1e-6, abs=2e-6)


@pytest.mark.shared_data
def test_segments_match_where_imagehash_says_so() -> None:
    paths = sorted((shared_data() / "copies" / "bridge_edits").glob("*.jpg"))[:6]
    metric = HASHES["crop_resistant-64"].metric
    stored = [described(path)["crop_resistant-64"] for path in paths]
    theirs = [
        imagehash.ImageMultiHash(
            [imagehash.ImageHash(bits.reshape(8, 8)) for bits in np.unpackbits(row.reshape(-1, 8), axis=1).astype(bool)]
        )
        for row in (np.frombuffer(value, np.uint8) for value in stored)
    ]
    for (a, left), (b, right) in itertools.combinations(zip(stored, theirs, strict=True), 2):
        distance = metric.distance(a, b)
        assert left.matches(right, region_cutoff=1, hamming_cutoff=distance)
        assert not left.matches(right, region_cutoff=1, hamming_cutoff=distance - 1)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "edits", "turned"),
    [
        ("pdq-256", 11, 0),
        ("opencv_block_mean-0", 11, 0),
        ("opencv_block_mean-1", 11, 0),
        ("marr_hildreth-576", 11, 0),
        ("radial_variance-40", 8, 0),
        ("color_moments-42", 5, 7),
        ("crop_resistant-64", 11, 0),
    ],
)
def test_what_each_finds_among_the_bridges(name: str, edits: int, turned: int) -> None:
    """How many of 11 edits and of 7 turned copies lie within the usual distance of the original."""
    entry = HASHES[name]
    for folder, count in (("bridge_edits", edits), ("bridge_rotations", turned)):
        original = next((shared_data() / "copies" / folder).glob("*orig*"))
        others = [p for p in sorted((shared_data() / "copies" / folder).glob("*.jpg")) if p != original]
        near = [
            entry.metric.distance(described(original)[name], described(path)[name]) <= entry.default_distance
            for path in others
        ]
        assert sum(near) == count, folder


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["pdq-256", "opencv_block_mean-0", "opencv_block_mean-1", "marr_hildreth-576"])
def test_resized_copies_fall_into_their_groups(name: str) -> None:
    entry = HASHES[name]
    paths = sorted((shared_data() / "copies" / "caltech_resized").glob("*.jpg"))
    stack = entry.metric.stack([described(path)[name] for path in paths])
    pairs = entry.metric.join(stack, None, entry.default_distance, max_pairs=10_000)
    group = np.arange(len(paths))
    for a, b in zip(pairs.a.tolist(), pairs.b.tolist(), strict=True):
        group[group == group[b]] = group[a]
    assert len(set(group.tolist())) == 17
