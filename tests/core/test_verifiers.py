"""Verifiers: the transformation that made a copy is found again, and nothing is found where there is nothing."""

from __future__ import annotations

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from analysis.core.errors import InvalidArray, UnknownName
from analysis.core.orientations import turned
from analysis.core.verifiers import FEWEST_INLIERS, VERIFIERS, Finding, Transformation, sentences, verify, versions
from analysis.core.verifiers._transformation import describe, estimate
from tests.scenes import scene

NAMES = ("akaze-1", "orb-1", "sift-1")
Picture = NDArray[np.uint8]


def warped(
    picture: Picture, corners: NDArray[np.float32], size: tuple[int, int]
) -> tuple[Picture, NDArray[np.float64]]:
    """What lies between four corners (from the top left, clockwise), as a picture, and the homography that made it."""
    width, height = size
    ends = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    truth = np.asarray(cv2.getPerspectiveTransform(corners, ends), np.float64)
    return np.asarray(cv2.warpPerspective(picture, truth, size, flags=cv2.INTER_LINEAR), np.uint8), truth


def off(found: Finding, truth: NDArray[np.float64], points: NDArray[np.float32]) -> float:
    """By how many pixels of b the points of a miss their true place, at most."""
    assert found.transformation is not None
    moved = [cv2.perspectiveTransform(points[None], h)[0] for h in (found.transformation.homography, truth)]
    return float(np.linalg.norm(moved[0] - moved[1], axis=1).max())


def test_there_are_three_and_each_says_what_it_is() -> None:
    assert tuple(VERIFIERS) == NAMES
    for name, verifier in VERIFIERS.items():
        assert re.fullmatch(r"[a-z0-9]+-\d+", name)
        assert verifier.title
        assert verifier.summary.endswith(".")
        assert verifier.default_inliers > FEWEST_INLIERS
    assert set(versions()) == {"opencv", "numpy"}


def test_an_unknown_name_is_told_which_exist() -> None:
    with pytest.raises(UnknownName, match="sift-1"):
        verify("sift-0", scene(0), scene(0))


@pytest.mark.parametrize("name", NAMES)
def test_no_picture_is_refused(name: str) -> None:
    with pytest.raises(InvalidArray):
        VERIFIERS[name].see(np.zeros((5, 5), np.uint8))
    with pytest.raises(InvalidArray):
        VERIFIERS[name].see(np.zeros((0, 5, 3), np.uint8))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (7, 5), (300, 400)])
def test_flat_and_tiny_pictures_have_nothing_to_hold_on_to(name: str, shape: tuple[int, int]) -> None:
    flat = np.full((*shape, 3), 200, np.uint8)
    for a, b in ((flat, flat), (flat, scene(1)), (scene(1), flat)):
        found = verify(name, a, b)
        assert (found.matches, found.inliers, found.mirrored, found.transformation) == (0, 0, False, None)
        assert min(found.keypoints_a, found.keypoints_b) == 0


@pytest.mark.parametrize("name", NAMES)
def test_unrelated_pictures_share_no_transformation(name: str) -> None:
    for seed in range(2):
        found = verify(name, scene(seed), scene(seed + 50))
        assert found.inliers == 0
        assert found.transformation is None
        assert not found.inlying.any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("corners", "size"),
    [
        ([[0, 0], [639, 0], [639, 479], [0, 479]], (320, 240)),
        ([[160, 120], [479, 120], [479, 359], [160, 359]], (640, 480)),
        ([[300, 20], [560, 170], [440, 378], [180, 228]], (450, 360)),
        ([[40, 30], [600, 10], [620, 460], [20, 440]], (500, 500)),
    ],
    ids=["smaller", "detail", "turned detail", "from an angle, squeezed"],
)
def test_the_homography_of_a_copy_is_recovered(
    name: str, mirrored: bool, corners: list[list[int]], size: tuple[int, int]
) -> None:
    a = scene(3)
    b, truth = warped(a, np.array(corners, np.float32), size)
    if mirrored:
        b = np.ascontiguousarray(b[:, ::-1])
        truth = np.array([[-1, 0, size[0] - 1], [0, 1, 0], [0, 0, 1]]) @ truth
    found = verify(name, a, b)
    assert found.mirrored is mirrored
    assert found.inliers >= VERIFIERS[name].default_inliers
    assert off(found, truth, np.array(corners, np.float32)) < 3.0
    inlying = found.inlying
    ends = cv2.perspectiveTransform(found.points_a[None, inlying], truth)[0]
    assert np.median(np.linalg.norm(ends - found.points_b[inlying], axis=1)) < 2.0
    assert found.points_a.shape == found.points_b.shape == (found.matches, 2)


@pytest.mark.parametrize("name", NAMES)
def test_scale_turn_and_parts_are_said(name: str) -> None:
    a = scene(4)
    # The right half of the middle, turned by 90° to the left, twice as large.
    part = np.ascontiguousarray(np.rot90(a[120:360, 320:640]))
    b = np.asarray(cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
    seen = verify(name, a, b).transformation
    assert seen is not None
    assert seen.scale == pytest.approx(2, rel=0.01)
    assert seen.stretch == pytest.approx(1, rel=0.01)
    assert seen.rotation == pytest.approx(-90, abs=0.5)
    assert seen.box_a == pytest.approx((0.5, 0.25, 1, 0.75), abs=0.01)
    assert seen.box_b == pytest.approx((0, 0, 1, 1), abs=0.01)
    assert seen.share_a == pytest.approx(0.25, abs=0.01)
    assert seen.share_b == pytest.approx(1, abs=0.01)
    # The other way round it is the inverse.
    back = verify(name, b, a).transformation
    assert back is not None
    assert back.scale == pytest.approx(0.5, rel=0.01)
    assert back.rotation == pytest.approx(90, abs=0.5)
    assert back.box_b == pytest.approx((0.5, 0.25, 1, 0.75), abs=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_counted_from_their_centres(name: str) -> None:
    """Both pictures have another working size than their own; half a pixel off would move the middle by that much."""
    a = np.asarray(cv2.resize(scene(7), (1600, 1200), interpolation=cv2.INTER_CUBIC), np.uint8)
    b = np.asarray(cv2.resize(a, (400, 300), interpolation=cv2.INTER_AREA), np.uint8)
    truth = np.array([[0.25, 0, -0.375], [0, 0.25, -0.375], [0, 0, 1]], np.float64)
    assert off(verify(name, a, b), truth, np.array([[799.5, 599.5]], np.float32)) < 0.1
    flip = np.array([[-1, 0, 399], [0, 1, 0], [0, 0, 1]], np.float64)
    mirrored = np.ascontiguousarray(b[:, ::-1])
    assert off(verify(name, a, mirrored), flip @ truth, np.array([[799.5, 599.5]], np.float32)) < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_same_pictures_give_the_same_finding_whatever_runs_beside(name: str) -> None:
    a = scene(5)
    b = scene(6)
    b[100:300, 100:400] = a[150:350, 200:500]
    first = verify(name, a, b)
    assert first.inliers >= FEWEST_INLIERS
    cv2.setRNGSeed(99)
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: verify(name, a, b), range(4)))
    for found in again:
        assert found.transformation is not None
        assert first.transformation is not None
        np.testing.assert_array_equal(found.points_a, first.points_a)
        np.testing.assert_array_equal(found.inlying, first.inlying)
        np.testing.assert_array_equal(found.transformation.homography, first.transformation.homography)


points = arrays(np.float32, st.tuples(st.integers(0, 40), st.just(4)), elements=st.floats(0, 800, width=32))


@given(points)
@settings(max_examples=150, deadline=None)
def test_whatever_was_matched_the_estimate_is_none_or_a_way_to_see_a_flat_picture(found: NDArray[np.float32]) -> None:
    homography, inlying = estimate(found[:, :2].copy(), found[:, 2:].copy())
    assert inlying.shape == (len(found),)
    if homography is None:
        assert not inlying.any()
        return
    a = found[inlying, :2]
    depths = a @ homography[2, :2] + homography[2, 2]
    assert (depths > 0).all()
    assert np.linalg.det(homography) > 0


@pytest.mark.parametrize(
    "ends",
    [
        lambda a: a * [1.0, 0.001] + [0, 300],  # onto a line
        lambda a: a * 0.001 + 400,  # onto a point
        lambda a: a * [-1, 1] + [800, 0],  # mirrored, which is tried apart
        lambda a: a * [1.0, 0.2],  # squeezed to a fifth
        lambda a: a * 0.05,
    ],
    ids=["line", "point", "mirrored", "squeezed", "minute"],
)
def test_what_no_picture_of_a_picture_looks_like_is_no_transformation(ends: object) -> None:
    a = np.random.default_rng(1).uniform(0, 800, (60, 2)).astype(np.float32)
    assert callable(ends)
    homography, inlying = estimate(a, ends(a).astype(np.float32))
    assert homography is None
    assert not inlying.any()


@given(
    angle=st.floats(-math.pi, math.pi),
    scale=st.floats(0.2, 5),
    shift=st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
    depth=st.tuples(st.floats(-1e-3, 1e-3), st.floats(-1e-3, 1e-3)),
    mirrored=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_boxes_and_shares_are_those_of_counted_points(
    angle: float, scale: float, shift: tuple[float, float], depth: tuple[float, float], mirrored: bool
) -> None:
    """Against brute force: every point of a grid is moved and looked whether it falls into the other picture."""
    size_a, size_b = (400, 300), (320, 360)
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    homography = np.array([[c, -s, 160 + shift[0]], [s, c, 180 + shift[1]], [0, 0, 1]]) @ np.array(
        [[1, 0, -200], [0, 1, -150], [*depth, 1 - depth[0] * 200 - depth[1] * 150]]
    )
    if mirrored:
        homography = np.diag([-1.0, 1, 1]) @ homography + np.outer([319, 0, 0], homography[2])
    middle = np.array([200.0, 150.0])
    found = describe(homography, middle=middle, mirrored=mirrored, size_a=size_a, size_b=size_b)
    for box, share, way, size, other in (
        (found.box_a, found.share_a, homography, size_a, size_b),
        (found.box_b, found.share_b, np.linalg.inv(homography), size_b, size_a),
    ):
        x, y = np.meshgrid((np.arange(200) + 0.5) / 200, (np.arange(200) + 0.5) / 200)
        ends = np.stack([x * size[0] - 0.5, y * size[1] - 0.5, np.ones_like(x)], axis=-1) @ way.T
        forward = homography[2] @ [*middle, 1]
        front = ends[..., 2] * (forward if way is homography else 1 / forward) > 0
        with np.errstate(all="ignore"):
            u, v = ends[..., 0] / ends[..., 2], ends[..., 1] / ends[..., 2]
        inside = front & (u >= -0.5) & (u <= other[0] - 0.5) & (v >= -0.5) & (v <= other[1] - 0.5)
        assert share == pytest.approx(inside.mean(), abs=0.02)
        if inside.mean() > 0.01:
            counted = x[inside].min(), y[inside].min(), x[inside].max(), y[inside].max()
            assert box == pytest.approx(counted, abs=0.06)
    if not any(depth):
        assert found.scale == pytest.approx(scale)
        turned_by = (found.rotation - math.degrees(angle) + 180) % 360 - 180
        assert turned_by == pytest.approx(0, abs=1e-6)


def made(**changes: Any) -> Transformation:
    whole: dict[str, Any] = {"homography": np.eye(3), "scale": 1.0, "stretch": 1.0, "rotation": 0.0}
    boxes = {"box_a": (0.0, 0.0, 1.0, 1.0), "box_b": (0.0, 0.0, 1.0, 1.0), "share_a": 1.0, "share_b": 1.0}
    return Transformation(**(whole | boxes | changes))


@pytest.mark.parametrize(
    ("found", "mirrored", "said"),
    [
        (made(), False, ["Both show the whole picture."]),
        (
            made(share_a=0.25, scale=2.0),
            False,
            [
                "The second is a detail: it shows 25 % of the first.",
                "The same things are 2 × larger in the second.",
            ],
        ),
        (
            made(share_b=0.004, scale=0.1),
            False,
            [
                "The first is a detail: it shows less than 1 % of the second.",
                "The same things are 10 × larger in the first.",
            ],
        ),
        (made(share_b=0.96), False, ["The first is trimmed: it shows 96 % of the second."]),
        (
            made(share_a=0.6, share_b=0.7),
            False,
            ["They overlap: the second shows 60 % of the first, the first 70 % of the second."],
        ),
        (made(rotation=-90.4), False, ["Both show the whole picture.", "The second is turned by 90° to the left."]),
        (made(rotation=12.3), False, ["Both show the whole picture.", "The second is turned by 12° to the right."]),
        (made(rotation=-179.8), False, ["Both show the whole picture.", "The second is turned by 180°."]),
        (made(), True, ["Both show the whole picture.", "The second is mirrored left–right."]),
        (made(rotation=179.9), True, ["Both show the whole picture.", "The second is mirrored top–bottom."]),
        (
            made(rotation=90),
            True,
            ["Both show the whole picture.", "The second is turned by 90° to the right, then mirrored left–right."],
        ),
        (
            made(stretch=0.64),
            False,
            ["Both show the whole picture.", "The second is squeezed: 0.64 × as wide for its height."],
        ),
    ],
)
def test_a_transformation_is_said_in_sentences(found: Transformation, mirrored: bool, said: list[str]) -> None:
    assert sentences(found, mirrored=mirrored) == said


def test_json_gives_back_the_same_transformation() -> None:
    found = verify("orb-1", scene(2), scene(2, (320, 240))).transformation or made(rotation=3.5, box_a=(0.1, 0, 1, 1))
    back = Transformation.from_json(json.loads(json.dumps(found.as_json() | {"lines": []})))
    np.testing.assert_array_equal(back.homography, found.homography)
    assert back.box_a == found.box_a
    assert back.as_json() == found.as_json()


def test_an_orientation_of_exif_is_recovered() -> None:
    a = scene(8)
    rotations = {1: (0, False), 2: (0, True), 3: (180, False), 4: (180, True), 6: (90, False), 8: (-90, False)}
    # A transposed picture, mirrored, is the picture turned to the right.
    rotations |= {5: (90, True), 7: (-90, True)}
    for orientation, (rotation, mirrored) in rotations.items():
        found = verify("orb-1", a, turned(a, orientation))
        assert found.transformation is not None
        assert found.mirrored is mirrored
        assert (found.transformation.rotation - rotation + 180) % 360 - 180 == pytest.approx(0, abs=0.5), orientation
