"""Import and comparison through the queue, by real worker processes; one is killed in the middle of a block."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Task
from django.db import connection

from analysis.models import Block, Comparison, Coverage
from analysis.tasks import run_comparison, sweep
from analysis.workspace import create_comparison
from catalog import jobs
from catalog.models import Dataset, Project
from catalog.tasks import import_upload
from catalog.workspace import add_part, begin_upload, dataset_for, finish_upload
from simweb.celery import app
from simweb.embedded import redis_url, start_redis
from tests.analysis.truth import brute_force, stored

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[..., Dataset]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def var(tmp_path: Path, settings: object) -> Path:
    """The data folder of the workers: files and queue of this test alone, and the database of the tests."""
    folder = tmp_path / "var"
    storages = settings.STORAGES  # type: ignore[attr-defined]
    storages = {**storages, "default": {**storages["default"], "OPTIONS": {"location": str(folder / "data" / "files")}}}
    settings.STORAGES = storages  # type: ignore[attr-defined]
    return folder


Send = Callable[..., None]


@pytest.fixture
def send(var: Path) -> Iterator[Send]:
    """Sends a task to the queue of this test's own Redis."""
    server = start_redis(var / "data")
    assert server is not None

    def to_queue(task: Task[..., None], *arguments: int) -> None:
        with app.connection_for_write(redis_url(var / "data")) as connection:
            app.send_task(task.name, arguments, connection=connection)

    try:
        yield to_queue
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def worker(var: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    database = connection.settings_dict
    environment = os.environ | {
        "SIMWEB_VAR": str(var),
        "DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}",
        "REDIS_URL": redis_url(var / "data"),
        "JOINED_BY": str(var / "joined_by"),
    }
    command = [sys.executable, "-m", "celery", "--app", "tests.analysis.slow_worker", "worker", "--hostname", name]
    with (var / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--concurrency", "1", "--loglevel", "INFO", "--without-mingle", "--without-gossip"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """The worker and its children, without a chance to say anything."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(10)


def until(what: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def status(comparison: Comparison) -> str:
    comparison.refresh_from_db()
    assert comparison.status != "failed", comparison.error
    return str(comparison.status)


def compared(project: Project, datasets: list[Dataset], distance: int) -> Comparison:
    return create_comparison(project=project, datasets=datasets, signals={"phash-8": distance}, scope="both", by=None)


def swept(comparison: Comparison, send: Send) -> bool:
    """Sweep, as the scheduler does again and again, until the comparison is done.

    A message that the dead worker left may let the new one finish the blocks first; then the comparison is lost later.
    """
    if jobs.lost(Comparison).exists():
        send(sweep)
        time.sleep(1)
    return status(comparison) == "done"


def test_import_and_comparison_by_two_workers(
    project: Project, picture: Callable[..., bytes], hashed: Make, var: Path, send: Send
) -> None:
    with worker(var, "one"), worker(var, "two"):
        brought = dataset_for(project=project, name="pictures", by=None)
        upload = begin_upload(dataset=brought, kind="folder", source_name="pictures", bytes_expected=0, by=None)
        for number in range(12):
            add_part(upload=upload, number=number, content=picture(number % 7), path=f"{number}.png")
        finish_upload(upload=upload)
        send(import_upload, upload.pk)
        datasets = [hashed("a", 60), brought]
        until(lambda: upload.__class__.objects.get(pk=upload.pk).status == "done")
        comparison = compared(project, datasets, 9)
        send(run_comparison, comparison.pk)
        until(lambda: status(comparison) == "done")
    assert stored() == brute_force(datasets, "both", 9)
    assert Coverage.objects.count() == 3
    assert not Block.objects.exists()
    joined_by = (var / "joined_by").read_text().split()
    assert len(joined_by) == 6 * 7 // 2 + 6 * 2 + 3
    assert len(set(joined_by)) == 2


def test_a_worker_killed_in_a_block_is_replaced_by_the_sweep(
    project: Project, hashed: Make, var: Path, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOST_AFTER_SECONDS", 3)
    datasets = [hashed("a", 40), hashed("b", 20)]
    comparison = compared(project, datasets, 9)
    with worker(var, "one") as first:
        send(run_comparison, comparison.pk)
        until(lambda: Block.objects.filter(status="done").count() >= 3)
        until(lambda: Block.objects.filter(status="running").exists())
        kill(first)
    assert status(comparison) == "running"
    left = Block.objects.exclude(status="done").count()
    before = len((var / "joined_by").read_text().split())
    assert left > 5
    assert not Coverage.objects.exists()
    with worker(var, "two"):
        until(lambda: swept(comparison, send))
    assert stored() == brute_force(datasets, "both", 9)
    assert len((var / "joined_by").read_text().split()) == before + left
    assert Coverage.objects.count() == 3
