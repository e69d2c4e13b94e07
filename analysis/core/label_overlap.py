"""Overlap by label: how many images of each class are in a pair, and how many pairs disagree on the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from analysis.core.curves import Counts, cumulative, pack, pack_all, unpack, unpack_all
from analysis.core.errors import InvalidArray


@dataclass(frozen=True, slots=True, eq=False)
class ImageLabels:
    """The labels of n images as compressed sparse rows.

    Attributes:
        indptr: int64, shape (n + 1,): the labels of image i are `ids[indptr[i]:indptr[i + 1]]`; none: unlabelled.
        ids: int64, shape (number of labels carried,), in [0, n_labels); a repeated label counts once.
        n_labels: number of labels that exist.

    Raises:
        InvalidArray: `indptr` does not rise from 0 to the length of `ids`, or an id is out of range.
    """

    indptr: NDArray[np.int64]
    ids: NDArray[np.int64]
    n_labels: int

    def __post_init__(self) -> None:
        indptr, ids = self.indptr, self.ids
        if (
            indptr.ndim != 1
            or not len(indptr)
            or indptr[0] != 0
            or indptr[-1] != len(ids)
            or (np.diff(indptr) < 0).any()
        ):
            raise InvalidArray(f"Label row pointers rise from 0 to the number of labels carried, {len(ids)}.")
        if ids.size and not (ids.min() >= 0 and ids.max() < self.n_labels):
            raise InvalidArray(f"Label ids are 0 to {self.n_labels - 1}, not {ids.min()} to {ids.max()}.")

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def incidence(self) -> csr_array:
        """int64 sparse matrix, shape (n, n_labels): 1 where the image carries the label."""
        carried = csr_array((np.ones(len(self.ids), np.int64), self.ids, self.indptr), (len(self), self.n_labels))
        carried.sum_duplicates()
        carried.data[:] = 1
        return carried


@dataclass(frozen=True, slots=True, eq=False)
class LabelCurve:
    """Overlap by label: one row for each dataset and label that occur together, ordered by dataset, then label.

    Attributes:
        dataset: int64, shape (r,).
        label: int64, shape (r,).
        total: int64, shape (r,), images of the dataset with the label.
        matched: int64, shape (s, r), those of them in a pair.
        matched_across: int64, shape (s, r), those of them in a pair with an image of another dataset.
        pairs_labelled: int64, shape (s,), pairs of two images that both carry a label.
        pairs_differ: int64, shape (s,), those of them whose sets of labels are not equal.
        pairs_disjoint: int64, shape (s,), those of them that have no label in common.
    """

    dataset: Counts
    label: Counts
    total: Counts
    matched: Counts
    matched_across: Counts
    pairs_labelled: Counts
    pairs_differ: Counts
    pairs_disjoint: Counts

    def to_json(self) -> dict[str, Any]:
        """``{rows, pairs_labelled, pairs_differ, pairs_disjoint}``: three packed curves (`analysis.core.curves`).

        ``rows`` is a list of ``[dataset, label, total, curve of matched, curve of matched_across]``.
        """
        columns = (self.dataset.tolist(), self.label.tolist(), self.total.tolist())
        rows = zip(*columns, pack_all(self.matched), pack_all(self.matched_across), strict=True)
        return {
            "rows": [list(row) for row in rows],
            "pairs_labelled": pack(self.pairs_labelled),
            "pairs_differ": pack(self.pairs_differ),
            "pairs_disjoint": pack(self.pairs_disjoint),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], s: int) -> Self:
        """What `to_json` wrote of a curve of `s` steps."""
        rows = data["rows"]
        return cls(
            dataset=np.array([row[0] for row in rows], np.int64),
            label=np.array([row[1] for row in rows], np.int64),
            total=np.array([row[2] for row in rows], np.int64),
            matched=unpack_all([row[3] for row in rows], s),
            matched_across=unpack_all([row[4] for row in rows], s),
            pairs_labelled=unpack(data["pairs_labelled"], s),
            pairs_differ=unpack(data["pairs_differ"], s),
            pairs_disjoint=unpack(data["pairs_disjoint"], s),
        )


class LabelCount:
    """Overlap by label at s thresholds, counted part by part.

    Args:
        labels: labels of the n images.
        s: number of steps.
    """

    def __init__(self, labels: ImageLabels, s: int) -> None:
        self._labels, self._s = labels, s
        self._carried = labels.incidence()
        self._per_image = np.diff(self._carried.indptr).astype(np.int64)
        self._pairs = np.zeros((3, s), np.int64)

    def add(self, a: Counts, b: Counts, step: Counts) -> None:
        """Count more pairs.

        Args:
            a: int64, shape (m,), one image of each pair.
            b: int64, shape (m,), the other.
            step: int64, shape (m,), first step that counts the pair, below s.
        """
        both = (self._per_image[a] > 0) & (self._per_image[b] > 0)
        a, b, step = a[both], b[both], step[both]
        shared = np.asarray((self._carried[a] * self._carried[b]).sum(axis=1), np.int64).reshape(-1)
        differ = shared < np.maximum(self._per_image[a], self._per_image[b])
        counted = (step, step[differ], step[shared == 0])
        self._pairs += np.stack([np.bincount(chosen, minlength=self._s) for chosen in counted])

    def curve(self, *, home: Counts, first_any: Counts, first_across: Counts) -> LabelCurve:
        """The overlap by the pairs that were added.

        Args:
            home: int64, shape (n,), dataset of each image.
            first_any: int64, shape (n,), first step at which the image is in a pair; s where it never is.
            first_across: int64, shape (n,), the same for pairs with an image of another dataset.
        """
        n_labels, s = self._labels.n_labels, self._s
        image = np.repeat(np.arange(len(self._labels)), self._per_image)
        rows, where = np.unique(home[image] * n_labels + self._carried.indices, return_inverse=True)
        labelled, differ, disjoint = self._pairs.cumsum(axis=1)
        return LabelCurve(
            dataset=rows // max(n_labels, 1),
            label=rows % max(n_labels, 1),
            total=np.bincount(where, minlength=len(rows)).astype(np.int64),
            matched=cumulative(first_any[image], where, s, len(rows)),
            matched_across=cumulative(first_across[image], where, s, len(rows)),
            pairs_labelled=labelled,
            pairs_differ=differ,
            pairs_disjoint=disjoint,
        )
