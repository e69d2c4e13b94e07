"""What is known of a pair, in distances, words and lines ready to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import queries
from analysis.core import alignment, orientations
from analysis.core.verifiers import VERIFIERS, Transformation, Verifier, sentences
from analysis.models import Verification
from analysis.queries import Measured
from catalog.models import Image

HEIGHT, GAP = 600.0, 12.0
"""Of both pictures in the drawing of matches, and between them, in its own units."""
SHOWN_WHOLE = 0.97
"""From this share of a picture on its part is not outlined."""
WHOLE, TURN = "whole", "turn-"
"""Ways of laying that need no keypoints: the whole over the whole, upright or turned."""

Numbers = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Apart:
    """How far apart a pair is under one signal, as its page says it.

    Attributes:
        found: the distance.
        percent: of what unrelated pictures differ by.
        turned: how the second picture was turned for it; empty where it was not.
        noted: what the two hashes say of themselves, such as their quality; empty where they say nothing.
    """

    found: Measured
    percent: float
    turned: str
    noted: str


def measured(one: Image, other: Image) -> list[tuple[str, list[Apart]]]:
    """Every known distance, hashes and embeddings apart."""
    rows = [
        Apart(
            found,
            100 * found.distance / found.known.scale.unrelated,
            orientations.words(found.orientation) if found.orientation and found.orientation != 1 else "",
            _noted(*found.notes),
        )
        for found in queries.distances(one, other)
    ]
    groups = [
        ("Hashes", [row for row in rows if not row.found.known.is_embedding]),
        ("Embeddings", [row for row in rows if row.found.known.is_embedding]),
    ]
    return [(title, found) for title, found in groups if found]


def _noted(one: str, other: str) -> str:
    """The notes of two hashes in one line."""
    if one == other:
        return f"both: {one}" if one else ""
    return f"the first: {one}; the second: {other}"


@dataclass(frozen=True, slots=True)
class Look:
    """What a verifier found in a pair, or that it was not asked yet.

    Attributes:
        verifier: the verifier.
        found: what is stored; None where it was not asked.
        transformation: how the second picture lies in the first; None where none was found.
        said: the same in sentences.
    """

    verifier: Verifier
    found: Verification | None
    transformation: Transformation | None
    said: Sequence[str]

    @classmethod
    def of(cls, verifier: Verifier, found: Verification | None) -> Look:
        """Read what is stored."""
        if found is None or "homography" not in found.geometry:
            return cls(verifier, found, None, ())
        lies = Transformation.from_json(found.geometry)
        return cls(verifier, found, lies, sentences(lies, mirrored=found.mirrored))

    @property
    def inliers(self) -> int:
        """Matches that the transformation explains; -1 where nobody looked."""
        return -1 if self.found is None else self.found.inliers

    @property
    def sure(self) -> bool:
        """Whether the two most likely show the same thing."""
        return self.inliers >= self.verifier.default_inliers

    @property
    def conclusion(self) -> str:
        """What to make of it, in a sentence."""
        if self.found is None:
            return ""
        for keypoints, which in ((self.found.keypoints_a, "first"), (self.found.keypoints_b, "second")):
            if keypoints < 2:
                return f"The {which} picture has no keypoints: it is too plain or too small to hold on to."
        if self.sure:
            return (
                "So many points in one arrangement: the pictures show the same thing, wholly or in part, or a close "
                "version of it."
            )
        if self.transformation is not None:
            return (
                "Few points, but in one arrangement: perhaps another version, the same thing much changed, or a part "
                "that both share. Look at the lines."
            )
        return "No arrangement explains more matches than chance does: nothing in common was found."


def looks(one: Image, other: Image) -> list[Look]:
    """Every verifier with what it found in the pair."""
    found = {each.verifier: each for each in queries.verifications(one, other)}
    return [Look.of(verifier, found.get(name)) for name, verifier in VERIFIERS.items()]


@dataclass(frozen=True, slots=True)
class Laying:
    """A way to lay the second picture over the first.

    Attributes:
        key: how addresses name it.
        title: for people.
        homography: float64, shape (3, 3), takes pixels of the first to pixels of the second.
    """

    key: str
    title: str
    homography: NDArray[np.float64]


def layings(one: Image, other: Image, seen: Sequence[Look]) -> list[Laying]:
    """Every way to lay the second picture over the first, the best founded first; the last needs nothing known."""
    sizes = size(one), size(other)
    ways = [
        Laying(look.verifier.name, f"as {look.verifier.title} found it", look.transformation.homography)
        for look in sorted(seen, key=lambda look: -look.inliers)
        if look.transformation is not None
    ]
    turns = {found.orientation or 1 for found in queries.measurements(one, other)} - {1}
    ways += [
        Laying(f"{TURN}{turn}", f"whole, {orientations.words(turn)}", alignment.whole(*sizes, turn))
        for turn in sorted(turns)
    ]
    return [*ways, Laying(WHOLE, "whole over whole", alignment.whole(*sizes))]


def size(image: Image) -> alignment.Size:
    """Width and height in pixels; images with a picture have both."""
    return image.width or 1, image.height or 1


@dataclass(frozen=True, slots=True)
class Drawing:
    """Both pictures side by side with lines between matched points, in the drawing's own units.

    Attributes:
        width: of the drawing.
        height: of the drawing.
        a: x, y, width and height of the first picture.
        b: the same of the second.
        inliers: x and y in the first, x and y in the second.
        others: the same of matches that the transformation does not explain.
        parts: x, y, width and height of what each picture shows of the other, where it is not all of it.
    """

    width: float
    height: float
    a: Numbers
    b: Numbers
    inliers: Sequence[Numbers]
    others: Sequence[Numbers]
    parts: Sequence[Numbers]


def drawing(one: Image, other: Image, look: Look) -> Drawing:
    """The matches of a pair that a verifier has looked at, as far as they are kept."""
    widths = [HEIGHT * width / height for width, height in (size(one), size(other))]
    a, b = (0.0, 0.0, widths[0], HEIGHT), (widths[0] + GAP, 0.0, widths[1], HEIGHT)
    lines = np.array(look.found.geometry["lines"] if look.found else [], np.float64).reshape(-1, 5)
    scale = np.array([HEIGHT / size(one)[1]] * 2 + [HEIGHT / size(other)[1]] * 2)
    # A pixel's coordinates are those of its centre.
    ends = ((lines[:, :4] + 0.5) * scale + [0, 0, b[0], 0]).round(1)
    inlying = lines[:, 4] == 1
    parts = []
    if lies := look.transformation:
        for frame, box, share in ((a, lies.box_a, lies.share_a), (b, lies.box_b, lies.share_b)):
            if share < SHOWN_WHOLE:
                parts.append(_part(frame, box))
    return Drawing(
        width=round(b[0] + b[2], 1),
        height=HEIGHT,
        a=a,
        b=b,
        inliers=_rows(ends[inlying]),
        others=_rows(ends[~inlying]),
        parts=parts,
    )


def _rows(ends: NDArray[np.float64]) -> list[Numbers]:
    return [(x, y, u, v) for x, y, u, v in ends.tolist()]


def _part(frame: Numbers, box: Numbers) -> Numbers:
    left, top, right, bottom = box
    x, y, width, height = frame
    part = (x + left * width, y + top * height, (right - left) * width, (bottom - top) * height)
    a, b, c, d = (round(each, 1) for each in part)
    return a, b, c, d
