"""Every metric's join gives the pairs that its distance gives one by one, no more and no fewer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.core.arrays import Pairs
from analysis.core.errors import InvalidArray, TooManyPairs
from analysis.core.metrics import CircularCorrelation, EuclideanDistance, Hamming, Metric, Segments, TaggedHamming
from analysis.core.metrics import segments as segments_module
from analysis.core.scales import Euclidean

Draw = Callable[[np.random.Generator], bytes]

IMG_HASH: Any = cv2.img_hash  # its stub lists no constructors
EUCLIDEAN = EuclideanDistance(5, 10.0, Euclidean(reach=100.0, step=0.5))


def _bits(rng: np.random.Generator, n_bytes: int) -> bytes:
    """Few distinct values, so that equal and near rows are common."""
    return bytes(rng.choice([0, 0, 0, 1, 3, 255], n_bytes).tolist())


def _sequence(rng: np.random.Generator) -> bytes:
    turned = np.roll([0, 9, 40, 200, 90, 30, 255], rng.integers(7))
    noise = rng.integers(-6, 7, 7) * rng.integers(2)
    return bytes(np.clip(turned * rng.integers(2) + noise, 0, 255).tolist())


def _vector(rng: np.random.Generator) -> bytes:
    scale = 10.0 ** rng.integers(-3, 6, 5)
    values = rng.integers(-2, 3, 5) * rng.choice([1.0, 1e-9], 5) + rng.choice([0.0, 1.0]) * scale
    return bytes(values.astype("<f8").tobytes())


METRICS: dict[str, tuple[Metric[Any], Draw]] = {
    "bits": (Hamming(20), lambda rng: _bits(rng, 2) + b"\x10"),
    "tagged": (TaggedHamming(16, 1), lambda rng: _bits(rng, 2) + bytes([int(rng.integers(101))])),
    "circular": (CircularCorrelation(7), _sequence),
    "euclidean": (EUCLIDEAN, _vector),
    # Along one line the window that is looked at ends exactly at the distance.
    "line": (EuclideanDistance(1, 10.0, EUCLIDEAN.scale), lambda rng: bytes((rng.integers(30, size=1) / 10).tobytes())),
    "segments": (Segments(16), lambda rng: _bits(rng, 2 * int(rng.integers(1, 5)))),
}
METRIC = st.sampled_from(sorted(METRICS))


def rows_of(name: str, n: int, rng: np.random.Generator) -> list[bytes]:
    """Descriptors, a third of them seen before."""
    drawn: list[bytes] = []
    for _ in range(n):
        again = bool(drawn) and rng.random() < 1 / 3
        drawn.append(drawn[int(rng.integers(len(drawn)))] if again else METRICS[name][1](rng))
    return drawn


def brute_force(
    metric: Metric[Any], first: list[bytes], second: list[bytes] | None, limit: float
) -> list[tuple[int, int, float]]:
    places = (
        itertools.combinations(range(len(first)), 2)
        if second is None
        else itertools.product(range(len(first)), range(len(second)))
    )
    other = first if second is None else second
    distances = ((a, b, metric.distance(first[a], other[b])) for a, b in places)
    return [(a, b, distance) for a, b, distance in distances if distance <= limit]


def listed(pairs: Pairs) -> list[tuple[int, int, float]]:
    return list(zip(pairs.a.tolist(), pairs.b.tolist(), pairs.distance.tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(name=METRIC, n=st.integers(0, 40), m=st.one_of(st.none(), st.integers(0, 40)), seed=st.integers(0, 2**32 - 1))
def test_joins_equal_brute_force(name: str, n: int, m: int | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    metric = METRICS[name][0]
    first = rows_of(name, n, rng)
    second = None if m is None else rows_of(name, m, rng) + first[: n // 3]
    everything = brute_force(metric, first, second, math.inf)
    # A threshold that is some pair's own distance: that pair is within it.
    reach = metric.scale.threshold(
        min(float(rng.choice([distance for _, _, distance in everything] or [0.0])), metric.scale.largest)
    )
    expected = [pair for pair in everything if pair[2] <= reach]
    stacks = metric.stack(first), None if second is None else metric.stack(second)
    assert listed(metric.join(*stacks, reach, max_pairs=len(expected))) == expected
    if expected:
        with pytest.raises(TooManyPairs) as caught:
            metric.join(*stacks, reach, max_pairs=len(expected) - 1)
        for row, count in caught.value.hubs:
            sides = [(a,) if second is not None else (a, b) for a, b, _ in expected]
            assert count == sum(row in side for side in sides)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_distances_are_symmetric_and_scales_take_them(name: str) -> None:
    rng = np.random.default_rng(4)
    metric = METRICS[name][0]
    rows = rows_of(name, 30, rng)
    for one, other in itertools.combinations(rows, 2):
        assert metric.distance(one, other) == metric.distance(other, one)
    assert metric.scale.threshold(0) == 0
    assert metric.scale.words(0).startswith("0")
    assert 0 < metric.scale.unrelated <= metric.scale.largest
    with pytest.raises(InvalidArray):
        metric.scale.threshold(metric.scale.largest * 1.01 + 1)
    if metric.width is not None:
        assert {len(row) for row in rows} == {metric.width}
        packed = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)
        again = metric.join(metric.stack(packed), None, metric.scale.unrelated, max_pairs=1000)
        assert listed(again) == listed(metric.join(metric.stack(rows), None, metric.scale.unrelated, max_pairs=1000))


@settings(max_examples=20, deadline=None)
@given(name=METRIC, seed=st.integers(0, 2**32 - 1))
def test_larger_joins_do_not_depend_on_the_side_or_on_threads(name: str, seed: int) -> None:
    """Enough rows for several strips: one set joined with its own halves gives what the whole gives with itself."""
    rng = np.random.default_rng(seed)
    metric = METRICS[name][0]
    rows = rows_of(name, 700, rng)
    reach = metric.scale.threshold(metric.scale.step)
    whole = {pair[:2]: pair[2] for pair in listed(metric.join(metric.stack(rows), None, reach, max_pairs=10**6))}
    left, right = metric.stack(rows[:300]), metric.stack(rows[300:])
    across = {(a, b + 300): distance for a, b, distance in listed(metric.join(left, right, reach, max_pairs=10**6))}
    back = {(b, a + 300): distance for a, b, distance in listed(metric.join(right, left, reach, max_pairs=10**6))}
    assert across == back == {pair: distance for pair, distance in whole.items() if pair[0] < 300 <= pair[1]}


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 30),
    m=st.one_of(st.none(), st.integers(1, 30)),
    seed=st.integers(0, 2**32 - 1),
    most=st.integers(16, 60),
)
def test_segments_are_joined_in_parts_where_they_meet_too_often(n: int, m: int | None, seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    metric = Segments(16)
    first = rows_of("segments", n, rng)
    second = None if m is None else rows_of("segments", m, rng)
    parts = segments_module._parts(metric.stack(first), None if second is None else metric.stack(second), 2, most)
    assert sorted(pair for part in parts for pair in listed(part)) == brute_force(metric, first, second, 2)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_distances_equal_those_of_opencv(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 256, (2, 40), np.uint8) if seed % 5 else np.zeros((2, 40), np.uint8)
    if seed % 3 == 0:
        other = np.roll(one, rng.integers(40))
    peak = IMG_HASH.RadialVarianceHash_create().compare(one[None], other[None])
    assert CircularCorrelation(40).distance(one.tobytes(), other.tobytes()) == pytest.approx(1 - peak, abs=2e-6)
    left, right = rng.normal(size=(2, 42)) * 10.0 ** rng.integers(-9, 3, 42)
    moments = EuclideanDistance(42, 10_000.0, Euclidean(1.0, 0.1))
    length = IMG_HASH.ColorMomentHash_create().compare(left[None], right[None])
    assert moments.distance(left.tobytes(), right.tobytes()) == pytest.approx(length, rel=1e-6)


def test_descriptors_that_are_none_are_refused() -> None:
    for metric, wrong in (
        (TaggedHamming(16, 1), b"12"),
        (CircularCorrelation(7), b"12345678"),
        (EUCLIDEAN, b"1"),
        (Segments(16), b"123"),
        (Segments(16), b""),
    ):
        with pytest.raises(InvalidArray, match="Descriptor 2 has"):
            metric.stack([rows_of(next(k for k, v in METRICS.items() if type(v[0]) is type(metric)), 1, RNG)[0], wrong])
    with pytest.raises(InvalidArray, match="not finite"):
        EUCLIDEAN.stack([np.array([1, 2, np.nan, 4, 5]).tobytes()])


RNG = np.random.default_rng(0)
