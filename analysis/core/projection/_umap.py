"""UMAP by umap-learn, on exact neighbours and from a start that does not depend on chance."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
from numpy.typing import NDArray

from analysis.core.projection._neighbours import nearest
from analysis.core.projection.project import Report


class _Epochs:
    """What umap-learn's progress bar writes to: it hears bare epoch numbers."""

    def __init__(self, report: Report, total: int) -> None:
        self.report, self.total = report, total

    def write(self, text: str) -> None:
        with contextlib.suppress(ValueError):
            self.report("Placing images", int(text.strip()), self.total)

    def flush(self) -> None:
        pass


def umap(
    reduced: NDArray[np.float64], *, neighbours: int, min_dist: float, seed: int, report: Report
) -> NDArray[np.float32]:
    """Coordinates of different rows.

    Args:
        reduced: float64, shape (n, d), principal components of n different rows, at least 4, in 3 directions or more.
        neighbours: how many rows each is joined with, itself among them; at most n.
        min_dist: how close points may come.
        seed: of the order in which joins are drawn.
        report: hears how far it is.

    Returns:
        float32, shape (n, 2).
    """
    report("Finding neighbours", 0, 0)
    n = len(reduced)
    row, distance = nearest(reduced, neighbours - 1)
    # umap-learn counts a row as its own first neighbour.
    row = np.column_stack([np.arange(n), row])
    distance = np.column_stack([np.zeros(n), distance])
    report("Starting UMAP, which takes some seconds the first time", 0, 0)
    with warnings.catch_warnings():
        # That it works with one thread for the seed's sake, and keeps no index for images to come: both are wanted.
        warnings.simplefilter("ignore")
        from umap import UMAP

        epochs = 500 if n <= 10_000 else 200
        bar = {"file": _Epochs(report, epochs), "bar_format": "{n}", "disable": False, "mininterval": 0.5}
        found = UMAP(
            n_neighbors=neighbours,
            min_dist=min_dist,
            n_epochs=epochs,
            random_state=seed,
            n_jobs=1,
            # Where the spectral start fails or differs by machine, the principal components stand.
            init=reduced[:, :2].astype(np.float32),
            precomputed_knn=(row, distance.astype(np.float32), None),
            tqdm_kwds=bar,
        ).fit_transform(reduced.astype(np.float32))
    return np.ascontiguousarray(found, np.float32)
