"""Hashes and vectors that a folder brings, read for the images that are taken of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits, Vectors
from analysis.core.embedding_files import EmbeddingFile, open_embeddings
from analysis.core.errors import AnalysisError
from analysis.core.fingerprints import read_fingerprints, signal_of
from analysis.core.hashes import bit_lengths
from catalog.core.labels import matcher
from catalog.core.layouts import VectorFile
from simweb.headless.folders import Folder

_PUBLISHED = "embeddings.npy"
_EXAMPLES = 3


def brought_hashes(folder: Folder, signal: str) -> tuple[PackedBits, NDArray[np.int64]]:
    """The hashes that a folder without pictures brings under a signal.

    Returns:
        the hashes, and which of the folder's entries each belongs to, int64, rising.

    Raises:
        AnalysisError: it brings none, or they cannot be read.
    """
    bits_of, companions = bit_lengths(), folder.layout.companions
    for file_name, path in sorted(companions.items()):
        if signal_of(file_name, bits_of) == signal:
            names = [entry.name for entry in folder.layout.images]
            listed = folder.layout.names or names
            read = read_fingerprints(file_name, folder.source.read(path), None, listed, known=bits_of)
            rows, chosen = _rows(folder, [listed[row] for row in read.rows.tolist()])
            return PackedBits(read.bits.packed[chosen], read.bits.n_bits), rows
    raise AnalysisError(
        f"{folder.name} has no images, and no {signal} hashes among its fingerprints.",
        remedy=f"It has: {', '.join(sorted(companions)) or 'none'}.",
    )


def _rows(folder: Folder, names: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions among the entries, rising, of the names that are taken, and the position of each among the names."""
    row_of = {entry.name: row for row, entry in enumerate(folder.entries)}
    found = sorted((row_of[name], at) for at, name in enumerate(names) if name in row_of)
    both = np.array(found, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


@dataclass(frozen=True, slots=True, eq=False)
class BroughtVectors:
    """The file of vectors of a folder: what it says before it is read.

    Attributes:
        folder: whose it is.
        file: the file.
        stem: what the vectors are called.
        name: the same with their dimensions; the same vectors of another dataset have the same name.
        dim: dimensions.
    """

    folder: Folder
    file: VectorFile
    stem: str
    name: str
    dim: int

    @property
    def file_name(self) -> str:
        """The file's name without folders."""
        return self.file.path.rpartition("/")[2]

    @classmethod
    def of(cls, folder: Folder) -> BroughtVectors | None:
        """The vectors that a folder brings; None where there are none.

        Raises:
            AnalysisError: there are several files of them, or the file cannot be read.
        """
        files = folder.layout.vectors
        named = [file for file in files if file.path.rpartition("/")[2] == _PUBLISHED]
        if len(files) > 1 and len(named) != 1:
            raise AnalysisError(
                f"{folder.name} brings several files of vectors: {', '.join(file.path for file in files)}.",
                remedy=f"Keep one of them in the folder, or call it {_PUBLISHED}.",
            )
        if not files:
            return None
        file = (named or files)[0]
        with folder.source.open(file.path) as stream:
            opened = _open(file, stream)
            return cls(folder, file, opened.stem, opened.name, opened.dim)

    def read(self) -> tuple[Vectors | None, NDArray[np.int64]]:
        """The vectors of the images that are taken.

        Returns:
            the vectors, None where there is none; and which of the folder's entries each belongs to, int64, rising.

        Raises:
            AnalysisError: a vector cannot be read, or is of no image or of one that has another.
        """
        rows, chosen = _rows(self.folder, self._images())
        parts = []
        with self.folder.source.open(self.file.path) as stream:
            wanted = np.sort(chosen)
            for batch in _open(self.file, stream).batches():
                last = batch.first + len(batch.vectors)
                here = wanted[(wanted >= batch.first) & (wanted < last)] - batch.first
                parts.append(batch.vectors.values[here])
        if not len(rows):
            return None, rows
        values = np.concatenate(parts)
        return Vectors(values[np.searchsorted(wanted, chosen)]), rows

    def _images(self) -> list[str]:
        """The image of each row of the file, by its name in the folder."""
        names = [entry.name for entry in self.folder.layout.images]
        find = matcher(names)
        found = {name: find(name) for name in self.file.names}
        unknown = [name for name, image in found.items() if image is None]
        if unknown:
            examples = ", ".join(unknown[:_EXAMPLES]) + (", …" if len(unknown) > _EXAMPLES else "")
            raise AnalysisError(
                f"{self.folder.name}, {self.file_name}: no single image is meant by {len(unknown):,} of its "
                f"{len(self.file.names):,} names: {examples}.",
                remedy="Name the rows as the images are named, by their path without suffix, or leave these rows out.",
            )
        first: dict[str, str] = {}
        for name, image in found.items():
            if first.setdefault(str(image), name) != name:
                raise AnalysisError(
                    f"{self.folder.name}, {self.file_name}: {first[str(image)]} and {name} mean the same image.",
                    remedy="Keep one row for each image.",
                )
        return [str(found[name]) for name in self.file.names]


def _open(file: VectorFile, stream: object) -> EmbeddingFile:
    return open_embeddings(file.path.rpartition("/")[2], stream, file.names)  # type: ignore[arg-type]
