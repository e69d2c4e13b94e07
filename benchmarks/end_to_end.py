"""From uploaded archives to an open dashboard: time for each stage, peak memory of each process.

    python benchmarks/end_to_end.py [--images 3174 | --images 100000] [--image-size 96 200]

Draws the project's example at the size asked for (seeded), brings its three datasets as ZIP archives in parts of
8 MiB, as browsers do, imports them with the task that workers run, compares them across under phash-8 up to 8 bits,
and opens the dashboard and the first pairs. Files go to disk, rows to a database of the benchmark's own. Exits with
an error unless images taken + files refused = files seen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from database import bench_database
from machine import describe, peak_memory

if TYPE_CHECKING:
    from catalog.models import Dataset, Project

PART_BYTES = 8 * 2**20
SHARES = {"Harbour museum": 0.5, "City archive": 0.3, "Picture library": 0.2}
SIGNAL, DISTANCE = "phash-8", 8
SEED = 7


@dataclass
class Stages:
    """Times each stage once.

    Attributes:
        images: how many images each stage handles.
        lines: name, seconds, bytes by which the memory of this process rose.
    """

    images: int
    lines: list[tuple[str, float, int]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what is inside."""
        with peak_memory() as memory:
            started = time.perf_counter()
            yield
            seconds = time.perf_counter() - started
        self.lines.append((name, seconds, memory.peak))
        print(f"  {name}: {seconds:,.1f} s", file=sys.stderr, flush=True)

    def print(self) -> None:
        """One line for each stage, then the whole."""
        whole = sum(seconds for _, seconds, _ in self.lines)
        print(f"{'stage':<34}{'seconds':>10}{'images/s':>11}{'share':>8}{'memory rose by':>17}")
        for name, seconds, rose in self.lines:
            rate = self.images / seconds
            print(f"{name:<34}{seconds:>10.2f}{rate:>11,.0f}{seconds / whole:>8.1%}{rose / 2**20:>13,.0f} MiB")
        print(f"{'from archives to dashboard':<34}{whole:>10.2f}{self.images / whole:>11,.0f}")


def draw(folder: Path, images: int, image_size: tuple[int, int]) -> tuple[list[Path], int]:
    """The archives of the datasets, stored without compression, and how many bytes they are."""
    from catalog.core.example import FOLDERS, iterate

    sizes = {name: int(images * share) for name, share in SHARES.items()}
    sizes["Harbour museum"] += images - sum(sizes.values())
    paths = {name: folder / f"{FOLDERS[name]}.zip" for name in sizes}
    with ExitStack() as stack:
        archives = {name: stack.enter_context(zipfile.ZipFile(path, "w")) for name, path in paths.items()}
        for picture, data in iterate(seed=SEED, sizes=sizes, image_size=image_size):
            archives[picture.dataset].writestr(picture.file, data)
    return list(paths.values()), sum(path.stat().st_size for path in paths.values())


def upload(project: Project, archive: Path) -> int:
    """Bring an archive in parts; its upload's key."""
    from django.core.files.base import ContentFile

    from catalog.workspace import add_part, begin_upload, dataset_for, finish_upload

    begun = begin_upload(
        dataset=dataset_for(project=project, name=archive.stem, by=None),
        kind="archive",
        source_name=archive.name,
        bytes_expected=archive.stat().st_size,
        by=None,
    )
    with archive.open("rb") as stream:
        for offset in range(0, archive.stat().st_size, PART_BYTES):
            add_part(upload=begun, number=offset, content=ContentFile(stream.read(PART_BYTES)))
    finish_upload(upload=begun)
    return int(begun.pk)


def walk(archives: list[Path], stages: Stages) -> bool:
    """All stages; whether every file was accounted for."""
    from django.contrib.auth.models import User
    from django.test import Client

    from analysis.models import Comparison, Measurement
    from analysis.tasks import run_comparison
    from analysis.workspace import create_comparison
    from catalog.models import Upload
    from catalog.tasks import import_upload
    from catalog.workspace import create_project

    user = User.objects.create_user("bench")
    project = create_project(name="Bench", owner=user)
    with stages.stage("upload in parts"):
        uploads = [upload(project, archive) for archive in archives]
    with stages.stage("import: decode, thumbnail, hash"):
        for pk in uploads:
            import_upload(pk)
    datasets: list[Dataset] = list(project.datasets.all())
    with stages.stage(f"compare: {SIGNAL} up to {DISTANCE} bits"):
        comparison = create_comparison(
            project=project, datasets=datasets, signals={SIGNAL: DISTANCE}, scope="across", by=user
        )
        run_comparison(comparison.pk)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    base = f"/p/{project.slug}/comparisons/{comparison.pk}/"
    with stages.stage("open the dashboard"):
        answers = [client.get(base), client.get(f"{base}pairs/?signal={SIGNAL}&t={DISTANCE}")]
    if any(answer.status_code != 200 for answer in answers):
        sys.exit(f"the dashboard answered {[answer.status_code for answer in answers]}")
    assert Comparison.objects.get().status == "done"
    rows = Upload.objects.all()
    for row in rows:
        print(
            f"{row.source_name}: {row.files_seen:,} files, {row.images_taken:,} images, {row.files_refused:,} refused"
        )
    print(f"{Measurement.objects.count():,} pairs")
    taken = sum(row.images_taken for row in rows)
    return taken == stages.images and all(row.images_taken + row.files_refused == row.files_seen for row in rows)


def print_memory() -> None:
    """Peak resident memory of this process, which does a worker's and the web server's part, and of the database's."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid, backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid() OR datname IS NULL")
        processes = [("worker and web server (this process)", "self"), *((f"PostgreSQL: {k}", p) for p, k in cursor)]
    for name, pid in processes:
        status = Path(f"/proc/{pid}/status")
        if status.is_file():
            peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
            print(f"peak memory, {name}: {int(peak.split()[1]) / 1024:,.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=3174)
    parser.add_argument("--image-size", type=int, nargs=2, default=None, metavar=("SMALLEST", "LARGEST"))
    arguments = parser.parse_args()
    # What is measured is the way through the product; drawing 100,000 large pictures would take longer than it.
    size = tuple(arguments.image_size or ((300, 700) if arguments.images <= 10_000 else (96, 200)))
    print(describe("pillow", "numpy"))
    with tempfile.TemporaryDirectory() as folder, bench_database(Path(folder) / "files"):
        started = time.perf_counter()
        archives, n_bytes = draw(Path(folder), arguments.images, size)
        print(
            f"{arguments.images:,} images, sides of {size[0]} to {size[1]} pixels, {n_bytes / 2**20:,.0f} MiB in"
            f" {len(archives)} archives, drawn in {time.perf_counter() - started:,.0f} s",
            flush=True,
        )
        stages = Stages(arguments.images)
        fine = walk(archives, stages)
        stages.print()
        print_memory()
    if not fine:
        sys.exit("Images are missing.")


if __name__ == "__main__":
    main()
