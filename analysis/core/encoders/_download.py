"""Downloads of published files, which fail within seconds where there is no internet."""

from __future__ import annotations

import hashlib
import importlib
import io
import re
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from analysis.core.encoders import _checksums
from analysis.core.encoders._protocol import Advance
from analysis.core.encoders._words import brief

TIMEOUT_SECONDS = 10
"""How long a server may be silent."""

_PIECE = 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STATED = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
"""The beginning of the file's SHA-256 as it stands in published file names."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file is published.

    Attributes:
        repository: repository of the Hugging Face hub; empty where it lies elsewhere.
        any_of: names of the file in it, the best first.
        url: its address, where it lies elsewhere.
    """

    repository: str = ""
    any_of: tuple[str, ...] = ()
    url: str = ""

    def __str__(self) -> str:
        return self.repository or self.url


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that was downloaded and compared with what its publisher says of it.

    Attributes:
        path: where it lies.
        sha256: hexadecimal, of its content.
        origin: repository, revision and file, or the address.
    """

    path: Path
    sha256: str
    origin: str


class Refused(Exception):
    """Why a file could not be downloaded, in words that fit behind "cannot be downloaded"."""


class Absent(Refused):
    """There is no such file where it should be published."""


def download(source: Source, into: Path, advance: Advance) -> Downloaded:
    """Download the first file of a source that exists.

    Args:
        source: where it is published.
        into: an existing folder.
        advance: told of progress.

    Raises:
        Refused: there is no connection, no such file, or the content is not what the publisher states.
    """
    return _from_hub(source, into, advance) if source.repository else _from_url(source.url, into, advance)


def in_cache(source: Source) -> Path | None:
    """The file in the hub's own cache on this machine; None where it is not there."""
    if not source.repository:
        return None
    from huggingface_hub import try_to_load_from_cache

    for name in source.any_of:
        found = try_to_load_from_cache(source.repository, name)
        if isinstance(found, str):
            return Path(found)
    return None


def stated_in_cache(path: Path) -> str:
    """The SHA-256 that the hub's cache knows a large file by; empty where it knows none."""
    name = path.resolve().name
    return name if _SHA256.fullmatch(name) else ""


def _from_hub(source: Source, into: Path, advance: Advance) -> Downloaded:
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    for name in source.any_of:
        try:
            # Asked first, since this one does not try again and again where there is no connection.
            known = get_hf_file_metadata(hf_hub_url(source.repository, name), timeout=TIMEOUT_SECONDS)
            path = hf_hub_download(
                source.repository,
                name,
                revision=known.commit_hash,
                local_dir=into,
                etag_timeout=TIMEOUT_SECONDS,
                tqdm_class=_reporting(name, advance),
            )
        except EntryNotFoundError:
            continue
        except Exception as error:
            raise Refused(f"hub repository {source.repository}: {brief(error)}") from error
        found = _checksums.compute(Path(path))
        if known.etag and _SHA256.fullmatch(known.etag) and known.etag != found:
            raise Refused(f"hub repository {source.repository}: {name} does not have the checksum that the hub states")
        return Downloaded(Path(path), found, f"{source.repository}/{name} at {known.commit_hash}")
    raise Absent(f"hub repository {source.repository} has none of {', '.join(source.any_of)}")


def _from_url(url: str, into: Path, advance: Advance) -> Downloaded:
    if not url.startswith(("https://", "http://")):
        raise Refused(f"{url or 'nowhere'} is no address")
    name = url.rpartition("/")[2]
    path = into / name
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer, path.open("wb") as out:  # noqa: S310
            total, done = int(answer.headers.get("Content-Length") or 0), 0
            while piece := answer.read(_PIECE):
                out.write(piece)
                digest.update(piece)
                done += len(piece)
                advance(name, done, total)
    except (OSError, HTTPException, ValueError) as error:  # the last two: answers that are no HTTP
        raise Refused(f"{url}: {brief(error)}") from error
    found = digest.hexdigest()
    if total and done < total:
        raise Refused(f"{url}: the connection broke off")
    if not found.startswith(_stated_in(url)):
        raise Refused(f"{url}: the content does not have the checksum that the address states")
    return Downloaded(path, found, url)


def _stated_in(url: str) -> str:
    """The beginning of the SHA-256 that an address states; empty where it states none."""
    folder, name = url.split("/")[-2:]
    stated = _STATED.search(name)
    return folder if _SHA256.fullmatch(folder) else stated[1] if stated else ""


def _reporting(name: str, advance: Advance) -> Any:
    """A progress bar of the hub's kind that draws nothing and tells `advance`."""
    tqdm: Any = importlib.import_module("huggingface_hub.utils").tqdm

    class Reporting(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "file": io.StringIO(), "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            said: bool | None = super().update(n)
            advance(name, int(self.n), int(self.total or 0))
            return said

    return Reporting
