"""The eight subjects of the example's pictures, each composed anew from two seeds."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from catalog.core._drawing import (
    PALETTES,
    Canvas,
    Colour,
    Points,
    backdrop,
    blend,
    ellipse,
    finish,
    ground_tones,
    leaf,
    luminance,
    smooth,
    turned,
)


def _placed(points: Sequence[tuple[float, float]] | Points, x: float, y: float, scale: float, flip: float) -> Points:
    return np.asarray(points) * (scale * flip, scale) + (x, y)


def _ridge(c: Canvas, y: float, height: float, colour: Colour, *, peaks: float = 3.0) -> Points:
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


def _water(c: Canvas, horizon: float, tone: Colour) -> None:
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


def _sailing_ship(c: Canvas, x: float, y: float, s: float, colours: tuple[Colour, Colour]) -> None:
    hull, sail = colours
    flip = 1.0 if c.chance(0.5) else -1.0
    masts, square = c.count(1, 3), c.chance(0.55)
    for m in range(masts):
        at = (m - (masts - 1) / 2) * 0.62 / masts
        top = -c.between(0.8, 1.15)
        c.line(_placed([(at, 0), (at, top)], x, y, s, flip), hull, 0.022 * s)
        if square:
            rows = c.count(2, 3)
            for r in range(rows):
                upper, lower = top * (1 - 0.86 * r / rows) + 0.06, top * (1 - 0.86 * (r + 0.88) / rows)
                half = (0.16 + 0.06 * r) * 1.7 / (masts + 0.7)
                quad = [(at - half, upper), (at + half, upper), (at + 1.5 * half, (upper + lower) / 2)]
                quad += [(at + 1.15 * half, lower), (at - 0.9 * half, lower), (at - 0.5 * half, (upper + lower) / 2)]
                c.polygon(_placed(quad, x, y, s, flip), blend(sail, hull, 0.12 * r))
        else:
            reach = 0.75 / masts
            c.polygon(_placed([(at + 0.02, top), (at + reach, -0.1), (at + 0.02, -0.1)], x, y, s, flip), sail)
            jib = [(at - 0.02, top * 0.9), (at - reach * 0.7, -0.12), (at - 0.02, -0.12)]
            c.polygon(_placed(jib, x, y, s, flip), blend(sail, hull, 0.25))
    body = [(-0.56, -0.1), (-0.3, -0.02), (0.5, -0.04), (0.62, -0.12), (0.44, 0.16), (-0.42, 0.16)]
    c.polygon(_placed(body, x, y, s, flip), hull)
    c.line(_placed([(-0.5, 0.03), (0.52, 0.03)], x, y, s, flip), sail, 0.014 * s)


def _steamer(c: Canvas, x: float, y: float, s: float, colours: tuple[Colour, Colour]) -> None:
    hull, house = colours
    flip = 1.0 if c.chance(0.5) else -1.0
    funnels, smoke = c.count(1, 3), c.against(hull, apart=25)
    for f in range(funnels):
        at = (f - (funnels - 1) / 2) * 0.24
        if f == 0 or c.chance(0.6):
            drift = c.between(0.15, 0.4)
            for puff in range(7):
                px, py = at - drift * puff * 0.8, -0.7 - 0.12 * puff + c.jitter(0.02)
                px, py = (_placed([(px, py)], x, y, s, flip))[0]
                c.disc(px, py, s * (0.05 + 0.035 * puff), smoke, opacity=0.85)
        c.polygon(
            _placed([(at - 0.06, -0.25), (at - 0.04, -0.68), (at + 0.07, -0.68), (at + 0.06, -0.25)], x, y, s, flip),
            hull,
        )
        c.polygon(
            _placed([(at - 0.05, -0.5), (at - 0.045, -0.6), (at + 0.068, -0.6), (at + 0.065, -0.5)], x, y, s, flip),
            house,
        )
    c.polygon(_placed([(-0.42, -0.12), (-0.38, -0.3), (0.36, -0.3), (0.42, -0.12)], x, y, s, flip), house)
    for k in range(7):
        px, py = _placed([(-0.3 + 0.1 * k, -0.2)], x, y, s, flip)[0]
        c.disc(px, py, 0.02 * s, hull)
    c.polygon(_placed([(-0.75, -0.14), (0.72, -0.14), (0.86, -0.24), (0.66, 0.18), (-0.62, 0.18)], x, y, s, flip), hull)


def _ships(c: Canvas) -> None:
    sky, sea = ground_tones(c)
    backdrop(c, sky)
    horizon = c.h * c.between(0.42, 0.86)
    if c.chance(0.35):
        _ridge(c, horizon + 0.02, c.between(0.06, 0.3), blend(sky, c.against(sky), 0.6))
    _water(c, horizon, sea)
    hull = c.against(sky, sea)
    sail = c.against(sky, hull, apart=40)
    kind = _sailing_ship if c.chance(0.62) else _steamer
    if c.chance(0.55):
        s = c.between(0.4, 0.8)
        kind(c, c.w * c.between(0.2, 0.8), horizon + c.between(0.0, 0.3) * (c.h - horizon), s, (hull, sail))
    for _ in range(c.count(1, 6)):
        depth = c.between(0.0, 0.75)
        y = horizon + depth * (c.h - horizon) * 0.8
        kind(c, c.w * c.between(0.03, 0.97), y, c.between(0.08, 0.2) + 0.2 * depth, (hull, sail))
    _flock(c, c.against(sky, apart=30), c.count(0, 5))


def _flock(c: Canvas, colour: Colour, count: int) -> None:
    for _ in range(count):
        x, y, s = c.detail.uniform(0, c.w), c.detail.uniform(0.03, 0.4) * c.h, c.detail.uniform(0.02, 0.05)
        wing = [(-1, -0.3), (-0.5, -0.55), (0, 0), (0.5, -0.55), (1, -0.3), (0.5, -0.3), (0, 0.25), (-0.5, -0.3)]
        c.polygon(_placed(wing, x, y, s, 1), colour)


def _lighthouses(c: Canvas) -> None:
    sky, ground = ground_tones(c)
    backdrop(c, sky)
    horizon = c.h * c.between(0.5, 0.9)
    x, height = c.w * c.between(0.1, 0.9), c.h * c.between(0.35, 0.8)
    foot = min(horizon + c.between(-0.15, 0.12), c.h * 0.95)
    top, width = max(foot - height, 0.13), c.between(0.08, 0.2)
    beam = c.against(sky, apart=30)
    for _ in range(c.count(0, 3)):
        angle, spread, reach = c.between(-np.pi, np.pi), c.between(0.08, 0.3), 3 * (c.w + c.h)
        far = [(x + reach * np.cos(a), top + reach * np.sin(a)) for a in (angle - spread, angle + spread)]
        c.polygon([(x, top), *far], beam, opacity=0.75)
    _water(c, horizon, ground)
    rock = c.against(sky, ground, apart=30)
    left, right = x - c.between(0.15, 0.9), x + c.between(0.15, 0.9)
    knots = [(left, c.h + 0.1), (left + 0.08, (foot + c.h) / 2 + c.jitter(0.03)), (x - width, foot + 0.01)]
    knots += [(x + width, foot), (right - 0.05, (foot + c.h) / 2 + c.between(-0.1, 0.1)), (right, c.h + 0.1)]
    c.polygon(smooth(knots), rock)
    body = c.against(sky, rock, apart=45)
    stripe = c.against(body, apart=45)
    bands, style = c.count(2, 6), c.count(0, 2)
    for k in range(bands):
        a, b = k / bands, (k + 1) / bands
        ends = [(t, width * (0.3 + 0.2 * t)) for t in (a, b)]
        (ya, wa), (yb, wb) = ((top + (foot - top) * t, half) for t, half in ends)
        colour = body if style == 0 or (k + style) % 2 else stripe
        c.polygon([(x - wa, ya), (x + wa, ya), (x + wb, yb + 0.004), (x - wb, yb + 0.004)], colour)
        if style == 0:
            c.box(x - 0.012, (ya + yb) / 2, x + 0.012, (ya + yb) / 2 + 0.035, stripe)
    c.box(x - 0.45 * width, top - 0.012, x + 0.45 * width, top + 0.006, stripe)
    c.box(x - 0.22 * width, top - 0.07, x + 0.22 * width, top - 0.012, beam)
    c.polygon([(x - 0.3 * width, top - 0.068), (x, top - 0.068 - 0.35 * width), (x + 0.3 * width, top - 0.068)], stripe)
    if c.chance(0.5):
        side = x + (0.12 + 0.8 * width) * (1 if c.chance(0.5) else -1)
        c.box(side - 0.09, foot - 0.07, side + 0.09, foot + 0.03, body)
        c.polygon([(side - 0.11, foot - 0.07), (side, foot - 0.14), (side + 0.11, foot - 0.07)], stripe)
    _flock(c, c.against(sky, apart=30), c.count(0, 5))


def _bloom(c: Canvas, x: float, y: float, radius: float, colours: tuple[Colour, Colour]) -> None:
    petal, heart = colours
    count, turn = c.count(5, 13), c.between(0, 6.3)
    style = c.count(0, 2)
    for ring in range(2 if style == 1 else 1):
        reach = radius * (1 - 0.38 * ring)
        for k in range(count):
            a = turn + 2 * np.pi * (k + ring / 2) / count
            colour = blend(petal, heart, 0.16 * (k % 2) + 0.3 * ring)
            if style == 2:
                at = (x + 0.62 * reach * np.cos(a), y + 0.62 * reach * np.sin(a))
                c.disc(*at, reach * min(0.42, 2.1 / count), colour)
            else:
                c.polygon(leaf(x, y, reach, reach * min(0.9, 4.4 / count), a), colour)
    c.disc(x, y, radius * c.between(0.2, 0.34), heart)


def _flowers(c: Canvas) -> None:
    wall, table = ground_tones(c)
    backdrop(c, wall)
    stem = c.against(wall, apart=35)
    petal = c.against(wall, stem, apart=35)
    heart = c.against(petal, apart=40)
    if c.chance(0.5):
        edge = c.h * c.between(0.6, 0.9)
        slope = c.between(-0.2, 0.2)
        c.polygon([(0, edge - slope), (c.w, edge + slope), (c.w, c.h), (0, c.h)], table)
        x, mouth = c.w * c.between(0.25, 0.75), c.h * c.between(0.5, 0.7)
        foot, half = min(c.h * 0.96, mouth + c.between(0.25, 0.42)), c.between(0.08, 0.2)
        heads = [
            (x + c.between(-0.42, 0.42), c.between(0.1, 0.5) * c.h, c.between(0.09, 0.21)) for _ in range(c.count(2, 7))
        ]
        for hx, hy, _ in heads:
            c.line([(x, mouth + 0.05), ((2 * x + hx) / 3, (mouth + hy) / 2), (hx, hy)], stem, 0.016)
        for _ in range(c.count(2, 6)):
            c.polygon(leaf(x, mouth, c.between(0.15, 0.4), 0.11, c.between(-2.9, -0.2)), stem)
        vase = c.against(wall, table, apart=35)
        neck = half * c.between(0.35, 0.8)
        outline = [(x - neck, mouth), (x + neck, mouth), (x + half, (mouth + foot) / 2), (x + half * 0.6, foot)]
        outline += [(x - half * 0.6, foot), (x - half, (mouth + foot) / 2)]
        c.polygon(smooth(outline), vase)
        c.polygon(ellipse(x - half * 0.4, (mouth + foot) / 2, 0.015, 0.08, 0.2), blend(vase, heart, 0.5))
    else:
        base = c.h * c.between(0.75, 1.1)
        _ridge(c, base, c.between(0.05, 0.3), table, peaks=1.5)
        heads = []
        for _ in range(c.count(1, 8)):
            hx, hy = c.w * c.between(0.05, 0.95), c.h * c.between(0.08, 0.75)
            heads.append((hx, hy, c.between(0.07, 0.36) if heads else c.between(0.2, 0.42)))
            bend = hx + c.between(-0.2, 0.2)
            c.line([(hx, hy), ((hx + bend) / 2 + c.jitter(0.02), (hy + c.h) / 2), (bend, c.h * 1.02)], stem, 0.02)
            for side in (-1, 1):
                angle = -np.pi / 2 + side * c.between(0.3, 1.1)
                c.polygon(leaf(bend, c.h * 0.98, c.between(0.2, 0.5), 0.12, angle), blend(stem, petal, 0.2))
    for k, (hx, hy, radius) in enumerate(heads):
        _bloom(c, hx, hy, radius, (petal, heart) if k % 3 else (heart, petal))


def _birds(c: Canvas) -> None:
    sky, ground = ground_tones(c)
    backdrop(c, sky)
    if c.chance(0.5):
        _ridge(c, c.h * c.between(0.65, 1.0), c.between(0.05, 0.35), ground, peaks=2)
    body = c.against(sky, apart=50)
    wing = c.against(body, apart=35)
    count = 1 if c.chance(0.55) else c.count(2, 7)
    flying = c.chance(0.45)
    for _ in range(count):
        s = c.between(0.42, 0.8) if count == 1 else c.between(0.16, 0.42)
        x, y = c.w * c.between(0.2, 0.8), c.h * c.between(0.22, 0.75)
        if count > 1:
            x, y = c.w * c.between(0.08, 0.92), c.h * c.between(0.1, 0.85)
        flip, tilt = 1.0 if c.chance(0.5) else -1.0, c.between(-0.5, 0.5)

        def put(points: Points | Sequence[tuple[float, float]], colour: Colour) -> None:
            c.polygon(_placed(turned(np.asarray(points), tilt), x, y, s, flip), colour)  # noqa: B023 drawn at once

        put([(-0.2, 0.02), (-0.75, -0.08 + c.jitter(0.04)), (-0.78, 0.1), (-0.2, 0.14)], wing)
        if flying:
            put(leaf(0.05, 0, 0.85, 0.34, -1.2 - c.between(0.2, 0.9)), blend(wing, body, 0.4))
        put(smooth([(-0.4, 0.05), (-0.1, -0.16), (0.3, -0.24), (0.42, -0.08), (0.25, 0.16), (-0.1, 0.2)]), body)
        put(ellipse(0.37, -0.2, 0.15, 0.14), body)
        put([(0.5, -0.25), (0.72, -0.17), (0.49, -0.13)], wing)
        put(ellipse(0.41, -0.23, 0.03, 0.03), sky)
        if flying:
            put(leaf(0.12, 0.02, 0.95, 0.4, c.between(-2.2, -1.3)), wing)
        else:
            put(leaf(0.22, -0.04, 0.72, 0.3, np.pi - 0.16), wing)
            put(leaf(0.16, 0.0, 0.5, 0.16, np.pi - 0.2), blend(wing, body, 0.45))
    if not flying:
        branch = c.against(sky, body, apart=25)
        y, lift = c.h * c.between(0.55, 0.95), c.between(-0.35, 0.35)
        c.line([(-0.05, y), (c.w * 0.4, y - lift * 0.2), (c.w * 1.05, y - lift)], branch, c.between(0.02, 0.06))
        for _ in range(c.count(3, 16)):
            t = c.between(0, 1)
            at = (c.w * t, y - lift * t)
            c.polygon(
                leaf(*at, c.between(0.1, 0.32), c.between(0.05, 0.13), c.between(-3.0, 3.0)), blend(branch, wing, 0.4)
            )


def _portraits(c: Canvas) -> None:
    wall, coat = ground_tones(c)
    backdrop(c, wall)
    if c.chance(0.35):
        x, half, top = c.w * c.between(0.3, 0.7), c.between(0.25, 0.45), c.between(0.05, 0.4)
        c.disc(x, top + half, half, c.against(wall, apart=25))
        c.box(x - half, top + half, x + half, c.h, c.against(wall, apart=25))
    people = 1 if c.chance(0.8) else 2
    for n in range(people):
        s = c.between(0.62, 1.15) / (1.35 if people == 2 else 1)
        x = c.w * (c.between(0.28, 0.72) if people == 1 else (n + 0.5) / 2 + c.between(-0.08, 0.08))
        y = c.h * c.between(0.34, 0.56)
        _bust(c, x, y, s, wall, coat)


def _bust(c: Canvas, x: float, y: float, s: float, wall: Colour, coat: Colour) -> None:
    flip = 1.0 if c.chance(0.5) else -1.0
    skin = c.against(wall, apart=25)
    hair = c.against(skin, wall, apart=35)
    dress = coat if abs(luminance(coat) - luminance(wall)) > 40 else c.against(wall, skin, apart=30)
    shade = blend(skin, hair, 0.45)

    def put(points: Points | Sequence[tuple[float, float]], colour: Colour) -> None:
        c.polygon(_placed(points, x, y, s, flip), colour)

    style, hat = c.count(0, 3), c.count(0, 4)
    if style == 0:
        put(smooth([(-0.3, -0.2), (0, -0.36), (0.3, -0.2), (0.36, 0.3), (0.2, 0.52), (-0.2, 0.52), (-0.36, 0.3)]), hair)
    elif style == 1:
        put(ellipse(-0.08, -0.08, 0.36, 0.34), hair)
    elif style == 2:
        put(ellipse(-0.16, -0.32, 0.15, 0.14), hair)
    shoulder, drop = c.between(0.38, 0.62), c.between(0.36, 0.48)
    put(
        smooth(
            [
                (-0.12, drop),
                (0.12, drop),
                (shoulder, drop + 0.22),
                (shoulder + 0.1, 1.6),
                (-shoulder - 0.1, 1.6),
                (-shoulder, drop + 0.22),
            ]
        ),
        dress,
    )
    put([(-0.09, 0.15), (0.1, 0.15), (0.13, drop + 0.04), (0, drop + 0.14), (-0.13, drop + 0.04)], shade)
    collar = c.count(0, 2)
    if collar == 1:
        put([(-0.15, drop), (0, drop + 0.16), (-0.16, drop + 0.3)], hair)
        put([(0.15, drop), (0, drop + 0.16), (0.16, drop + 0.3)], hair)
    elif collar == 2:
        for k in range(7):
            put(ellipse(-0.18 + 0.06 * k, drop + 0.05 + 0.09 * np.sin(np.pi * k / 6), 0.032, 0.032), hair)
    face = smooth([(-0.2, -0.16), (0, -0.27), (0.2, -0.16), (0.19, 0.08), (0.06, 0.27), (-0.06, 0.27), (-0.19, 0.08)])
    put(face, skin)
    put(face * (0.5, 1.0) + (0.1, 0.0), shade)
    look = c.jitter(0.015)
    for ex in (-0.08, 0.09):
        put(ellipse(ex + look, -0.03, 0.036, 0.017), blend(skin, (255, 255, 255), 0.5))
        put(ellipse(ex + look * 2, -0.03, 0.016, 0.017), hair)
        put([(ex - 0.06, -0.075), (ex + 0.05, -0.085), (ex + 0.05, -0.07), (ex - 0.06, -0.06)], hair)
    put([(0.0, -0.03), (0.045, 0.085), (-0.02, 0.085)], blend(shade, hair, 0.35))
    put(ellipse(0.01, 0.155, 0.06, 0.017 + abs(c.jitter(0.012))), c.palette.accent)
    if style != 3 or hat < 2:
        put(
            smooth([(-0.22, 0.0), (-0.24, -0.2), (0, -0.34), (0.24, -0.2), (0.21, -0.04), (0.1, -0.2), (-0.1, -0.18)]),
            hair,
        )
    cap = c.against(hair, wall, apart=30)
    if hat == 2:
        put(ellipse(0, -0.2, 0.46, 0.055, c.between(-0.15, 0.15)), cap)
        put([(-0.2, -0.2), (-0.17, -0.46), (0.17, -0.46), (0.2, -0.2)], cap)
        put([(-0.2, -0.2), (-0.19, -0.27), (0.19, -0.27), (0.2, -0.2)], hair)
    elif hat == 3:
        put(smooth([(-0.3, -0.17), (-0.2, -0.42), (0.15, -0.46), (0.38, -0.28), (0.24, -0.17)]), cap)
    elif hat == 4:
        put(smooth([(-0.24, -0.12), (-0.27, -0.3), (0, -0.42), (0.27, -0.3), (0.24, -0.12), (0, -0.22)]), cap)


def _fruit(c: Canvas, x: float, y: float, r: float, colour: Colour, stalk: Colour) -> None:
    kind, lean = c.count(0, 3), c.between(-0.4, 0.4)
    light = blend(colour, (255, 255, 255), 0.3)
    if kind == 0:
        c.disc(x, y, r, colour)
    elif kind == 1:
        pear = [(-0.3, -1.25), (0.3, -1.25), (0.5, -0.3), (0.95, 0.4), (0.5, 1), (-0.5, 1), (-0.95, 0.4), (-0.5, -0.3)]
        c.polygon(turned(smooth(pear), lean) * r + (x, y), colour)
    elif kind == 2:
        c.polygon(ellipse(x, y, 1.2 * r, 0.85 * r, lean), colour)
    else:
        for row in range(4):
            for k in range(4 - row):
                grape = blend(colour, stalk, 0.12 * ((row + k) % 3))
                c.disc(x + (k - (3 - row) / 2) * 0.6 * r, y + (row - 1.2) * 0.52 * r, 0.36 * r, grape)
    c.line([(x, y - 0.8 * r), (x + 0.25 * r, y - 1.3 * r)], stalk, 0.16 * r)
    c.polygon(ellipse(x - 0.35 * r, y - 0.3 * r, 0.16 * r, 0.3 * r, 0.6), light)


def _fruit_bowls(c: Canvas) -> None:
    wall, table = ground_tones(c)
    backdrop(c, wall)
    edge, slope = c.h * c.between(0.3, 0.8), c.between(-0.25, 0.25)
    c.polygon([(0, edge - slope), (c.w, edge + slope), (c.w, c.h), (0, c.h)], table)
    if c.chance(0.45):
        cloth = c.against(table, apart=25)
        left, width = c.between(-0.2, 0.7) * c.w, c.between(0.3, 0.8)
        c.polygon([(left, edge), (left + width, edge), (left + width * 1.3, c.h), (left - 0.2, c.h)], cloth)
        for k in range(1, 5):
            x = left + width * k / 5
            c.line([(x, edge), (x + (k - 2) * 0.08, c.h)], blend(cloth, table, 0.5), 0.012)
    x, y = c.w * c.between(0.25, 0.75), min(c.h * 0.85, edge + c.between(-0.05, 0.3))
    half, depth = c.between(0.24, 0.46), c.between(0.08, 0.26)
    dish = c.against(wall, table, apart=40)
    stalk = c.against(table, apart=40)
    inks = [ink for ink in c.palette if ink not in (dish, table)]
    for k in range(c.count(3, 9)):
        r = c.between(0.06, 0.14)
        at, lift = x + c.between(-0.75, 0.75) * half, c.between(0.0, 0.26)
        _fruit(c, at, y - lift * (1 - abs(at - x) / half) - 0.4 * r, r, inks[(k + c.count(0, 1)) % len(inks)], stalk)
    t = np.linspace(0, np.pi, 24)
    c.polygon(np.column_stack((x + half * np.cos(t), y + depth * np.sin(t) ** 0.7)), dish)
    c.box(x - half * 0.35, y + depth - 0.02, x + half * 0.35, y + depth + 0.035, dish)
    c.line([(x - half * 0.85, y + depth * 0.32), (x + half * 0.85, y + depth * 0.32)], blend(dish, table, 0.55), 0.014)
    for _ in range(c.count(0, 4)):
        place = (c.w * c.between(0.05, 0.95), min(c.h * 0.95, y + depth + c.between(-0.05, 0.2)))
        _fruit(c, *place, c.between(0.05, 0.13), inks[c.count(0, len(inks) - 1)], stalk)


def _mountains(c: Canvas) -> None:
    sky, land = ground_tones(c)
    backdrop(c, sky)
    layers, near = c.count(1, 4), c.h * c.between(0.6, 1.05)
    far = c.h * c.between(0.35, 0.7)
    for k in range(layers):
        share = (k + 1) / layers
        colour = blend(blend(sky, c.against(sky), 0.4), land, share) if k % 2 else c.against(sky, apart=30)
        y = far + (near - far) * share
        height = c.h * c.between(0.12, 0.45)
        crest = _ridge(c, y, height, colour, peaks=c.between(0.6, 2.6))
        if k == 0 and c.chance(0.75):
            snow = c.against(colour, apart=45)
            limit = y - height * c.between(0.35, 0.7)
            zigzag = (
                limit
                + 0.035 * np.where(np.arange(len(crest)) % 4 < 2, 1, -1)
                + c.detail.uniform(-0.01, 0.01, len(crest))
            )
            lower = np.maximum(zigzag, crest[:, 1])
            c.polygon(np.vstack((crest, np.column_stack((crest[:, 0], lower))[::-1])), snow)
    if c.chance(0.4):
        _water(c, c.h * c.between(0.68, 0.9), c.against(land, apart=25))
    if c.chance(0.55):
        tree = c.against(land, apart=30)
        base = c.h * c.between(0.85, 1.05)
        left, reach = c.between(0, 0.7) * c.w, c.between(0.2, 0.8) * c.w
        for _ in range(c.count(2, 14)):
            x, height = left + reach * c.between(0, 1), c.between(0.12, 0.5)
            y = base + c.jitter(0.02)
            for tier in range(3):
                top, wide = y - height * (1 - 0.25 * tier), height * (0.13 + 0.06 * tier)
                c.polygon([(x, top), (x + wide, top + height * 0.42), (x - wide, top + height * 0.42)], tree)
            c.box(x - 0.01, y - 0.1 * height, x + 0.01, c.h, tree)
    _flock(c, c.against(sky, apart=30), c.count(0, 4))


def _towers(c: Canvas) -> None:
    sky, land = ground_tones(c)
    backdrop(c, sky)
    base = c.h * c.between(0.72, 1.0)
    if c.chance(0.4):
        _ridge(c, base, c.between(0.1, 0.4), blend(sky, c.against(sky), 0.5), peaks=1.6)
    count = c.count(1, 3) if c.chance(0.5) else c.count(4, 9)
    wide = c.between(0.2, 0.4) if count < 4 else c.between(0.1, 0.2)
    colours = (c.against(sky, apart=35), c.against(sky, apart=50))
    for k in range(count):
        x = c.w * c.between(0.12, 0.88) if count < 4 else c.w * (k + c.between(0.2, 0.8)) / count
        top = c.h * c.between(0.12, 0.7)
        _tower(c, x, top, c.h, wide * c.between(0.6, 1.3), colours[k % 2], sky)
    _ridge(c, base + 0.1, c.between(0.04, 0.16), land, peaks=1.5)
    if c.chance(0.3):
        _water(c, c.h * c.between(0.8, 0.92), c.against(land, apart=25))
    _flock(c, c.against(sky, apart=30), c.count(0, 6))


def _tower(c: Canvas, x: float, top: float, foot: float, width: float, stone: Colour, sky: Colour) -> None:
    half, roof = width / 2, c.against(stone, sky, apart=25)
    c.box(x - half, top, x + half, foot, stone)
    c.box(x, top, x + half, foot, blend(stone, c.palette.ink, 0.25))
    style, pitch = c.count(0, 3), c.between(0.6, 2.0)
    if style == 0:
        c.polygon([(x - half * 1.2, top), (x, top - width * pitch), (x + half * 1.2, top)], roof)
    elif style == 1:
        for k in range(5):
            if k % 2 == 0:
                c.box(
                    x - half * 1.15 + k * half * 0.46,
                    top - half * 0.4,
                    x - half * 1.15 + (k + 1) * half * 0.46,
                    top,
                    stone,
                )
    elif style == 2:
        c.disc(x, top, half, roof)
        c.line([(x, top - half), (x, top - half * 2)], roof, 0.014)
    else:
        for step in range(1, 4):
            inner = half * (1 - 0.26 * step)
            c.box(x - inner, top - 0.07 * step, x + inner, top - 0.07 * (step - 1), blend(stone, roof, 0.2 * step))
    light = c.against(stone, apart=45)
    rows, columns = c.count(2, 6), c.count(1, 3)
    for r in range(rows):
        for k in range(columns):
            if c.detail.random() < 0.75:
                wx, wy = x - half + width * (k + 1) / (columns + 1), top + 0.06 + 0.1 * r
                c.box(wx - width * 0.06, wy, wx + width * 0.06, wy + 0.05, light)
                c.disc(wx, wy, width * 0.06, light)


_SCENES: dict[str, Callable[[Canvas], None]] = {
    "bird": _birds,
    "flowers": _flowers,
    "fruit bowl": _fruit_bowls,
    "lighthouse": _lighthouses,
    "mountains": _mountains,
    "portrait": _portraits,
    "ship": _ships,
    "tower": _towers,
}

SUBJECTS = tuple(_SCENES)


def draw(
    subject: str, size: tuple[int, int], *, layout: np.random.Generator, detail: np.random.Generator
) -> Image.Image:
    """Draw one print.

    Args:
        subject: one of ``SUBJECTS``.
        size: width and height in pixels.
        layout: decides the composition and its inks.
        detail: decides the small things: waves, birds in the air, lit windows, the grain of the paper.

    Returns:
        An RGB image of that size.
    """
    palette = PALETTES[layout.integers(len(PALETTES))]
    canvas = Canvas(size, palette, layout=layout, detail=detail)
    _SCENES[subject](canvas)
    return finish(canvas)
