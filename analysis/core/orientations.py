"""The eight ways to turn and mirror a picture, numbered as EXIF numbers them, and pairs found in the best of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Pairs
from analysis.core.errors import InvalidArray

ORIENTATIONS = (1, 2, 3, 4, 5, 6, 7, 8)
"""EXIF's orientations: 1 leaves a picture as it is, 2 to 4 keep its sides, 5 to 8 exchange width and height."""

_MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
"""Where a point of the picture goes, x to the right and y down from its middle: the columns (a, b) and (c, d)."""

_WORDS = {
    1: "as it is",
    2: "mirrored left–right",
    3: "turned by 180°",
    4: "mirrored top–bottom",
    5: "mirrored along the diagonal from top left",
    6: "turned by 90° to the right",
    7: "mirrored along the diagonal from top right",
    8: "turned by 90° to the left",
}


def turned(rgb: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The picture as it is shown where its file states this EXIF orientation.

    Args:
        rgb: uint8, shape (height, width, 3).
        orientation: 1 to 8.

    Returns:
        uint8, contiguous, shape (height, width, 3), or (width, height, 3) from orientation 5 on; `rgb` itself where
        nothing is to be done.

    Raises:
        InvalidArray: a number that is no orientation.
    """
    a, b, c, d = _matrix(orientation)
    rows, columns = (b + d, a + c)
    if a == 0:
        rgb = rgb.swapaxes(0, 1)
    return np.ascontiguousarray(rgb[::rows, ::columns])


def inverse(orientation: int) -> int:
    """The orientation that undoes this one.

    Raises:
        InvalidArray: a number that is no orientation.
    """
    a, b, c, d = _matrix(orientation)
    # The inverse of a matrix that only turns and mirrors is its transpose.
    return next(other for other, matrix in _MATRICES.items() if matrix == (a, c, b, d))


def exchanges_sides(orientation: int) -> bool:
    """Whether the turned picture is as wide as the picture is high.

    Raises:
        InvalidArray: a number that is no orientation.
    """
    return _matrix(orientation)[0] == 0


def css(orientation: int) -> str:
    """What turns a picture around its middle on a page: the value of CSS's ``transform``, also of SVG's.

    Raises:
        InvalidArray: a number that is no orientation.
    """
    return "matrix({}, {}, {}, {}, 0, 0)".format(*_matrix(orientation))


def words(orientation: int) -> str:
    """What was done to the picture, for people, e.g. ``turned by 90° to the right``.

    Raises:
        InvalidArray: a number that is no orientation.
    """
    _matrix(orientation)
    return _WORDS[orientation]


def best(parts: Mapping[int, Pairs], *, within: bool) -> Pairs:
    """Each pair once, in the orientation of its smallest distance.

    Args:
        parts: by orientation of the second image, the pairs found with it turned so.
        within: whether both sides are rows of one set: then a pair counts with a < b only, its second image turned.
            Turned copies join as a second set, so the same images stand there in both orders, and beside themselves.

    Returns:
        The pairs with their orientation, sorted by a, then b; of equal distances the lowest orientation.

    Raises:
        InvalidArray: a number that is no orientation.
    """
    for orientation in parts:
        _matrix(orientation)
    found = [Pairs.empty(), *parts.values()]
    a, b = np.concatenate([pairs.a for pairs in found]), np.concatenate([pairs.b for pairs in found])
    distance = np.concatenate([pairs.distance for pairs in found])
    orientations = np.repeat(np.array(list(parts), np.int8), [len(pairs) for pairs in parts.values()])
    order = np.lexsort((orientations, distance, b, a))
    if within:
        order = order[a[order] < b[order]]
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(a[order]) != 0) | (np.diff(b[order]) != 0)
    return Pairs(a, b, distance, orientations).take(order[first])


def _matrix(orientation: int) -> tuple[int, int, int, int]:
    if orientation not in _MATRICES:
        raise InvalidArray(f"{orientation} is no orientation.", remedy="Give EXIF's number, 1 to 8.")
    return _MATRICES[orientation]
