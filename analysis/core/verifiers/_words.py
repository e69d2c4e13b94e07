"""A transformation in sentences, for people who look at both pictures."""

from __future__ import annotations

from analysis.core.verifiers._transformation import Transformation

WHOLE = 0.97
"""From this share on a picture counts as shown whole: edges are a few pixels off."""
TRIMMED = 0.8
"""From this share on a picture is said to be trimmed, below it to be a detail."""
SAME_SIZE, SAME_SHAPE = 0.02, 0.03
"""Relative differences of size and shape that go unmentioned."""
UPRIGHT = 1.0
"""Degrees of turning that go unmentioned, and by which a quarter turn may miss."""


def sentences(found: Transformation, *, mirrored: bool) -> list[str]:
    """How the second picture lies in the first, what matters most first."""
    said = [_parts(found)]
    if turned := _turned(found.rotation, mirrored):
        said.append(f"The second is {turned}.")
    if found.scale > 1 + SAME_SIZE:
        said.append(f"The same things are {found.scale:.3g} × larger in the second.")
    elif found.scale < 1 / (1 + SAME_SIZE):
        said.append(f"The same things are {1 / found.scale:.3g} × larger in the first.")
    if abs(found.stretch - 1) > SAME_SHAPE:
        how = "stretched" if found.stretch > 1 else "squeezed"
        said.append(f"The second is {how}: {found.stretch:.2f} × as wide for its height.")
    return said


def _parts(found: Transformation) -> str:
    a, b = found.share_a, found.share_b
    if min(a, b) >= WHOLE:
        return "Both show the whole picture."
    if b >= WHOLE:
        return f"The second is {_cut(a)}: it shows {_percent(a)} of the first."
    if a >= WHOLE:
        return f"The first is {_cut(b)}: it shows {_percent(b)} of the second."
    return f"They overlap: the second shows {_percent(a)} of the first, the first {_percent(b)} of the second."


def _cut(share: float) -> str:
    return "trimmed" if share >= TRIMMED else "a detail"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"


def _turned(rotation: float, mirrored: bool) -> str:
    """“turned by 90° to the right, then mirrored left–right”; empty where nothing was done."""
    nearest = round(rotation / 90) * 90
    angle = nearest if abs(rotation - nearest) <= UPRIGHT else round(rotation)
    if mirrored and abs(angle) == 180:
        return "mirrored top–bottom"
    turn = f"turned by {abs(angle)}°" + ("" if abs(angle) == 180 else f" to the {'right' if angle > 0 else 'left'}")
    if not mirrored:
        return turn if angle else ""
    return f"{turn}, then mirrored left–right" if angle else "mirrored left–right"
