"""One print of any subject."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from catalog.core.example.closeups import birds, flowers, fruit_bowls, portraits
from catalog.core.example.drawing import PALETTES, Canvas, finish
from catalog.core.example.outdoors import lighthouses, mountains, ships, towers

_SCENES: dict[str, Callable[[Canvas], None]] = {
    "bird": birds,
    "flowers": flowers,
    "fruit bowl": fruit_bowls,
    "lighthouse": lighthouses,
    "mountains": mountains,
    "portrait": portraits,
    "ship": ships,
    "tower": towers,
}

SUBJECTS = tuple(_SCENES)


def draw(
    subject: str, size: tuple[int, int], *, layout: np.random.Generator, detail: np.random.Generator
) -> Image.Image:
    """Draw one print.

    Args:
        subject: one of ``SUBJECTS``.
        size: width and height in pixels.
        layout: decides the composition and where light and dark lie in it.
        detail: decides the inks and the small things: sun or moon, waves, lit windows, the mount, the grain of the paper.

    Returns:
        An RGB image of that size.
    """
    palette = PALETTES[detail.integers(len(PALETTES))]
    canvas = Canvas(size, palette, layout=layout, detail=detail)
    _SCENES[subject](canvas)
    return finish(canvas)
