"""The hashes that comparisons ask for: their cost for an image, against their libraries, and their joins.

    python benchmarks/more_hashes.py [--images 12] [--rows 20000]

Pictures are drawn from a seed. PDQ and the crop-resistant hash are our own code and must give what pdqhash and
ImageHash give, or the run fails; the others are OpenCV's own functions, for which the cost alone is printed. Joins
compare rows of descriptors of cut-outs of these pictures, slightly changed, with as many others. The peer is plain
brute force, as numpy and scipy do it, over a few rows and scaled; where both looked, the pairs must be the same but for
those that rounding leaves open, at the distance itself.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pdqhash
from extraction import drawn
from machine import describe, peak_memory
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.distance import cdist

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.core.hashes import HASHES, compute

LOOKED_AT = 100
ROUNDING = 1e-5
Rows = NDArray[np.uint8]
Distances = NDArray[np.float64]


def pdq(rgb: Rows) -> bytes:
    bits, quality = pdqhash.compute(rgb)
    return np.packbits(bits).tobytes() + bytes([quality])


def crop_resistant(rgb: Rows) -> bytes:
    hashes = imagehash.crop_resistant_hash(Image.fromarray(rgb)).segment_hashes
    return b"".join(np.packbits(each.hash).tobytes() for each in hashes)


LIBRARIES: dict[str, Callable[[Rows], bytes]] = {"pdq-256": pdq, "crop_resistant-64": crop_resistant}


def fastest(work: Callable[[], object], rounds: int = 3) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def images(pictures: list[Rows]) -> bool:
    """Print what each hash costs; returns whether all equal their libraries'."""
    equal = True
    megapixels = np.mean([rgb.shape[0] * rgb.shape[1] for rgb in pictures]) / 1e6
    print(f"\n{len(pictures)} pictures of {megapixels:.2f} megapixels, one thread, milliseconds an image")
    for name in (name for name, entry in HASHES.items() if not entry.at_import):
        compute(pictures[0], [name])
        ours = 1e3 * fastest(lambda name=name: [compute(rgb, [name]) for rgb in pictures]) / len(pictures)  # type: ignore[misc]
        line = f"  {name:22}{ours:8.2f}"
        if name in LIBRARIES:
            library = LIBRARIES[name]
            theirs = 1e3 * fastest(lambda library=library: [library(rgb) for rgb in pictures]) / len(pictures)  # type: ignore[misc]
            same = all(compute(rgb, [name])[name].tobytes() == library(rgb) for rgb in pictures)
            line += f", the library {theirs:8.2f}: {theirs / ours:5.1f} times; {'all equal' if same else 'DIFFERENT'}"
            equal &= same
        print(line)
    return equal


def correlations(one: list[bytes], other: list[bytes]) -> Distances:
    left, right = (np.array([list(row) for row in rows], np.float64) for rows in (one, other))
    left, right = (
        (rows - rows.mean(1, keepdims=True)) / (rows.std(1, keepdims=True) + 1e-20) for rows in (left, right)
    )
    peaks = np.max([left @ np.roll(right, shift, axis=1).T for shift in range(right.shape[1])], axis=0)
    return np.asarray(1 - peaks / right.shape[1])


def lengths(one: list[bytes], other: list[bytes]) -> Distances:
    return np.asarray(1e4 * cdist(*(np.array([np.frombuffer(row) for row in rows]) for rows in (one, other))))


def segments(one: list[bytes], other: list[bytes]) -> Distances:
    every = np.frombuffer(b"".join(other), np.uint64)
    starts = np.cumsum([0, *(len(row) // 8 for row in other)])[:-1]
    rows = []
    for row in one:
        differing = np.bitwise_count(np.frombuffer(row, np.uint64)[:, None] ^ every).min(axis=0)
        rows.append(np.minimum.reduceat(differing, starts))
    return np.array(rows, np.float64)


def bits(one: list[bytes], other: list[bytes]) -> Distances:
    left, right = (np.array([np.frombuffer(row[:32], np.uint64) for row in rows]) for rows in (one, other))
    return np.array([np.bitwise_count(row ^ right).sum(axis=1, dtype=np.int64) for row in left], np.float64)


def changed(name: str, row: bytes, rng: np.random.Generator) -> bytes:
    """The descriptor of a picture that was stored again, more or less."""
    if name == "color_moments-42":
        return bytes((np.frombuffer(row) * rng.normal(1, 1e-3, 42)).tobytes())
    values = np.frombuffer(row, np.uint8).copy()
    if name == "radial_variance-40":
        return np.clip(values.astype(int) + rng.integers(-3, 4, len(values)), 0, 255).astype(np.uint8).tobytes()
    values[rng.integers(min(len(values), 32), size=2)] ^= np.uint8(1)
    return values.tobytes()


def join(name: str, stored: list[bytes], n: int, brute_force: Callable[[list[bytes], list[bytes]], Distances]) -> bool:
    """Print one line; returns whether the pairs are those of brute force."""
    rng = np.random.default_rng(5)
    one, other = ([changed(name, stored[i], rng) for i in rng.integers(len(stored), size=n)] for _ in range(2))
    metric: Any = HASHES[name].metric
    distance = HASHES[name].default_distance
    left, right = metric.stack(one), metric.stack(other)
    metric.join(metric.stack(one[:3000]), metric.stack(other[:3000]), distance, max_pairs=10**7)  # loads compiled code
    with peak_memory() as memory:
        start = time.perf_counter()
        pairs = metric.join(left, right, distance, max_pairs=10**8)
        ours = time.perf_counter() - start
    start = time.perf_counter()
    truth = brute_force(one[:LOOKED_AT], other)
    scaled = (time.perf_counter() - start) * n / LOOKED_AT
    near = np.zeros(truth.shape, np.bool_)
    seen = pairs.a < LOOKED_AT
    near[pairs.a[seen], pairs.b[seen]] = True
    same = not ((near != (truth <= distance)) & (np.abs(truth - distance) > ROUNDING)).any()
    print(
        f"  {name:22}≤ {distance:<5g}{len(pairs):12,} pairs {ours:7.2f} s, brute force {scaled:8.1f} s (scaled): "
        f"{scaled / ours:6.0f} times; {memory.peak / 2**20:5.0f} MiB; {'equal' if same else 'DIFFERENT'}"
    )
    return same


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=12, help="pictures of the first table")
    parser.add_argument("--rows", type=int, default=20_000, help="rows on either side of a join")
    arguments = parser.parse_args()
    print(describe("pdqhash", "imagehash", "opencv-contrib-python-headless", "numpy", "scipy"))
    pictures = [np.asarray(Image.open(io.BytesIO(data))) for data in drawn(1024, 768, max(arguments.images, 40), 1)]
    equal = images(pictures[: arguments.images])
    peers = {
        "pdq-256": bits,
        "radial_variance-40": correlations,
        "color_moments-42": lengths,
        "crop_resistant-64": segments,
    }
    rng = np.random.default_rng(3)
    stored: dict[str, list[bytes]] = {name: [] for name in peers}
    for picture in pictures:
        for _ in range(12):
            height, width = (rng.uniform(0.3, 0.9, 2) * picture.shape[:2]).astype(int)
            top, left = rng.integers(picture.shape[0] - height), rng.integers(picture.shape[1] - width)
            for name, value in compute(picture[top : top + height, left : left + width], list(peers)).items():
                stored[name].append(value.tobytes())
    print(f"\n{arguments.rows:,} × {arguments.rows:,} images at the usual distance, all cores")
    for name, peer in peers.items():
        equal &= join(name, stored[name], arguments.rows, peer)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
