"""Land, water and air, as several subjects need them."""

import numpy as np

from catalog.core.example.drawing import (
    Canvas,
    Colour,
    Points,
    blend,
    placed,
)


def ridge(c: Canvas, y: float, height: float, colour: Colour, *, peaks: float = 3.0) -> Points:
    """A mountain or hill line across the sheet, filled down to the foot; returns its crest."""
    x = np.linspace(0, c.w, 90)
    crest = np.zeros_like(x)
    for octave in range(4):
        knots = max(2, int(peaks * 2**octave * c.w))
        values = c.layout.uniform(0, 1, knots + 1)
        crest += np.interp(x, np.linspace(0, c.w, knots + 1), values) / 2.1**octave
    crest = y - height * (crest - crest.min()) / float(np.ptp(crest))
    line = np.column_stack((x, crest))
    c.polygon(np.vstack((line, [(c.w, c.h), (0, c.h)])), colour)
    return line


def water(c: Canvas, horizon: float, tone: Colour) -> None:
    """The sea or a lake from the horizon down, with waves and sometimes glitter."""
    c.box(0, horizon, c.w, c.h, tone)
    other, rows = c.against(tone, apart=28), c.count(4, 11)
    curl, length = c.between(0.004, 0.022), c.between(0.1, 0.5)
    x = np.linspace(0, c.w, 70)
    for k in range(rows):
        share = (k + 0.5 + c.jitter(0.2)) / rows
        y = horizon + (c.h - horizon) * share**1.3
        swell = curl * (0.4 + share) * np.sin(2 * np.pi * x / (length * (0.4 + share)) + c.detail.uniform(0, 6))
        body = (0.005 + 0.022 * share) * np.clip(np.sin(2 * np.pi * x / c.w * c.between(0.6, 2.5) + k), 0.05, 1)
        strip = np.vstack((np.column_stack((x, y + swell)), np.column_stack((x, y + swell + body))[::-1]))
        c.polygon(strip, blend(tone, other, 0.7))
    if c.chance(0.5):
        left, width = c.between(0, 0.8) * c.w, c.between(0.1, 0.5) * c.w
        glitter = [(left, horizon), (left + width / 2, horizon), (left + width, c.h), (left - width / 2, c.h)]
        c.polygon(glitter, other, opacity=0.5)


def flock(c: Canvas, colour: Colour, count: int) -> None:
    """A few distant birds in the upper sky."""
    for _ in range(count):
        x, y, s = c.detail.uniform(0, c.w), c.detail.uniform(0.03, 0.4) * c.h, c.detail.uniform(0.02, 0.05)
        wing = [(-1, -0.3), (-0.5, -0.55), (0, 0), (0.5, -0.55), (1, -0.3), (0.5, -0.3), (0, 0.25), (-0.5, -0.3)]
        c.polygon(placed(wing, x, y, s, 1), colour)
