"""What a search gives: images with their distances, nearest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

UPRIGHT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """Images near a query, nearest first; of equal distances the lower image id first.

    Attributes:
        image_ids: int64, shape (m,), each once.
        dataset_ids: int64, shape (m,).
        distance: float32, shape (m,), as a comparison measures it.
        orientation: int8, shape (m,): the EXIF orientation of the query that is nearest; 1 where no other was tried.
    """

    image_ids: NDArray[np.int64]
    dataset_ids: NDArray[np.int64]
    distance: NDArray[np.float32]
    orientation: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.image_ids)

    @classmethod
    def of(
        cls,
        image_ids: NDArray[np.int64],
        dataset_ids: NDArray[np.int64],
        distance: NDArray[np.float32],
        orientation: int = UPRIGHT,
    ) -> Self:
        """Images in any order, put into theirs."""
        order = np.lexsort((image_ids, distance))
        turned = np.full(len(order), orientation, np.int8)
        return cls(image_ids[order], dataset_ids[order], distance[order], turned)

    @classmethod
    def merged(cls, parts: Sequence[Nearest]) -> Self:
        """All of several, each image once with its smallest distance; of equal ones in the lowest orientation."""
        if not parts:
            none = np.empty(0, np.int64)
            return cls.of(none, none, np.empty(0, np.float32))
        image_ids = np.concatenate([part.image_ids for part in parts])
        distance = np.concatenate([part.distance for part in parts])
        orientation = np.concatenate([part.orientation for part in parts])
        dataset_ids = np.concatenate([part.dataset_ids for part in parts])
        order = np.lexsort((orientation, image_ids, distance))
        _, first = np.unique(image_ids[order], return_index=True)
        kept = order[np.sort(first)]
        return cls(image_ids[kept], dataset_ids[kept], distance[kept], orientation[kept])

    def without(self, image_id: int) -> Nearest:
        """All but one image: a picture is no neighbour of itself."""
        return self._take(self.image_ids != image_id)

    def within(self, distance: float) -> Nearest:
        """Those at most `distance` away."""
        return self._take(self.distance <= np.float32(distance))

    def first(self, k: int) -> Nearest:
        """The k nearest."""
        return self._take(slice(0, k))

    def _take(self, chosen: slice | NDArray[np.bool_]) -> Nearest:
        return Nearest(
            self.image_ids[chosen], self.dataset_ids[chosen], self.distance[chosen], self.orientation[chosen]
        )
