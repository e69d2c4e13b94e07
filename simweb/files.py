"""Archives out of the store, into a file of whoever runs a command."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from django.core.files.storage import default_storage

from catalog.core.errors import CatalogError, Conflict

CHUNK = 1 << 20


def refuse_existing(target: Path, *, force: bool) -> None:
    """Refuse a file that is there already, before work is spent on its content.

    Raises:
        Conflict: it is there, and is not to be replaced.
    """
    if target.is_file() and not force:
        raise Conflict(
            f"{target.resolve()} is there already.", remedy="Choose another --output, or replace it with --force."
        )


def save_archive(key: str, output: Path, name: str, *, force: bool, sha256: str = "") -> Path:
    """Copy a stored archive into a file, whole or not at all.

    Args:
        key: where it is stored.
        output: a file, or a folder in which it gets `name`.
        name: the file's name in a folder.
        force: replace a file that is there.
        sha256: what its bytes must be; empty where that is not known.

    Returns:
        the file's absolute path.

    Raises:
        Conflict: the file is there already.
        CatalogError: it cannot be written there, or the stored bytes are damaged.
    """
    target = (output / name if output.is_dir() else output).resolve()
    refuse_existing(target, force=force)
    digest = hashlib.sha256()
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-", delete=False) as part:
            try:
                with default_storage.open(key) as stored:
                    for chunk in stored.chunks(CHUNK):
                        digest.update(chunk)
                        part.write(chunk)
                if sha256 and digest.hexdigest() != sha256:
                    raise CatalogError(
                        f"The stored archive {key} is damaged: its SHA-256 is not {sha256}.", remedy="Make it again."
                    )
                Path(part.name).chmod(0o666 & ~_umask())
                Path(part.name).replace(target)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise CatalogError(
            f"{target} cannot be written: {error.strerror}.", remedy="Choose another --output."
        ) from error
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
