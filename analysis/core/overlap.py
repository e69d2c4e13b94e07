"""Overlap of datasets at every threshold, as numbers to store. What it means stands in `DEFINITION`, and only there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from analysis.core.curves import Counts, pack, pack_all, shortest, unpack, unpack_all
from analysis.core.errors import InvalidArray
from analysis.core.label_overlap import LabelCurve

DEFINITION = (
    "Two images are a pair at a threshold when their distance is at most that threshold. "
    "An image of dataset A overlaps with dataset B when it is in at least one pair with an image of B. "
    "One image can be in several pairs, so three numbers are given: the images of A that overlap with B, "
    "the images of B that overlap with A, and the pairs between them; they usually differ. "
    "Images that pairs join, directly or through other images, form a cluster and count as one picture; "
    "an image in no pair is a picture by itself. "
    "A picture lies in every dataset that has an image of it."
)
"""The one definition of overlap, in the words that pages and reports show."""

SCHEMA = 1
"""Version of the JSON written by `OverlapCurve.to_json`; grows when a reader of the old one would err."""


@dataclass(frozen=True, slots=True, eq=False)
class OverlapCurve:
    """Overlap of k datasets at each of s thresholds, as `DEFINITION` says; all counts are int64.

    Attributes:
        steps: float32, shape (s,), the thresholds, rising.
        images: shape (k,), images of each dataset.
        pairs: shape (s, k, k), symmetric: pairs between two datasets; on the diagonal, pairs within one.
        matched: shape (s, k, k): images of the row dataset that overlap with the column dataset;
            on the diagonal, images in a pair within their own dataset.
        matched_any: shape (s, k), images in a pair.
        matched_across: shape (s, k), images in a pair with an image of another dataset.
        clusters: shape (s,), clusters of two or more images.
        largest_cluster: shape (s,), images in the largest cluster; 0 where there is none.
        regions: bit mask of datasets (bit j is dataset j) -> shape (s,), pictures that lie in exactly these datasets;
            only masks that occur at a threshold.
        region_images: bit mask -> shape (s, k), images of each dataset in these pictures.
        labels: overlap by label, where labels were given.
    """

    steps: NDArray[np.float32]
    images: Counts
    pairs: Counts
    matched: Counts
    matched_any: Counts
    matched_across: Counts
    clusters: Counts
    largest_cluster: Counts
    regions: Mapping[int, Counts]
    region_images: Mapping[int, Counts]
    labels: LabelCurve | None

    def step_at(self, distance: float) -> int | None:
        """Index of the largest threshold that is at most `distance`; None below the first threshold."""
        step = int(np.searchsorted(self.steps, np.float32(distance), side="right")) - 1
        return step if step >= 0 else None

    def to_json(self) -> dict[str, Any]:
        """JSON-able and compact; `from_json` gives the curve back exactly.

        A **curve** is s counts packed into a list as `analysis.core.curves` says.

        ===================  ===========================================================================
        ``schema``           1
        ``steps``            s thresholds, rising
        ``images``           k counts: images of each dataset
        ``pairs``            k lists of k curves, symmetric; diagonal: within the dataset
        ``matched``          k lists of k curves: images of the row dataset that overlap with the column
        ``matched_any``      k curves
        ``matched_across``   k curves
        ``clusters``         curve
        ``largest_cluster``  curve
        ``regions``          list of ``{sets, pictures, images}``: positions of the datasets, rising; curve;
                             one curve for each dataset of ``sets``. Ordered by number of datasets, then ``sets``
        ``labels``           null, or as `LabelCurve.to_json` says
        ===================  ===========================================================================
        """
        k = len(self.images)
        sets = {mask: [j for j in range(k) if mask >> j & 1] for mask in self.regions}
        return {
            "schema": SCHEMA,
            "steps": [shortest(step) for step in self.steps],
            "images": self.images.tolist(),
            "pairs": [pack_all(self.pairs[:, row]) for row in range(k)],
            "matched": [pack_all(self.matched[:, row]) for row in range(k)],
            "matched_any": pack_all(self.matched_any),
            "matched_across": pack_all(self.matched_across),
            "clusters": pack(self.clusters),
            "largest_cluster": pack(self.largest_cluster),
            "regions": [
                {
                    "sets": sets[mask],
                    "pictures": pack(self.regions[mask]),
                    "images": pack_all(self.region_images[mask][:, sets[mask]]),
                }
                for mask in sorted(self.regions, key=lambda mask: (len(sets[mask]), sets[mask]))
            ],
            "labels": None if self.labels is None else self.labels.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The curve that `to_json` wrote.

        Raises:
            InvalidArray: written under another schema.
        """
        if data.get("schema") != SCHEMA:
            raise InvalidArray(
                f"This overlap was stored under schema {data.get('schema')!r}; schema {SCHEMA} is read here.",
                remedy="Compute the comparison's overlap again.",
            )
        s, k = len(data["steps"]), len(data["images"])
        regions: dict[int, Counts] = {}
        region_images: dict[int, Counts] = {}
        for region in data["regions"]:
            mask = sum(1 << j for j in region["sets"])
            regions[mask] = unpack(region["pictures"], s)
            region_images[mask] = np.zeros((s, k), np.int64)
            region_images[mask][:, region["sets"]] = unpack_all(region["images"], s)
        return cls(
            steps=np.array(data["steps"], np.float32),
            images=np.array(data["images"], np.int64),
            pairs=unpack_all([curve for row in data["pairs"] for curve in row], s).reshape(s, k, k),
            matched=unpack_all([curve for row in data["matched"] for curve in row], s).reshape(s, k, k),
            matched_any=unpack_all(data["matched_any"], s),
            matched_across=unpack_all(data["matched_across"], s),
            clusters=unpack(data["clusters"], s),
            largest_cluster=unpack(data["largest_cluster"], s),
            regions=regions,
            region_images=region_images,
            labels=None if data["labels"] is None else LabelCurve.from_json(data["labels"], s),
        )
