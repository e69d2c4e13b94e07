"""AKAZE: Alcantarilla, Nuevo and Bartoli (2013), doi:10.5244/C.27.13."""

from __future__ import annotations

from typing import Any

import cv2

from analysis.core.verifiers._keypoint_verifier import KeypointVerifier


def _detector() -> Any:
    # OpenCV 5 moved it to the contributed modules.
    home = cv2 if hasattr(cv2, "AKAZE_create") else cv2.xfeatures2d
    return home.AKAZE_create(threshold=2e-4, max_points=2000)


ENTRIES = (
    KeypointVerifier(
        name="akaze-1",
        title="AKAZE",
        summary=(
            "Blobs along the edges of things, with 486-bit descriptors: finds about what ORB finds, but from other "
            "points, so it is a second opinion; half as fast."
        ),
        default_inliers=20,
        norm=cv2.NORM_HAMMING,
        ratio=0.8,
        detector=_detector,
    ),
)
