"""SIFT: Lowe (2004), doi:10.1023/B:VISI.0000029664.99615.94."""

from __future__ import annotations

from typing import Any

import cv2

from analysis.core.verifiers._keypoint_verifier import KeypointVerifier


def _detector() -> Any:
    return cv2.SIFT.create(
        nfeatures=2000,
        nOctaveLayers=3,
        contrastThreshold=0.02,
        edgeThreshold=10,
        sigma=1.6,
        descriptorType=cv2.CV_8U,
    )


ENTRIES = (
    KeypointVerifier(
        name="sift-1",
        title="SIFT",
        summary=(
            "Blobs of every size with 128 gradients each: the surest, also for details of a quarter of the width and "
            "for other photographs of the same work; several times slower than ORB."
        ),
        default_inliers=20,
        norm=cv2.NORM_L2,
        ratio=0.8,
        detector=_detector,
    ),
)
