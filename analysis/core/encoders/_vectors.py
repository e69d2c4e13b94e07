"""From what a model gives to vectors of unit length."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.errors import ModelUnavailable


def features(name: str, raw: NDArray[Any], n_images: int) -> NDArray[np.float32]:
    """What a model gave, as float32 of shape (n, dim); sides of length 1 behind the features are dropped.

    Raises:
        ModelUnavailable: it is not one vector for each image.
    """
    vectors = raw.reshape(raw.shape[:2]) if raw.ndim > 2 and raw.size == raw.shape[0] * raw.shape[1] else raw
    if vectors.ndim != 2 or len(vectors) != n_images or vectors.shape[1] == 0:
        raise ModelUnavailable(
            f"{name} gives an array of shape {raw.shape} for {n_images} images, not one vector for each.",
            remedy="Name the output that holds the embedding in the description, or export the model with one.",
        )
    return np.asarray(vectors, np.float32)


def unit(name: str, raw: NDArray[np.float32]) -> Vectors:
    """The same vectors, shape (n, dim), at length 1.

    Raises:
        ModelUnavailable: values that are not finite, or nothing but zeros.
    """
    values = raw.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values))
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        what = "values that are not finite" if not np.isfinite(lengths).all() else "nothing but zeros"
        raise ModelUnavailable(
            f"{name} gives {what} for an image, which has no direction to compare then.",
            remedy="Check its weights, and the mean and standard deviation that are declared for it.",
        )
    return Vectors((values / lengths[:, None]).astype(np.float32))


def no_text_tower(name: str) -> ModelUnavailable:
    """The error for a text given to a model of images alone."""
    return ModelUnavailable(
        f"{name} has no text tower: it compares images only.", remedy="Choose a model of the family openclip."
    )
