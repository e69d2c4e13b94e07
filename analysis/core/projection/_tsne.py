"""t-SNE: affinities by perplexity, then gradient descent.

Our own, because the library at hand takes minutes for what takes seconds here and says nothing while it works. The
schedule is the one that its users know (early exaggeration 12 for 250 of 1,000 steps, momentum 0.5 then 0.8, gains,
step n / 12), and the start is the principal components (Kobak and Berens 2019, doi:10.1038/s41467-019-13056-x).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from analysis.core.projection._neighbours import nearest
from analysis.core.projection._repulsion import repulsion
from analysis.core.projection._threads import Threads
from analysis.core.projection._tsne_kernels import affinities, attraction
from analysis.core.projection.project import Report

Floats = NDArray[np.float64]

STEPS = 1000
EXAGGERATED_STEPS = 250
EXAGGERATION = 12.0
LEAST_RATE = 50.0
"""Of a step along the gradient, whose factor of 4 is in it."""

START = 1e-4
"""Standard deviation of the first coordinate at the start."""


def tsne(reduced: Floats, *, perplexity: float, seed: int, report: Report) -> NDArray[np.float32]:
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
    row, distance = nearest(reduced, min(n - 1, int(3 * perplexity + 1)))
    joint = joint_affinities(row, distance, perplexity)
    start = reduced[:, :2] / reduced[:, 0].std() * START
    start += np.random.default_rng(seed).normal(scale=0.1 * START, size=start.shape)
    return descend(joint, start, report).astype(np.float32)


def joint_affinities(row: NDArray[np.int64], distance: Floats, perplexity: float) -> csr_array:
    """How much any two rows belong together: symmetric, shape (n, n), summing to 1.

    Args:
        row: int64, shape (n, k), neighbours of each row.
        distance: float64, shape (n, k), how far they are.
        perplexity: of each row's own distribution over its neighbours.
    """
    n, k = row.shape
    conditional = np.empty((n, k))
    with Threads() as threads:
        threads.over(n, partial(affinities, np.square(distance), perplexity, conditional))
    indptr = np.arange(0, n * k + 1, k)
    one_way = csr_array((conditional.ravel(), row.ravel(), indptr), shape=(n, n))
    both = csr_array(one_way + one_way.T)
    both.sum_duplicates()
    both.data /= both.data.sum()
    return both


def descend(joint: csr_array, start: Floats, report: Report) -> Floats:
    """Minimise the divergence of the picture's affinities from the joint ones.

    Args:
        joint: shape (n, n), symmetric, summing to 1.
        start: float64, shape (n, 2).
        report: hears how far it is.

    Returns:
        float64, shape (n, 2).
    """
    points = start.copy()
    step, pull = np.zeros_like(points), np.zeros_like(points)
    gains = np.ones_like(points)
    rate = max(len(points) / EXAGGERATION, LEAST_RATE)
    with Threads() as threads:
        for count in range(STEPS):
            exaggerated = count < EXAGGERATED_STEPS
            threads.over(len(points), partial(attraction, joint.data, joint.indices, joint.indptr, points, pull))
            gradient = (EXAGGERATION if exaggerated else 1.0) * pull - repulsion(points, threads)
            gains = np.maximum(np.where(gradient * step < 0, gains + 0.2, gains * 0.8), 0.01)
            step = (0.5 if exaggerated else 0.8) * step - rate * gains * gradient
            points += step
            points -= points.mean(axis=0)
            if count % 10 == 9:
                report("Placing images", count + 1, STEPS)
    return points
