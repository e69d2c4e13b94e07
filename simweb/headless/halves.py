"""The two things that are compared, hashes and embeddings, made ready from what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Vectors
from analysis.core.errors import AnalysisError
from analysis.core.hashes import Hash
from analysis.core.scales import Cosine
from analysis.core.search import cosine_join
from simweb.headless.brought import brought_hashes
from simweb.headless.compare import MAX_PAIRS, Described, Half
from simweb.headless.encoders import Embeddings
from simweb.headless.folders import Folder
from simweb.headless.pictures import Seen

COSINE = "cosine"
"""What names of files call the embeddings."""

Brought = Mapping[int, tuple[PackedBits, NDArray[np.int64]]]
"""Position of a folder without pictures -> its hashes, and which of its images each belongs to."""


def hashes_brought(folders: Sequence[Folder], known: Hash) -> Brought:
    """The hashes of the folders that hold no pictures.

    Raises:
        AnalysisError: one of them has none under this signal.
    """
    return {
        position: brought_hashes(folder, known.name)
        for position, folder in enumerate(folders)
        if not folder.has_pictures
    }


def hash_half(method: str, known: Hash, threshold: float, brought: Brought, seen: Sequence[Seen | None]) -> Half:
    """The hashes of all datasets.

    Args:
        method: what names of files call them.
        known: the hash.
        threshold: largest distance.
        brought: of folders without pictures.
        seen: for each folder what its pictures gave; None where it has none.
    """
    described = []
    for position, each in enumerate(seen):
        if each is None:
            described.append(Described(*brought[position]))
        else:
            described.append(Described(known.metric.stack(each.hashes), np.arange(len(each.kept), dtype=np.int64)))
    return Half(
        method=method,
        name=known.name,
        title=known.title,
        summary=known.summary,
        scale=known.metric.scale,
        threshold=threshold,
        described=described,
        join=partial(_join_hashes, known, threshold),
    )


def _join_hashes(known: Hash, threshold: float, first: Any, second: Any) -> Any:
    return known.metric.join(first, second, threshold, max_pairs=MAX_PAIRS)


def hash_texts(described: Described, seen: Seen | None, names: Sequence[str]) -> dict[str, str]:
    """Name -> hash in hexadecimal: bits as ImageHash prints them, other hashes byte by byte."""
    if isinstance(described.stack, PackedBits) or seen is None:
        texts = described.stack.to_hex()
    else:
        texts = [each.hex() for each in seen.hashes]
    return dict(zip([names[row] for row in described.rows.tolist()], texts, strict=True))


def vectors_of(
    folders: Sequence[Folder], source: Embeddings, seen: Sequence[Seen | None]
) -> list[tuple[Vectors | None, NDArray[np.int64]]]:
    """For each dataset its vectors, None where it has none, and which of its images each belongs to.

    Raises:
        AnalysisError: vectors that were brought cannot be read, or no image has one.
    """
    found: list[tuple[Vectors | None, NDArray[np.int64]]] = []
    for position, each in enumerate(seen):
        if position not in source.brought:
            vectors = None if each is None else each.vectors
            found.append((vectors, np.arange(0 if vectors is None else len(vectors), dtype=np.int64)))
            continue
        read, rows = source.brought[position].read()
        if read is not None and each is not None:
            # Of pictures, those that could not be decoded are no images of the dataset.
            there = np.isin(rows, each.kept)
            rows = np.searchsorted(each.kept, rows[there]).astype(np.int64)
            read = Vectors(read.values[there]) if there.any() else None
        found.append((read, rows))
    if all(vectors is None for vectors, _ in found):
        names = ", ".join(folder.name for folder in folders)
        raise AnalysisError(f"No image of {names} has a vector.", remedy="Check the names beside the vectors.")
    return found


def cosine_half(
    source: Embeddings,
    threshold: float,
    vectors: Sequence[tuple[Vectors | None, NDArray[np.int64]]],
    threads: int | None,
) -> Half:
    """The embeddings of all datasets.

    Args:
        source: where they come from.
        threshold: largest cosine distance.
        vectors: as `vectors_of` gives them.
        threads: of the join; all cores when None.
    """
    return Half(
        method=COSINE,
        name=source.name,
        title=source.title,
        summary=source.summary,
        scale=Cosine(),
        threshold=threshold,
        described=[Described(*each) for each in vectors],
        join=lambda first, second: cosine_join(first, second, threshold, max_pairs=MAX_PAIRS, threads=threads),
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest distances as they were asked for; None for those that suit the signal."""

    hash: float | None
    cosine: float | None

    def of_hash(self, known: Hash) -> float:
        """The largest distance of hashes."""
        return known.metric.scale.threshold(known.default_distance if self.hash is None else self.hash)

    def of_cosine(self, source: Embeddings) -> float:
        """The largest distance of embeddings."""
        return Cosine().threshold(source.default_distance if self.cosine is None else self.cosine)
