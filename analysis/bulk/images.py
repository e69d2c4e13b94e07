"""Images and their labels, out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.bulk.copy import copy_out, record


def read_image_ids(*, dataset_id: int) -> NDArray[np.int64]:
    """The ids of a dataset's images, int64, shape (n,), rising."""
    raw = copy_out("SELECT id FROM catalog_image WHERE dataset_id = %s ORDER BY id", [dataset_id])
    return np.frombuffer(raw, record([("id", ">i8", 8)]))["id"].astype(np.int64)


def read_image_labels(*, dataset_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which images of a dataset carry which labels: image ids and label ids, int64, shape (m,), by image then label."""
    raw = copy_out(
        "SELECT il.image_id, il.label_id FROM catalog_imagelabel il JOIN catalog_image i ON i.id = il.image_id"
        " WHERE i.dataset_id = %s ORDER BY il.image_id, il.label_id",
        [dataset_id],
    )
    rows = np.frombuffer(raw, record([("image", ">i8", 8), ("label", ">i8", 8)]))
    return rows["image"].astype(np.int64), rows["label"].astype(np.int64)
