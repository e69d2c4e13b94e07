"""Where the database is: `DATABASE_URL`, or the embedded PostgreSQL of this installation."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from simweb import embedded, env


def database_settings(data_dir: Path) -> dict[str, Any]:
    """Django's settings of the one database.

    Raises:
        ImproperlyConfigured: `DATABASE_URL` is not of the form ``postgresql://user:password@host:port/name``.
    """
    url = env.text("DATABASE_URL")
    settings: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {},
    }
    if not url:
        # The embedded server listens on a Unix socket only, in a folder that belongs to this installation.
        return settings | {"NAME": "simweb", "USER": "postgres", "HOST": str(embedded.postgres_socket_dir(data_dir))}
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in {"postgres", "postgresql"} or not name:
        raise ImproperlyConfigured("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    return settings | {
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }
