"""The project's own example: three datasets of drawn prints in three layouts, with planted copies that are known.

Nothing is downloaded. Every image is a function of the seed and its number, so images can be made one at a time, in
any amount, and the truth about them is known before the first is drawn::

    truth = generate(Path("example"))                                   # about 260 images, two seconds
    for picture, data in iterate(sizes={"City archive": 100_000}): ...  # for benchmarks
"""

from catalog.core.example.alterations import ALTERATIONS
from catalog.core.example.making import archive, generate, iterate
from catalog.core.example.planting import (
    DEFAULT_SIZES,
    FOLDERS,
    LABELS,
    Picture,
    PlantedPair,
    PlantedRefusal,
    Truth,
    plan,
)

__all__ = [
    "ALTERATIONS",
    "DEFAULT_SIZES",
    "FOLDERS",
    "LABELS",
    "Picture",
    "PlantedPair",
    "PlantedRefusal",
    "Truth",
    "archive",
    "generate",
    "iterate",
    "plan",
]
