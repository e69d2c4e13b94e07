"""Secrets that an installation makes for itself at its first start, readable by its owner only."""

import secrets
from pathlib import Path

from simweb import env


def kept_secret(folder: Path, name: str, *, length: int = 50) -> str:
    """The secret kept in `folder/secrets/name`, made at the first call (mode 600)."""
    path = folder / "secrets" / name
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Two processes may start at once: the one that creates the file decides.
        try:
            with path.open("x") as file:
                path.chmod(0o600)
                file.write(secrets.token_urlsafe(length)[:length] + "\n")
        except FileExistsError:
            pass
        return path.read_text().strip()


def secret_key(data_dir: Path) -> str:
    """Django's secret key: `SECRET_KEY`, or one that this installation keeps for itself."""
    return env.text("SECRET_KEY") or kept_secret(data_dir, "secret-key")
