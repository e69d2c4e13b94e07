"""SHA-256 of model files, computed once for as long as a file stays as it is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

MEMORY = ".checksums.json"
"""File in the models folder in which checksums are kept between processes; it can be deleted at any time."""

_PIECE = 2**20
_known: dict[str, tuple[list[int], str]] = {}


def compute(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes, read now."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def sha256_of(path: Path, folder: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes, from memory where the file has not been touched since.

    Args:
        path: the file.
        folder: the models folder, where the memory between processes lies. It may be read-only.

    Raises:
        OSError: the file cannot be read.
    """
    # The change time cannot be set by whoever replaces a file, unlike its size and modification time.
    stat = path.stat()
    stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    key = str(path.absolute())
    known = _known.get(key)
    if known is None or known[0] != stamp:
        known = _kept(folder).get(key)
    if known is None or known[0] != stamp:
        known = (stamp, compute(path))
        _keep(folder, key, known)
    _known[key] = known
    return known[1]


def _kept(folder: Path) -> dict[str, tuple[list[int], str]]:
    try:
        read = json.loads((folder / MEMORY).read_text())
        return {str(key): (list(stamp), str(digest)) for key, (stamp, digest) in read.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _keep(folder: Path, key: str, known: tuple[list[int], str]) -> None:
    # Another process may write at the same time: what one of them loses is computed again.
    kept = {name: value for name, value in _kept(folder).items() if Path(name).exists()} | {key: known}
    with contextlib.suppress(OSError):
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=MEMORY)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(kept, stream)
        Path(name).replace(folder / MEMORY)
