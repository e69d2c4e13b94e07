"""One print of any subject."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from catalog.core.example.closeups import birds, flowers, fruit_bowls, portraits
from catalog.core.example.drawing import PALETTES, Canvas, Palette, blend, finish
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
    subject: str,
    size: tuple[int, int],
    *,
    layout: np.random.Generator,
    detail: np.random.Generator,
    version: bool = False,
) -> Image.Image:
    """Draw one print.

    Args:
        subject: one of ``SUBJECTS``.
        size: width and height in pixels.
        layout: decides the composition and its inks.
        detail: decides the tinge of the inks and the small things: sun or moon, waves, lit windows, the paper.
        version: print it as another edition would, in inks that are further from the layout's own.

    Returns:
        An RGB image of that size.
    """
    own = int(layout.integers(len(PALETTES)))
    other = PALETTES[(own + int(detail.integers(1, len(PALETTES)))) % len(PALETTES)]
    share = float(detail.uniform(0.45, 0.7) if version else detail.uniform(0, 0.25))
    palette = Palette(*(blend(ink, tinge, share) for ink, tinge in zip(PALETTES[own], other, strict=True)))
    canvas = Canvas(size, palette, layout=layout, detail=detail)
    _SCENES[subject](canvas)
    return finish(canvas)
