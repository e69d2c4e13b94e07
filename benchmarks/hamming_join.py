"""All pairs of hashes within a distance: ours against FAISS's flat range search, same data, same threads, one run.

    python benchmarks/hamming_join.py [--quick] [--largest]

FAISS searches 100,000 hashes (20,000 with --quick); its time is scaled by n^2 to the larger sets, which is what flat
search does. Both must give the same pairs where both ran, or the run fails. `--largest` adds 10,000,000 hashes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
from machine import describe, peak_memory
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.search import hamming_join
from analysis.core.search._distinct import Distinct
from analysis.core.search.hamming import _bit_positions, _words
from analysis.core.search.plan import choose_plan

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "saints" / "fingerprints"
THREADS = 2
Make = Callable[[int, np.random.Generator], NDArray[np.uint8]]


def with_copies(packed: NDArray[np.uint8], share: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Make a share of the rows copies of others, with up to 6 bits changed."""
    rows = np.flatnonzero(rng.random(len(packed)) < share)
    packed[rows] = packed[rng.integers(len(packed), size=len(rows))]
    for _ in range(6):
        some = rows[rng.random(len(rows)) < 0.5]
        bit = rng.integers(packed.shape[1] * 8, size=len(some))
        packed[some, bit >> 3] ^= np.uint8(1) << (bit & 7).astype(np.uint8)
    return packed


def random_hashes(width: int) -> Make:
    return lambda n, rng: with_copies(rng.integers(0, 256, (n, width), np.uint8), 0.01, rng)


def real_hashes(file: str, n_bits: int) -> Make:
    """Hashes of real paintings, each many times with a tenth of its bits changed, and 20 % near copies."""

    def make(n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        texts = [text for path in sorted(SHARED.glob(f"*/{file}")) for text in json.loads(path.read_text())]
        if len(texts[0]) == n_bits:
            packed = np.packbits(np.array([list(text) for text in texts]) == "1", axis=1)
        else:
            packed = PackedBits.from_hex(texts, n_bits).packed
        out = packed[rng.integers(len(packed), size=n)]
        for start in range(0, n, 100_000):
            part = out[start : start + 100_000]
            part ^= np.packbits(rng.random((len(part), n_bits)) < 0.1, axis=1)
        return with_copies(out, 0.2, rng)

    return make


def faiss_join(packed: NDArray[np.uint8], radius: int) -> Pairs:
    index = faiss.IndexBinaryFlat(packed.shape[1] * 8)
    index.add(packed)
    limits, distance, found = index.range_search(packed, radius + 1)
    limits = limits.astype(np.int64)
    a = np.repeat(np.arange(len(packed), dtype=np.int64), limits[1:] - limits[:-1])
    keep = a < found
    return Pairs(a[keep], found[keep], distance[keep].astype(np.float32)).sorted()


def timed(join: Callable[[], Pairs]) -> tuple[Pairs, float]:
    start = time.perf_counter()
    pairs = join()
    return pairs, time.perf_counter() - start


def compare(name: str, make: Make, n_bits: int, radius: int, small: int, sizes: list[int]) -> bool:
    rng = np.random.default_rng(0)
    packed = make(small, rng)
    theirs, their_time = timed(lambda: faiss_join(packed, radius))
    hamming_join(PackedBits(packed[:3000], n_bits), None, radius, threads=THREADS)  # loads the compiled code
    same = True
    for n in [small, *sizes]:
        if n != small:
            packed = make(n, rng)
        hashes = PackedBits(packed, n_bits)
        with peak_memory() as memory:
            ours, our_time = timed(lambda: hamming_join(hashes, None, radius, threads=THREADS))  # noqa: B023
        if n == small:
            same = all(np.array_equal(getattr(ours, f), getattr(theirs, f)) for f in ("a", "b", "distance"))
        plan = choose_plan(Distinct.of(_words(hashes)).words, None, _bit_positions(n_bits), radius)
        scaled = their_time * (n / small) ** 2
        print(
            f"{name}, d <= {radius}, n = {n:,}: {len(ours):,} pairs; ours {our_time:.2f} s, "
            f"FAISS {scaled:,.2f} s{'' if n == small else ' (scaled)'}, ratio {scaled / our_time:,.0f}, "
            f"memory {memory.peak / 2**20:,.0f} MiB beyond the input; {plan}"
            + ("" if n != small else f"; pairs {'equal' if same else 'DIFFER'}"),
            flush=True,
        )
    return same


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 and 100,000 hashes only")
    parser.add_argument("--largest", action="store_true", help="also 10,000,000 hashes of 64 bits")
    options = parser.parse_args()
    faiss.omp_set_num_threads(THREADS)
    print(describe("faiss-cpu", "numba", "numpy"), f"{THREADS} threads each", sep="; ")
    small, sizes = (20_000, [100_000]) if options.quick else (100_000, [1_000_000])
    cases: list[tuple[str, Make, int, int, list[int]]] = [
        ("random 64 bits", random_hashes(8), 64, 8, [*sizes, 10_000_000] if options.largest else sizes),
        ("random 64 bits", random_hashes(8), 64, 12, sizes),
        ("random 64 bits", random_hashes(8), 64, 16, sizes[: options.quick]),
        ("random 256 bits", random_hashes(32), 256, 8, sizes),
        ("random 256 bits", random_hashes(32), 256, 16, sizes),
    ]
    if SHARED.is_dir():
        cases += [
            ("pictures, 64 bits", real_hashes("perceptual_hashes.json", 64), 64, 8, sizes),
            ("pictures, 256 bits", real_hashes("robust_hashes.json", 256), 256, 8, sizes),
            ("pictures, 256 bits", real_hashes("robust_hashes.json", 256), 256, 16, sizes),
        ]
    else:
        print("hashes of pictures left out: the shared material is absent")
    same = [compare(name, make, n_bits, radius, small, larger) for name, make, n_bits, radius, larger in cases]
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
