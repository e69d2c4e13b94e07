#!/usr/bin/env python
"""The command line of simweb: `python manage.py help`."""

import os
import subprocess
import sys
from pathlib import Path

WITHOUT_DATABASE = {"", "help", "--help", "-h", "--version", "version", "collectstatic", "compute_overlap"}


# What Python compiles is kept with everything else that a run keeps, not beside the sources.
CACHE = Path(os.environ.get("SIMWEB_VAR") or Path(__file__).resolve().parent / "var") / "cache" / "pycache"


def main() -> None:
    sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(CACHE))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simweb.settings")
    from django.core.management import execute_from_command_line

    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command not in WITHOUT_DATABASE and not os.environ.get("DATABASE_URL"):
        from django.conf import settings

        from simweb.embedded import start_postgres

        try:
            start_postgres(settings.DATA_DIR)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            sys.exit(f"The embedded PostgreSQL did not start ({error}). Its log is {settings.DATA_DIR}/postgres/log.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
