"""PCA, t-SNE and UMAP of embeddings; PCA and t-SNE against scikit-learn's, on the same input, in the same run.

    python benchmarks/projection.py [--images 20000] [--peer 2000]

How well neighbours are kept is scikit-learn's own measure, trustworthiness (1 is all of them): ours may be at most 0.01
below theirs, and components at most 1e-6 from theirs, or the run fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from machine import describe, peak_memory
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.core.arrays import Vectors
from analysis.core.projection import Method, Pca, Projected, Tsne, Umap, project

DIM = 512


def embeddings(n: int) -> Vectors:
    """Unit vectors around 200 directions of unequal tightness."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((200, DIM))
    of = rng.integers(200, size=n)
    values = centres[of] + rng.uniform(0.5, 2, 200)[of][:, None] * rng.standard_normal((n, DIM))
    return Vectors((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32))


def timed(vectors: Vectors, method: Method) -> tuple[Projected, float]:
    start = time.perf_counter()
    return project(vectors, method), time.perf_counter() - start


def against_peer(n: int) -> bool:
    vectors = embeddings(n)
    found, ours = timed(vectors, Pca())
    start = time.perf_counter()
    exact = PCA(50, svd_solver="full").fit_transform(vectors.values.astype(np.float64))
    theirs = time.perf_counter() - start
    error = float(np.abs(np.abs(found.points) - np.abs(exact[:, :2])).max())
    print(
        f"PCA of {n:,} x {DIM}: ours {ours:.2f} s, scikit-learn's full one {theirs:.2f} s, ratio {theirs / ours:.1f}; "
        f"largest difference {error:.1e}"
    )
    found, ours = timed(vectors, Tsne())
    start = time.perf_counter()
    points = TSNE(init="pca", random_state=0).fit_transform(exact)
    theirs = time.perf_counter() - start
    kept, their_kept = (trustworthiness(exact, each, n_neighbors=10) for each in (found.points, points))
    print(
        f"t-SNE of {n:,}, one thread each: ours (openTSNE) {ours:.1f} s, scikit-learn {theirs:.1f} s, "
        f"ratio {theirs / ours:.1f}; trustworthiness {kept:.3f}, theirs {their_kept:.3f}"
    )
    return error <= 1e-6 and kept >= their_kept - 0.01


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--peer", type=int, default=2_000, help="embeddings of the comparison with scikit-learn")
    asked = parser.parse_args()
    print(describe("openTSNE", "umap-learn", "scikit-learn", "numpy"))
    methods: list[Method] = [Pca(), Tsne(), Umap()]
    _, first = timed(embeddings(100), Umap(neighbours=5))
    print(f"UMAP's compilation in a new process: {first:.1f} s")
    good = against_peer(asked.peer)
    for n in dict.fromkeys([3_000, asked.images]):
        vectors = embeddings(n)
        with peak_memory() as memory:
            times = [timed(vectors, method)[1] for method in methods]
        said = ", ".join(f"{method.title} {seconds:.1f} s" for method, seconds in zip(methods, times, strict=True))
        print(f"{n:,} x {DIM}: {said}; memory {memory.peak / 2**20:,.0f} MiB beyond the input", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
