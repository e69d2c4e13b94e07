"""One pass over the pictures of a folder: each is decoded once, for its hash, its embedding and its thumbnail."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.encoders import LoadedEncoder, embed
from analysis.core.errors import AnalysisError
from analysis.core.hashes import Hash, compute
from catalog.core.errors import CatalogError, RefusedImage
from catalog.core.images import read_image, thumbnail
from catalog.core.sources import readable
from simweb.headless.folders import Folder

SMALL = 96
"""Pixels of the longer side of pictures in the pages of projections."""

Advance = Callable[[str, int, int], None]
"""Told of progress: what is being done, units done, units in all."""

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pass is for.

    Attributes:
        hash: the hash to compute; None for none.
        model: the model that embeds; None for none.
        small: whether small thumbnails are kept.
        batch_size: images that the model takes at a time; its own choice when None.
        workers: threads that decode.
    """

    hash: Hash | None
    model: LoadedEncoder | None
    small: bool
    batch_size: int | None
    workers: int


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a pass gave, for the n pictures that could be decoded.

    Attributes:
        kept: int64, shape (n,), rising: positions among the folder's entries.
        hashes: the stored bytes of each; empty where no hash was wanted.
        vectors: their embeddings; None where none were wanted, or where the model failed.
        small: their small thumbnails as JPEG; empty where none were wanted.
        refused: path and reason of each file that is no picture.
        failure: what stopped the model; the rest was computed all the same.
    """

    kept: NDArray[np.int64]
    hashes: list[bytes]
    vectors: Vectors | None
    small: list[bytes]
    refused: list[tuple[str, str]]
    failure: AnalysisError | None


def look(folder: Folder, wanted: Wanted, advance: Advance) -> Seen:
    """Decode every picture that is taken of a folder, and compute what is wanted.

    Raises:
        CatalogError: no file can be read as a picture.
    """
    reading = _Reading(folder, wanted, advance)
    vectors, failure = None, None
    if wanted.model is not None:
        try:
            batches = list(
                embed(wanted.model, reading.pictures(), batch_size=wanted.batch_size, workers=wanted.workers)
            )
            vectors = np.concatenate([batch.values for batch in batches]) if batches else None
        except AnalysisError as error:
            failure = error
    reading.finish()
    if not reading.found:
        remedy = reading.refused[0][1] if reading.refused else ""
        raise CatalogError(f"No file of {folder.name} can be read as an image.", remedy=remedy)
    found = list(reading.found.items())
    order = sorted(range(len(found)), key=lambda row: found[row][0])
    return Seen(
        kept=np.array([found[row][0] for row in order], np.int64),
        hashes=[found[row][1].hash for row in order] if wanted.hash is not None else [],
        vectors=None if vectors is None else Vectors(vectors[order]),
        small=[found[row][1].small for row in order] if wanted.small else [],
        refused=reading.refused,
        failure=failure,
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of one picture."""

    hash: bytes
    small: bytes


class _Reading:
    """The pass itself: goes on where it was left, whoever takes the pictures.

    Attributes:
        found: position among the entries -> what is kept, in the order in which pictures were given.
        refused: path and reason.
    """

    def __init__(self, folder: Folder, wanted: Wanted, advance: Advance) -> None:
        self.found: dict[int, _Kept] = {}
        self.refused: list[tuple[str, str]] = []
        self._folder = folder
        self._wanted = wanted
        self._advance = advance
        self._position = {entry.path: row for row, entry in enumerate(folder.entries)}
        self._decoded = self._decode()

    def pictures(self) -> Iterator[Callable[[], Rgb]]:
        """The pictures that could be decoded, as `embed` takes them."""
        for rgb in self._decoded:
            yield partial(_itself, rgb)

    def finish(self) -> None:
        """Compute the rest for whatever is not the model's."""
        deque(self._decoded, maxlen=0)

    def _decode(self) -> Iterator[Rgb]:
        """Some pictures ahead in threads; no more are in memory."""
        waiting: deque[tuple[str, Future[tuple[_Kept, Rgb]]]] = deque()
        ahead = 2 * self._wanted.workers
        with ThreadPoolExecutor(self._wanted.workers) as pool:
            # The files come in the order in which they are read fastest.
            for path, data in readable(self._folder.source, list(self._position), self._unreadable):
                waiting.append((path, pool.submit(_look_at, data, self._wanted)))
                if len(waiting) > ahead:
                    yield from self._take(*waiting.popleft())
            while waiting:
                yield from self._take(*waiting.popleft())

    def _take(self, path: str, future: Future[tuple[_Kept, Rgb]]) -> Iterator[Rgb]:
        try:
            kept, rgb = future.result()
        except RefusedImage as error:
            self.refused.append((path, str(error)))
            self._tell()
            return
        self.found[self._position[path]] = kept
        self._tell()
        yield rgb

    def _tell(self) -> None:
        done = len(self.found) + len(self.refused)
        self._advance(f"Reading {self._folder.name}", done, len(self._position))

    def _unreadable(self, error: RefusedImage) -> None:
        # The error names the file in its message.
        self.refused.append(("", str(error)))


def _look_at(data: bytes, wanted: Wanted) -> tuple[_Kept, Rgb]:
    decoded = read_image(data)
    known = wanted.hash
    described = b"" if known is None else compute(decoded.rgb, [known.name])[known.name].tobytes()
    return _Kept(described, thumbnail(decoded.rgb, SMALL) if wanted.small else b""), decoded.rgb


def _itself(rgb: Rgb) -> Rgb:
    return rgb
