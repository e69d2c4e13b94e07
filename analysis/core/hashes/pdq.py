"""PDQ: the hash that platforms exchange to recognise pictures, with a quality that says how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.core.hashes._base import HashBase
from analysis.core.hashes._pdq import bits_and_quality
from analysis.core.hashes._rendition import Rendition
from analysis.core.metrics import NOT_KNOWN, TaggedHamming

TRUSTED = 50
"""Its authors advise against hashes of a lower quality."""


@dataclass(frozen=True)
class PDQHash(HashBase):
    """`pdqhash.compute(image)`: 256 bits, the first bit the first of its vector, and behind them the quality."""

    name = "pdq-256"
    title = "PDQ, 256 bits"
    summary = (
        "Compares the coarse structure by its lowest frequencies, finer than pHash: finds resized, recompressed and "
        "recoloured copies with very few false alarms, but misses crops, turned and mirrored copies. It states its "
        "quality, 0 to 100: below 50 the picture is too flat for its hash to mean much, and blank pages match each "
        "other."
    )
    at_import = False
    # Its authors' recommendation.
    default_distance = 31
    metric = TaggedHamming(256, 1)

    def describe(self, rendition: Rendition) -> NDArray[np.uint8]:
        """uint8, shape (33,): the bits, packed, and the quality."""
        bits, quality = bits_and_quality(rendition.rgb)
        return np.append(np.packbits(bits), np.uint8(quality))

    def note(self, descriptor: bytes) -> str:
        """The quality; hashes that were brought as bits alone have none."""
        quality = descriptor[-1]
        if quality == NOT_KNOWN:
            return "quality not known"
        return f"quality {quality} of 100" + ("" if quality >= TRUSTED else ", too flat to trust")


ENTRIES = (PDQHash(),)
