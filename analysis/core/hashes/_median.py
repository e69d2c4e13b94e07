"""The median, without what a general median has to allow for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def middle(values: NDArray[Any]) -> tuple[Any, Any]:
    """The two middle values of an even number of them; their mean is the median.

    Args:
        values: any shape, an even number of values, none of them NaN.
    """
    half = values.size // 2
    ordered = np.sort(values, axis=None)
    return ordered[half - 1], ordered[half]
