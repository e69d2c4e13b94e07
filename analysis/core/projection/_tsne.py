"""t-SNE by openTSNE, on exact neighbours and from a start that does not depend on chance."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from analysis.core.projection.project import Report

EXAGGERATED_STEPS, STEPS = 250, 750
"""openTSNE's schedule: steps with early exaggeration 12, then the rest."""

START = 1e-4
"""Standard deviation of the first coordinate at the start."""


class _Heard:
    """Tells the report of every few steps, over both phases."""

    def __init__(self, report: Report) -> None:
        self.report, self.before, self.last = report, 0, 0

    def __call__(self, step: int, error: float, embedding: object) -> bool:
        if step < self.last:
            self.before = EXAGGERATED_STEPS
        self.last = step
        self.report("Placing images", self.before + step, EXAGGERATED_STEPS + STEPS)
        return False


def tsne(reduced: NDArray[np.float64], *, perplexity: float, seed: int, report: Report) -> NDArray[np.float32]:
    """Coordinates of different rows.

    Args:
        reduced: float64, shape (n, d), principal components of n different rows, at least 4, in 3 directions or more.
        perplexity: below n.
        seed: of the small disorder at the start.
        report: hears how far it is.

    Returns:
        float32, shape (n, 2).
    """
    report("Finding neighbours", 0, 0)
    n = len(reduced)
    # The usual start by principal components (Kobak and Berens 2019, doi:10.1038/s41467-019-13056-x), and a disorder
    # that pulls apart what would start in one place.
    start = reduced[:, :2] / reduced[:, 0].std() * START
    start += np.random.default_rng(seed).normal(scale=0.1 * START, size=start.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from openTSNE import TSNEEmbedding
        from openTSNE.affinity import PerplexityBasedNN

        affinities = PerplexityBasedNN(
            reduced,
            perplexity=perplexity,
            # The library would lower the perplexity of few images; so they have all others as neighbours instead.
            k_neighbors=min(n - 1, int(3 * perplexity)),
            method="exact",
            # One thread: the same sums in the same order everywhere, and no waiting on cores that others use.
            n_jobs=1,
            random_state=seed,
        )
        placed = TSNEEmbedding(
            start,
            affinities,
            n_jobs=1,
            random_state=seed,
            callbacks=_Heard(report),
            callbacks_every_iters=10,
        )
        placed.optimize(EXAGGERATED_STEPS, exaggeration=12, momentum=0.8, inplace=True)
        placed.optimize(STEPS, momentum=0.8, inplace=True)
    return np.ascontiguousarray(placed, np.float32)
