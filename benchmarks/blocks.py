"""What one block of a comparison costs a worker: reading both sides, joining, writing the pairs.

    python benchmarks/blocks.py [--images 2000000] [--rows 1000000] [--new 20000] [--distances 8 12]

Seeded hashes of 64 bits, of which one in a hundred is a near copy of another. The dataset is compared within itself
up to the first distance, again after new images have come, and again up to each larger distance, by the calls that
workers make, in this process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from database import bench_database
from hamming_join import random_hashes
from machine import describe, peak_memory
from storage import add_images

if TYPE_CHECKING:
    import numpy as np

    from catalog.models import Dataset, Project

SIGNAL = "phash-8"


def add_hashed(project: Project, name: str, n: int, rng: np.random.Generator) -> Dataset:
    """Add images with hashes to a dataset."""
    from analysis import bulk
    from analysis.core.arrays import PackedBits
    from analysis.signals import signal

    dataset = add_images(project, name, n)
    ids = bulk.read_image_ids(dataset_id=dataset.pk)[-n:]
    bits = PackedBits(random_hashes(8)(n, rng), 64)
    bulk.write_hashes(dataset_id=dataset.pk, signal_id=signal(SIGNAL).id, image_ids=ids, bits=bits)
    return dataset


def clocked(function: Callable[..., Any], seconds: dict[str, float], key: str) -> Callable[..., Any]:
    """The function, adding its time to `seconds[key]`."""

    def timed(*args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            seconds[key] = seconds.get(key, 0.0) + time.perf_counter() - started

    return timed


def compare_within(project: Project, dataset: Dataset, distance: int, what: str) -> None:
    """Plan, do every block with a line for each, settle."""
    from analysis import bulk, descriptors
    from analysis.models import Measurement
    from analysis.pipeline import compare
    from analysis.signals import signal
    from analysis.workspace import create_comparison

    comparison = create_comparison(
        project=project, datasets=[dataset], signals={SIGNAL: distance}, scope="within", by=None
    )
    started = time.perf_counter()
    total = compare.plan(comparison, [(signal(SIGNAL), float(distance))])
    print(f"{what}: {comparison.blocks.count()} blocks planned in {time.perf_counter() - started:.2f} s", flush=True)
    plain = descriptors.read, compare._join, bulk.write_measurements
    whole, known = 0.0, Measurement.objects.count()
    while (block := compare.take(comparison.pk)) is not None:
        seconds: dict[str, float] = {}
        descriptors.read = clocked(plain[0], seconds, "read")
        compare._join = clocked(plain[1], seconds, "join")
        bulk.write_measurements = clocked(plain[2], seconds, "write")
        with peak_memory() as memory:
            started = time.perf_counter()
            compare.join(block)
            taken = time.perf_counter() - started
        whole += taken
        found, known = Measurement.objects.count() - known, Measurement.objects.count()
        parts = ", ".join(f"{key} {value:.2f} s" for key, value in seconds.items())
        print(
            f"  {block.total:.2e} comparisons in {taken:.2f} s ({parts}), {found:,} pairs,"
            f" memory rose by {memory.peak / 2**20:,.0f} MiB",
            flush=True,
        )
        block.__class__.objects.filter(pk=block.pk).update(status="done")
    descriptors.read, compare._join, bulk.write_measurements = plain
    started = time.perf_counter()
    compare.settle(comparison)
    print(f"  in all {total:.2e} in {whole:.1f} s; coverage written in {time.perf_counter() - started:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2_000_000)
    parser.add_argument("--rows", type=int, default=1_000_000, help="hashes along a block's side")
    parser.add_argument("--new", type=int, default=20_000)
    parser.add_argument("--distances", type=int, nargs="+", default=[8, 12])
    arguments = parser.parse_args()
    print(describe("numba", "numpy", "psycopg"))
    with bench_database():
        import numpy as np
        from django.contrib.auth.models import User

        from analysis.core.arrays import PackedBits
        from analysis.core.search import hamming_join
        from analysis.pipeline import compare
        from catalog.workspace import create_project

        compare.BLOCK_ROWS = arguments.rows
        rng = np.random.default_rng(0)
        # Loads the compiled code.
        hamming_join(PackedBits(random_hashes(8)(5000, rng), 64), None, 8)
        project = create_project(name="Bench", owner=User.objects.create_user("bench"))
        first, *larger = arguments.distances
        dataset = add_hashed(project, "All", arguments.images, rng)
        compare_within(project, dataset, first, f"{arguments.images:,} images up to {first} bits")
        add_hashed(project, "All", arguments.new, rng)
        compare_within(project, dataset, first, f"{arguments.new:,} new images up to {first} bits")
        for distance in larger:
            compare_within(project, dataset, distance, f"all images up to {distance} bits")


if __name__ == "__main__":
    main()
