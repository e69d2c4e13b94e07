"""A projection as CSV."""

from __future__ import annotations

import csv
import io

from analysis.core.projection.scene import Scene

HEADER = ("image", "dataset", "label", "x", "y")


def table(scene: Scene) -> bytes:
    """One row for each image: name, dataset, labels with `` | `` between them, and both coordinates."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    for name, dataset, labels, (x, y) in zip(
        scene.names, scene.datasets, scene.labels, scene.points.tolist(), strict=True
    ):
        writer.writerow([name, dataset, " | ".join(labels), f"{x:.7g}", f"{y:.7g}"])
    return text.getvalue().encode()
