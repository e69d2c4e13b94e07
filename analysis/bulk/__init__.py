"""Large reads and writes: no model instance per row, arrays in and out."""

from analysis.bulk.copy import LAST_ID
from analysis.bulk.descriptors import (
    FEW_ROWS,
    read_descriptors,
    read_embeddings,
    read_hashes,
    write_descriptors,
    write_embeddings,
    write_hashes,
)
from analysis.bulk.images import read_image_ids, read_image_labels
from analysis.bulk.measurements import measurement_parts, read_accepted, read_measurements, write_measurements

__all__ = [
    "FEW_ROWS",
    "LAST_ID",
    "measurement_parts",
    "read_accepted",
    "read_descriptors",
    "read_embeddings",
    "read_hashes",
    "read_image_ids",
    "read_image_labels",
    "read_measurements",
    "write_descriptors",
    "write_embeddings",
    "write_hashes",
    "write_measurements",
]
