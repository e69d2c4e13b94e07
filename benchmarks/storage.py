"""What PostgreSQL holds and how fast it goes in and out: hashes to the joiner's array, measurements into the table.

    python benchmarks/storage.py [--images 1000000] [--measurements 1000000]

Seeded rows in a database of its own, on the embedded PostgreSQL. Exits with an error if 1,000,000 hashes take 3 s or
more to the array, or 1,000,000 measurements 15 s or more into the table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from database import bench_database
from machine import describe, peak_memory

if TYPE_CHECKING:
    from analysis.core.arrays import Pairs
    from catalog.models import Dataset, Project

T = TypeVar("T")
READ_SECONDS = 3.0
"""For a million hashes."""
WRITE_SECONDS = 15.0
"""For a million measurements."""
SEED = 7


def timed(name: str, rows: int, work: Callable[[], T]) -> tuple[T, float]:
    """Do it and print a line: seconds, and seconds for a million rows."""
    with peak_memory() as memory:
        started = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - started
    per_million = seconds * 1e6 / rows
    print(f"{name:<58}{rows:>11,}{seconds:>8.2f} s{per_million:>8.2f} s/M{memory.peak / 2**20:>8,.0f} MiB", flush=True)
    return result, per_million


def add_images(project: Project, name: str, n: int) -> Dataset:
    """Add images without files to a dataset, which is made where there is none."""
    from django.db import connection
    from django.db.models import F

    from catalog.models import Dataset
    from catalog.workspace import dataset_for

    dataset = dataset_for(project=project, name=name, by=None)
    first = dataset.image_count + 1
    with connection.cursor() as cursor:
        # Names, paths and digests as long as those of imported files, so that the table's size means something.
        cursor.execute(
            "INSERT INTO catalog_image (dataset_id, name, path, sha256, pixel_hash, format, mode, file, thumbnail,"
            " width, height, bytes)"
            " SELECT %s, 'class/img-' || n, 'class/img-' || n || '.jpg', encode(sha256(n::text::bytea), 'hex'),"
            " encode(sha256(n::text::bytea), 'hex'), 'JPEG', 'RGB',"
            " 'images/1/ab/' || encode(sha256(n::text::bytea), 'hex') || '.jpg',"
            " 'thumbnails/1/ab/' || encode(sha256(n::text::bytea), 'hex') || '.jpg', 640, 480, 100000"
            " FROM generate_series(%s, %s) n",
            [dataset.pk, first, first + n - 1],
        )
    Dataset.objects.filter(pk=dataset.pk).update(image_count=F("image_count") + n, file_count=F("file_count") + n)
    dataset.refresh_from_db()
    return dataset


def random_pairs(a: Dataset, b: Dataset, n: int) -> Pairs:
    """Distinct pairs of two datasets in order, as a join gives them, most of them at the larger distances."""
    import numpy as np

    from analysis import bulk
    from analysis.core.arrays import Pairs

    rng = np.random.default_rng(SEED)
    ids_a, ids_b = bulk.read_image_ids(dataset_id=a.pk), bulk.read_image_ids(dataset_id=b.pk)
    keys = np.unique(rng.integers(0, len(ids_a) * len(ids_b), int(n * 1.01) + 10))
    keys = np.sort(rng.permutation(keys)[:n])
    distance = np.minimum(16, rng.gamma(5.0, 2.2, n).astype(np.int64)).astype(np.float32)
    return Pairs(ids_a[keys // len(ids_b)], ids_b[keys % len(ids_b)], distance)


def print_sizes(table: str, rows: int) -> None:
    """Bytes of a table and of each of its indexes, for each row."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("SELECT pg_total_relation_size(%s), pg_table_size(%s)", [table, table])
        whole, heap = cursor.fetchone()
        cursor.execute(
            "SELECT c.relname, pg_relation_size(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = %s::regclass ORDER BY 2 DESC",
            [table],
        )
        indexes = ", ".join(f"{name} {size / rows:.0f}" for name, size in cursor.fetchall())
    print(f"{table}: {whole / rows:.0f} bytes a row ({heap / rows:.0f} the rows; indexes {indexes})")


def measure(images: int, measurements: int) -> bool:
    """Print all lines; whether the limits are kept."""
    import numpy as np
    from django.contrib.auth.models import User

    from analysis import bulk
    from analysis.core.arrays import PackedBits
    from analysis.core.overlap import OverlapCurve
    from analysis.core.overlap_count import OverlapCount
    from analysis.population import Population
    from analysis.queries import Cell
    from analysis.signals import signal
    from catalog.workspace import create_project

    rng = np.random.default_rng(SEED)
    project = create_project(name="Bench", owner=User.objects.create_user("bench"))
    known, long = signal("phash-8"), signal("block_mean-16")
    dataset = add_images(project, "All", images)
    ids = bulk.read_image_ids(dataset_id=dataset.pk)
    fine = True
    for one in (known, long):
        assert one.n_bits
        bits = PackedBits(rng.integers(0, 256, (images, -(-one.n_bits // 8)), np.uint8), one.n_bits)

        def write(one=one, bits=bits) -> None:  # type: ignore[no-untyped-def]
            bulk.write_hashes(dataset_id=dataset.pk, signal_id=one.id, image_ids=ids, bits=bits)

        def read(one=one) -> tuple[object, PackedBits]:  # type: ignore[no-untyped-def]
            return bulk.read_hashes(dataset_id=dataset.pk, signal_id=one.id, n_bits=one.n_bits)

        timed(f"hashes of {one.n_bits} bits into the table", images, write)
        print_sizes("analysis_hash", images if one is known else 2 * images)
        (_, found), seconds = timed(f"hashes of {one.n_bits} bits to the joiner's array", images, read)
        if not np.array_equal(found.packed, bits.packed):
            sys.exit("what was read is not what was written")
        fine &= seconds < READ_SECONDS
    print_sizes("catalog_image", images)

    small = max(images // 10, 1000)
    a, b = add_images(project, "A", small), add_images(project, "B", small)
    pairs = random_pairs(a, b, measurements)

    def store() -> None:
        bulk.write_measurements(signal_id=known.id, dataset_a=a.pk, dataset_b=b.pk, pairs=pairs)

    _, seconds = timed("measurements into the table", measurements, store)
    fine &= seconds < WRITE_SECONDS
    print_sizes("analysis_measurement", measurements)
    timed("the same again: all known", measurements, store)
    timed(
        "measurements to arrays, the closest first",
        measurements,
        lambda: bulk.read_measurements(signal_id=known.id, dataset_a=a.pk, dataset_b=b.pk, max_distance=64),
    )
    population = Population([a, b])

    def count() -> OverlapCurve:
        counted = OverlapCount(dataset=population.dataset, n_datasets=2, steps=np.arange(17, dtype=np.float32))
        asked = {"signal_id": known.id, "dataset_a": a.pk, "dataset_b": b.pk, "max_distance": 16}
        for part in bulk.measurement_parts(**asked):
            counted.add(population.pairs([(Cell(a.pk, b.pk), part)]))
        return counted.curve()

    curve, _ = timed("measurements counted at every threshold", measurements, count)
    if int(curve.pairs[-1, 0, 1]) != measurements:
        sys.exit("not every measurement was counted")
    return fine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--measurements", type=int, default=1_000_000)
    arguments = parser.parse_args()
    print(describe("psycopg", "numpy"))
    with bench_database():
        fine = measure(arguments.images, arguments.measurements)
    if not fine:
        sys.exit(f"Over {READ_SECONDS:g} s for a million hashes, or {WRITE_SECONDS:g} s for a million measurements.")


if __name__ == "__main__":
    main()
