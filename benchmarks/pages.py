"""Server time of the pages that can grow: 100,000 images, 1,000,000 measurements, 20,000 verdicts, 20,000 looks.

    python benchmarks/pages.py [--images 100000] [--measurements 1000000]

Generates seeded rows into a database of its own, asks for each page many times as a signed-in person, and prints the
median, the slowest and the number of SQL queries. Exits with an error if a median is over 100 ms.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from database import bench_database
from machine import describe

LIMIT_MS = 100.0
REPEATS = 15
SEED = 20


def prepare(images: int, measurements: int) -> tuple[str, dict[str, str]]:
    """Fill an empty database; the paths of the pages to measure."""
    import numpy as np
    from django.contrib.auth.models import User
    from django.db import connection
    from django.utils import timezone

    from analysis import bulk
    from analysis.core.arrays import Pairs
    from analysis.models import Comparison
    from analysis.pipeline.review import judge
    from analysis.pipeline.summarise import summarise
    from analysis.signals import signal
    from analysis.workspace import create_comparison
    from catalog.models import Dataset, Image, Label
    from catalog.workspace import create_dataset, create_project

    rng = np.random.default_rng(SEED)
    user = User.objects.create_user("bench", password="bench")
    project = create_project(name="Bench", owner=user)
    labels = Label.objects.bulk_create(Label(project=project, name=f"class {n:03d}") for n in range(200))
    sizes = [images * 5 // 10, images * 3 // 10, images - images * 8 // 10]
    datasets = []
    for n, size in enumerate(sizes):
        dataset = create_dataset(project=project, name=f"Dataset {n}", by=user)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO catalog_image (dataset_id, name, path, sha256, pixel_hash, format, mode, file, thumbnail)"
                " SELECT %s, 'img-' || n, 'img-' || n || '.jpg', '', '', 'JPEG', 'RGB', 'x', 'x'"
                " FROM generate_series(1, %s) n",
                [dataset.pk, size],
            )
            cursor.execute(
                "INSERT INTO catalog_imagelabel (image_id, label_id)"
                " SELECT id, %s + (id * 7919) %% 200 FROM catalog_image WHERE dataset_id = %s",
                [labels[0].pk, dataset.pk],
            )
        Dataset.objects.filter(pk=dataset.pk).update(image_count=size, file_count=size)
        dataset.refresh_from_db()
        datasets.append(dataset)
    ids = [bulk.read_image_ids(dataset_id=dataset.pk) for dataset in datasets]
    known = signal("phash-8")
    shares = {(0, 1): 0.4, (0, 2): 0.2, (1, 2): 0.1, (0, 0): 0.2, (1, 1): 0.1}
    started = time.perf_counter()
    for (i, j), share in shares.items():
        n = int(measurements * share * 1.02)
        a, b = rng.choice(ids[i], n), rng.choice(ids[j], n)
        if i == j:
            a, b = np.minimum(a, b), np.maximum(a, b)
            a, b = a[a < b], b[a < b]
        key = np.unique(a * 10**9 + b)
        a, b = key // 10**9, key % 10**9
        distance = np.minimum(16, rng.gamma(5.0, 2.2, len(key)).astype(np.int64)).astype(np.float32)
        bulk.write_measurements(
            signal_id=known.id, dataset_a=datasets[i].pk, dataset_b=datasets[j].pk, pairs=Pairs(a, b, distance)
        )
    print(f"measurements written in {time.perf_counter() - started:.1f} s")
    comparison = create_comparison(project=project, datasets=datasets, signals={"phash-8": 16}, scope="both", by=user)
    started = time.perf_counter()
    summarise(comparison, "phash-8", 16)
    print(f"overlap summarised in {time.perf_counter() - started:.1f} s")
    Comparison.objects.filter(pk=comparison.pk).update(status="done", finished_at=timezone.now())
    first = bulk.read_measurements(
        signal_id=known.id, dataset_a=datasets[0].pk, dataset_b=datasets[1].pk, max_distance=8
    )
    # The closest pairs are judged first, as the queue offers them: the hardest case for finding the next open one.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO analysis_verdict (image_a_id, image_b_id, annotator_id, choice, note)"
            " SELECT a, b, %s, 'same_image', '' FROM unnest(%s::bigint[], %s::bigint[]) AS pair(a, b)",
            [user.pk, first.a[:20_000].tolist(), first.b[:20_000].tolist()],
        )
        cursor.execute(
            "INSERT INTO analysis_decision (image_a_id, image_b_id, dataset_a_id, dataset_b_id, choice, verdict_id)"
            " SELECT image_a_id, image_b_id, %s, %s, choice, id FROM analysis_verdict",
            [datasets[0].pk, datasets[1].pk],
        )
        # Verifiers, too, look at the closest first; each tenth look finds the same points in both pictures.
        cursor.execute(
            "INSERT INTO analysis_verification (image_a_id, image_b_id, dataset_a_id, dataset_b_id, verifier,"
            " keypoints_a, keypoints_b, matches, inliers, mirrored, geometry, versions)"
            " SELECT a, b, %s, %s, 'orb-1', 3000, 3000, 200, CASE WHEN n %% 10 = 0 THEN 120 ELSE 0 END, false,"
            " '{}', '{}'"
            " FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS pair(a, b, n)",
            [datasets[0].pk, datasets[1].pk, first.a[:20_000].tolist(), first.b[:20_000].tolist()],
        )
        cursor.execute("VACUUM ANALYZE")
    one, other = Image.objects.get(pk=int(first.a[-1])), Image.objects.get(pk=int(first.b[-1]))
    judge(one=one, other=other, annotator=user, choice="different")
    base = f"/p/{project.slug}/comparisons/{comparison.pk}"
    cell = f"cell={datasets[0].pk},{datasets[1].pk}"
    middle = first.a[len(first) // 2], first.b[len(first) // 2]
    return "bench", {
        "datasets of a project": f"/p/{project.slug}/",
        "images of a dataset": f"/p/{project.slug}/datasets/{datasets[0].slug}/",
        "images of a class": f"/p/{project.slug}/datasets/{datasets[0].slug}/?label=class+007",
        "comparisons": f"/p/{project.slug}/comparisons/",
        "dashboard with matrix": f"{base}/?signal=phash-8&t=8",
        "curve of all thresholds": f"{base}/curve.json?signal=phash-8",
        "pairs, first page": f"{base}/pairs/?signal=phash-8&t=16",
        "pairs of one cell": f"{base}/pairs/?signal=phash-8&t=16&{cell}",
        "pairs, in the middle": f"{base}/pairs/?signal=phash-8&t=16&after=8-{middle[0]}-{middle[1]}",
        "pairs unjudged": f"{base}/pairs/?signal=phash-8&t=16&show=open",
        "pairs accepted": f"{base}/pairs/?signal=phash-8&t=16&show=accepted",
        "pairs of unlike labels": f"{base}/pairs/?signal=phash-8&t=16&differ=1",
        "pairs with keypoints found": f"{base}/pairs/?signal=phash-8&t=16&keypoints=found",
        "the last of these": f"{base}/pairs/?signal=phash-8&t=16&keypoints=found&after=16-0-0",
        "pairs with none found": f"{base}/pairs/?signal=phash-8&t=16&keypoints=none",
        "pairs not looked at": f"{base}/pairs/?signal=phash-8&t=16&keypoints=unchecked",
        "review page": f"{base}/review/?signal=phash-8&t=8",
        "review queue": f"{base}/review/queue.json?signal=phash-8&t=8&show=open",
    }


def measure(username: str, pages: dict[str, str]) -> bool:
    """Print a line for each page; whether every median is under the limit."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from simweb.wsgi import settle

    settle()
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(username=username))
    fine = True
    print(f"{'page':<28}{'median ms':>10}{'slowest':>9}{'queries':>9}{'kB':>7}")
    for name, path in pages.items():
        times = []
        for _ in range(REPEATS + 1):
            started = time.perf_counter()
            response = client.get(path)
            times.append((time.perf_counter() - started) * 1000)
            if response.status_code != 200:
                sys.exit(f"{path} answered {response.status_code}")
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        median = statistics.median(times[1:])
        fine &= median <= LIMIT_MS
        size = len(response.content) / 1000
        print(f"{name:<28}{median:>10.1f}{max(times[1:]):>9.1f}{len(queries):>9}{size:>7.0f}")
    return fine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--measurements", type=int, default=1_000_000)
    arguments = parser.parse_args()
    print(describe("django", "psycopg"))
    with bench_database():
        fine = measure(*prepare(arguments.images, arguments.measurements))
    if not fine:
        sys.exit(f"A median is over {LIMIT_MS:.0f} ms.")


if __name__ == "__main__":
    main()
