"""How far two encoders agree on the same images: on nearest neighbours, on distances, and where they differ most.

The k nearest neighbours of each image are its k nearest other images by cosine distance, exactly; of equal distances
the lower row comes first. Every interval holds the middle 95 % of the values that images drawn again with replacement
give (percentile bootstrap, seeded): how far the number might be another for another collection of such images. The
neighbour lists stand; only how often each image counts is drawn.
"""

from analysis.core.model_agreement._correlation import PAIRS, Correlation, correlation
from analysis.core.model_agreement._different import MOST_PAIRS, DifferentPairs, most_different
from analysis.core.model_agreement._estimates import DRAWS, Estimate
from analysis.core.model_agreement._neighbours import (
    Agreement,
    Neighbours,
    agreement,
    check_neighbours,
    nearest_others,
)

__all__ = [
    "DRAWS",
    "MOST_PAIRS",
    "PAIRS",
    "Agreement",
    "Correlation",
    "DifferentPairs",
    "Estimate",
    "Neighbours",
    "agreement",
    "check_neighbours",
    "correlation",
    "most_different",
    "nearest_others",
]
