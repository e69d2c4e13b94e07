"""The images that a few-shot split is drawn from, in an order that does not depend on how they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from analysis.core.errors import InvalidArray

Clusters = Literal["together", "one", "drop"]

CLUSTERS: Mapping[Clusters, str] = {
    "together": "A cluster lies wholly on one side; the query side may have several images of it.",
    "one": "Only one image of each cluster is used, the first by name.",
    "drop": "Images in clusters of two or more are left out.",
}
"""What may be done with clusters, in words."""

REASONS: Mapping[str, str] = {
    "unlabelled": "without a label",
    "other_class": "with none of the drawn classes",
    "clustered": "in a cluster of two or more images",
    "several_classes": "with more than one of the drawn classes",
    "cluster_several_classes": "in a cluster with more than one of the drawn classes",
    "not_first": "not the first of their cluster by name",
    "with_support": "in the cluster of a support image",
    "not_drawn": "not drawn for the query",
}
"""Why an image is left out, in words; the first reason that holds counts."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageTable:
    """n images in the order of their names; clusters numbered by their first image, classes by code points.

    Attributes:
        order: int64, shape (n,), row in the input.
        names: n names, rising.
        classes: c class names, rising.
        carries: int64 sparse, shape (n, c), 1 where an image carries a class.
        group: int64, shape (n,), number of the cluster.
        by_cluster: int64 sparse, shape (clusters, c), images of the cluster that carry the class.
        size: int64, shape (clusters,), images of the cluster.
    """

    order: NDArray[np.int64]
    names: list[str]
    classes: list[str]
    carries: csr_array
    group: NDArray[np.int64]
    by_cluster: csr_array
    size: NDArray[np.int64]

    @classmethod
    def read(cls, names: Sequence[str], labels: Sequence[tuple[str, ...]], cluster: NDArray[np.int64]) -> ImageTable:
        """Put the input in order.

        Raises:
            InvalidArray: inputs of unequal lengths, or a name that occurs twice.
        """
        n = len(names)
        if not n == len(labels) == len(cluster):
            raise InvalidArray(f"{n} names, labels of {len(labels)} images and clusters of {len(cluster)}.")
        order = np.array(sorted(range(n), key=names.__getitem__), np.int64)
        rising = [names[i] for i in order.tolist()]
        for one, other in pairwise(rising):
            if one == other:
                raise InvalidArray(f"The name {one!r} occurs twice.", remedy="Give every image its own name.")
        classes = sorted({label for carried in labels for label in carried})
        position = {label: i for i, label in enumerate(classes)}
        carried = [sorted({position[label] for label in labels[i]}) for i in order.tolist()]
        columns = np.array([column for one in carried for column in one], np.int64)
        indptr = np.cumsum([0, *map(len, carried)])
        carries = csr_array((np.ones(len(columns), np.int64), columns, indptr), (n, len(classes)))
        _, first, where = np.unique(cluster[order], return_index=True, return_inverse=True)
        group = np.argsort(np.argsort(first))[where].astype(np.int64)
        member = csr_array((np.ones(n, np.int64), (group, np.arange(n))), (len(first), n))
        return cls(order, rising, classes, carries, group, member @ carries, np.bincount(group, minlength=len(first)))

    def usable(self, clusters: Clusters) -> NDArray[np.bool_]:
        """Which clusters the rule admits."""
        return self.size == 1 if clusters == "drop" else np.ones(len(self.size), np.bool_)

    def groups(self, clusters: Clusters) -> NDArray[np.int64]:
        """Groups of each class."""
        return np.asarray((self.by_cluster[self.usable(clusters)] > 0).sum(axis=0), np.int64).reshape(-1)

    def groups_apart(self, drawn: NDArray[np.int64], clusters: Clusters) -> NDArray[np.int64]:
        """Groups of each drawn class that belong to no other drawn class."""
        held = (self.by_cluster[self.usable(clusters)][:, drawn] > 0).toarray()
        return np.asarray(held[held.sum(axis=1) == 1].sum(axis=0), np.int64)

    def images_of(self, position: int) -> NDArray[np.int64]:
        """Images that carry the class, in the order of their names."""
        return np.flatnonzero(self.carries[:, [position]].toarray().reshape(-1)).astype(np.int64)

    def reasons(self, drawn: NDArray[np.int64], clusters: Clusters) -> NDArray[np.str_]:
        """Why each image is left out before any is drawn; empty where it is not."""
        labels = np.diff(self.carries.indptr)
        of_drawn = np.asarray(self.carries[:, drawn].sum(axis=1)).reshape(-1)
        of_cluster = np.asarray((self.by_cluster[:, drawn] > 0).sum(axis=1)).reshape(-1)[self.group]
        conditions = {
            "unlabelled": labels == 0,
            "other_class": of_drawn == 0,
            "clustered": ~self.usable(clusters)[self.group],
            "several_classes": of_drawn > 1,
            "cluster_several_classes": of_cluster > 1,
        }
        reason = np.select(list(conditions.values()), list(conditions), default="").astype("U32")
        if clusters == "one":
            left = np.flatnonzero(reason == "")
            _, first = np.unique(self.group[left], return_index=True)
            reason[np.delete(left, first)] = "not_first"
        return reason
