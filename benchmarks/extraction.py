"""Reading images for a comparison: one decode for everything, against one opening of the file per hash.

    python benchmarks/extraction.py [--images 48] [--rounds 7]

The peer is the loop that people write with ImageHash: for each file, for each of the nine hashes, open the file and
hash it. It computes nothing else. Ours also computes, from the one decode, SHA-256 of the file, the exact-pixel hash
and the thumbnail. All ways take turns over the same files, several rounds, and the best round of each counts, so that
a machine with other work on it favours none. Files are drawn from a seed, in two sizes, and taken from the real
paintings beside the project where they are present. The run fails if a bit differs.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
from machine import describe
from PIL import Image, ImageDraw, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.core.hashes import HASHES, compute
from catalog.core.images import read_image, thumbnail

SHARED_IMAGES = Path(__file__).resolve().parents[2] / "shared" / "data" / "saints" / "images"
THUMBNAIL = 320

Bits = dict[str, bytes]


def block_mean(image: Image.Image) -> npt.NDArray[np.bool_]:
    """The study's hash, as its description reads."""
    cells = np.asarray(image.convert("L").resize((16, 16), Image.Resampling.LANCZOS)).astype(int)
    quadrants = cells.reshape(2, 8, 2, 8).sum(axis=(1, 3)).ravel()
    if quadrants.argmin() != 0:
        cells = np.fliplr(cells)
    return np.asarray(cells >= cells.mean(), np.bool_)


PEERS: dict[str, Callable[[Image.Image], npt.NDArray[np.bool_]]] = {
    "phash-8": lambda image: imagehash.phash(image, hash_size=8).hash,
    "phash-16": lambda image: imagehash.phash(image, hash_size=16).hash,
    "dhash-8": lambda image: imagehash.dhash(image, hash_size=8).hash,
    "dhash-16": lambda image: imagehash.dhash(image, hash_size=16).hash,
    "ahash-8": lambda image: imagehash.average_hash(image, hash_size=8).hash,
    "ahash-16": lambda image: imagehash.average_hash(image, hash_size=16).hash,
    "whash-8": lambda image: imagehash.whash(image, hash_size=8).hash,
    "whash-16": lambda image: imagehash.whash(image, hash_size=16).hash,
    "block_mean-16": block_mean,
}


def plain(data: bytes) -> Bits:
    return {name: np.packbits(peer(Image.open(io.BytesIO(data)))).tobytes() for name, peer in PEERS.items()}


def ours(data: bytes) -> Bits:
    decoded = read_image(data)
    thumbnail(decoded.rgb, THUMBNAIL)
    return {name: bits.tobytes() for name, bits in compute(decoded.rgb, list(PEERS)).items()}


def decode(data: bytes) -> None:
    Image.open(io.BytesIO(data)).load()


def drawn(width: int, height: int, n: int, seed: int) -> list[bytes]:
    """JPEG files of pictures with soft shapes and the grain of a photograph."""
    rng = np.random.default_rng(seed)
    files = []
    for _ in range(n):
        picture = Image.new("RGB", (width, height), tuple(int(v) for v in rng.integers(0, 256, 3)))
        pen = ImageDraw.Draw(picture)
        for _ in range(60):
            (left, right), (top, bottom) = np.sort(rng.uniform(-0.1, 1.1, (2, 2)) * [[width], [height]], axis=1)
            pen.ellipse((left, top, right, bottom), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
        soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(2)), np.float64)
        grainy = np.clip(soft + rng.normal(0, 10, soft.shape), 0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(grainy).save(out, "JPEG", quality=88)
        files.append(out.getvalue())
    return files


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run(mapping: Callable[..., Iterable[object]], work: Callable[[bytes], object], files: Sequence[bytes]) -> None:
    for _ in mapping(work, files):
        pass


def measure(title: str, files: Sequence[bytes], rounds: int, pools: Mapping[str, Executor]) -> bool:
    """Print one table; returns whether all bits agreed."""
    sizes = [Image.open(io.BytesIO(data)).size for data in files]
    megapixels = float(np.mean([w * h for w, h in sizes])) / 1e6
    wrong = [i for i, data in enumerate(files) if plain(data) != ours(data)]
    ways: dict[str, Callable[[], object]] = {
        "plain": partial(run, map, plain, files),
        "decoding alone": partial(run, map, decode, files),
        **{name: partial(run, pool.map, ours, files) for name, pool in pools.items()},
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            best[name] = min(best[name], seconds(way))
    each = {name: 1e3 * value / len(files) for name, value in best.items()}
    print(f"\n{title}: {len(files)} files, {megapixels:.2f} megapixels on average")
    print(f"  {'plain, 1 core':20}{each['plain']:8.2f} ms an image")
    print(f"  {'decoding alone':20}{each['decoding alone']:8.2f} ms an image")
    for name in pools:
        against, scaling = each["plain"] / each[name], each["1 thread"] / each[name]
        label = f"ours, {name}"
        print(f"  {label:20}{each[name]:8.2f} ms an image: {against:5.1f} times plain, {scaling:.2f} times 1 thread")
    print(f"  decoding is {each['decoding alone'] / each['1 thread']:.0%} of ours in 1 thread")
    print(f"  bits: {'all equal' if not wrong else f'DIFFER in files {wrong}'}")
    return not wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=48, help="files of each kind")
    parser.add_argument("--rounds", type=int, default=7, help="the best round of each way counts")
    arguments = parser.parse_args()
    assert set(PEERS) == {name for name, entry in HASHES.items() if entry.at_import}
    print(describe("imagehash", "pillow", "numpy"), f"{len(PEERS)} hashes; thumbnail {THUMBNAIL} pixels", sep="; ")
    start = time.perf_counter()
    ours(drawn(64, 64, 1, 0)[0])
    print(f"first image, with compilation or its cache: {time.perf_counter() - start:.1f} s")
    kinds = {
        "drawn, small": drawn(480, 360, arguments.images, 1),
        "drawn, large": drawn(1024, 768, arguments.images, 2),
    }
    real = sorted(SHARED_IMAGES.rglob("*.jpg"))
    if real:
        chosen = real[:: max(1, len(real) // arguments.images)][: arguments.images]
        kinds["paintings of saints"] = [path.read_bytes() for path in chosen]
    else:
        print("paintings of saints: skipped, the shared material is absent")
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two, ProcessPoolExecutor(2) as processes:
        pools = {"1 thread": one, "2 threads": two, "2 processes": processes}
        for pool in pools.values():
            list(pool.map(ours, kinds["drawn, small"]))
        equal = [measure(title, files, arguments.rounds, pools) for title, files in kinds.items()]
    return 0 if all(equal) else 1


if __name__ == "__main__":
    sys.exit(main())
