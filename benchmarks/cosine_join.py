"""All pairs of embeddings within a cosine distance: ours against FAISS's flat range search, same data, same threads.

    python benchmarks/cosine_join.py [--quick]

FAISS decides in float32, ours in float64 rounded to float32: pairs that only one of them gives must lie within 1e-6 of
the limit, or the run fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import faiss
import numpy as np
import torch
from machine import describe, peak_memory
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.core.arrays import Vectors
from analysis.core.search import cosine_join

THREADS = 2
LIMIT = 0.1


def embeddings(n: int, dim: int) -> NDArray[np.float32]:
    """Unit vectors around 1,000 directions, as classes give them, and 5 % copies at distances up to about 0.2."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((1000, dim), np.float32)
    values = centres[rng.integers(1000, size=n)] + rng.standard_normal((n, dim), np.float32)
    copies = np.flatnonzero(rng.random(n) < 0.05)
    values[copies] = values[rng.integers(n, size=len(copies))]
    values[copies] += rng.random((len(copies), 1), np.float32) * rng.standard_normal((len(copies), dim), np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values


def faiss_join(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Keys a * n + b of all pairs with a < b, ascending, and their distances."""
    index = faiss.IndexFlatIP(values.shape[1])
    index.add(values)
    keys, distances = [], []
    for start in range(0, len(values), 10_000):  # in parts, or its buffers take gigabytes
        limits, similarity, found = index.range_search(values[start : start + 10_000], 1 - LIMIT)
        limits = limits.astype(np.int64)
        a = np.repeat(np.arange(start, start + len(limits) - 1), limits[1:] - limits[:-1])
        keep = a < found
        keys.append(a[keep] * len(values) + found[keep])
        distances.append(1 - similarity[keep])
    key, distance = np.concatenate(keys), np.concatenate(distances)
    order = np.argsort(key)
    return key[order], distance[order]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 embeddings instead of 100,000")
    n, dim = 20_000 if parser.parse_args().quick else 100_000, 512
    faiss.omp_set_num_threads(THREADS)
    torch.set_num_threads(THREADS)
    print(describe("faiss-cpu", "torch", "numpy"), f"{THREADS} threads each", sep="; ")
    values = embeddings(n, dim)
    vectors = Vectors(values)
    cosine_join(Vectors(values[:5000]), None, LIMIT, threads=THREADS)
    with peak_memory() as memory:
        start = time.perf_counter()
        ours = cosine_join(vectors, None, LIMIT, threads=THREADS)
        our_time = time.perf_counter() - start
    start = time.perf_counter()
    keys, distances = faiss_join(values)
    their_time = time.perf_counter() - start
    our_keys = ours.a * n + ours.b
    only_ours, only_theirs = ~np.isin(our_keys, keys), ~np.isin(keys, our_keys)
    unequal = np.concatenate([ours.distance[only_ours], distances[only_theirs]])
    same = bool((np.abs(unequal - LIMIT) < 1e-6).all())
    print(
        f"{n:,} x {dim}, distance <= {LIMIT}: {len(ours):,} pairs; ours {our_time:.2f} s, FAISS {their_time:.2f} s, "
        f"ratio {their_time / our_time:.1f}, memory {memory.peak / 2**20:,.0f} MiB beyond the input; "
        f"pairs {'equal' if same else 'DIFFER'} ({len(unequal)} at the limit itself)"
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
