"""ORB: Rublee, Rabaud, Konolige and Bradski (2011), doi:10.1109/ICCV.2011.6126544."""

from __future__ import annotations

from typing import Any

import cv2

from analysis.core.verifiers._keypoint_verifier import KeypointVerifier


def _detector() -> Any:
    return cv2.ORB.create(nfeatures=3000, scaleFactor=1.2, nlevels=10, fastThreshold=10)


ENTRIES = (
    KeypointVerifier(
        name="orb-1",
        title="ORB",
        summary=(
            "Corners with 256-bit descriptors: the fastest; sure of copies, also turned, mirrored or cut to half of "
            "the width; misses most details of a quarter of the width."
        ),
        default_inliers=20,
        norm=cv2.NORM_HAMMING,
        ratio=0.75,
        detector=_detector,
    ),
)
