"""An empty database of the benchmarks' own, on the embedded PostgreSQL, removed again at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VAR = ROOT / "var" / "bench"

sys.path.insert(0, str(ROOT))


@contextmanager
def bench_database(files: Path | None = None) -> Iterator[None]:
    """Set Django up on an empty database; call it before anything of Django is imported.

    Args:
        files: the folder that stored files go to.
    """
    os.environ["SIMWEB_VAR"] = str(VAR)
    os.environ["DJANGO_SETTINGS_MODULE"] = "simweb.settings"

    import django
    from django.conf import settings

    from simweb.embedded import start_postgres

    start_postgres(settings.DATA_DIR)
    django.setup()
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}
    if files is not None:
        options = {"location": str(files), "base_url": None}
        disk = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "default": disk}
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    from django.test.runner import DiscoverRunner

    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        yield
    finally:
        runner.teardown_databases(databases)
