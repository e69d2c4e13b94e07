"""The exact nearest neighbours of every row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nearest(reduced: NDArray[np.float64], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k nearest other rows of each row by Euclidean distance, the closest first.

    Args:
        reduced: float64, shape (n, d), all rows different.
        k: at most n - 1.

    Returns:
        rows, int64, and distances, float64, both of shape (n, k).
    """
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=k, algorithm="brute", n_jobs=-1).fit(reduced)
    distance, row = found.kneighbors()
    return row.astype(np.int64), distance.astype(np.float64)
