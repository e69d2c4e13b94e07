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
def bench_database() -> Iterator[None]:
    """Set Django up on an empty database; call it before anything of Django is imported."""
    os.environ["SIMWEB_VAR"] = str(VAR)
    os.environ["DJANGO_SETTINGS_MODULE"] = "simweb.settings"

    import django
    from django.conf import settings

    from simweb.embedded import start_postgres

    start_postgres(settings.DATA_DIR)
    django.setup()
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}
    from django.test.runner import DiscoverRunner

    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        yield
    finally:
        runner.teardown_databases(databases)
