"""A verifier made of a detector of OpenCV and a ratio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.verifiers._finding import Finding, find
from analysis.core.verifiers._seen import Seen


@dataclass(frozen=True, slots=True)
class KeypointVerifier:
    """A detector with its ratio test.

    Attributes:
        name: see `Verifier`.
        title: see `Verifier`.
        summary: see `Verifier`.
        default_inliers: see `Verifier`.
        norm: OpenCV's norm for distances of its descriptors.
        ratio: of the nearest to the second nearest keypoint, below which a match counts.
        detector: makes OpenCV's detector.
    """

    name: str
    title: str
    summary: str
    default_inliers: int
    norm: int
    ratio: float
    detector: Callable[[], Any]

    def see(self, rgb: NDArray[np.uint8]) -> Seen:
        """See `Verifier`."""
        return Seen.of(rgb, self.detector)

    def compare(self, a: Seen, b: Seen) -> Finding:
        """See `Verifier`."""
        return find(a, b, norm=self.norm, ratio=self.ratio)
