"""Subjects under the sky: ships, lighthouses, mountains, towers."""

import numpy as np

from catalog.core.example.drawing import (
    Canvas,
    Colour,
    backdrop,
    blend,
    ground_tones,
    luminance,
    placed,
    smooth,
)
from catalog.core.example.land import flock, ridge, water


def _sailing_ship(c: Canvas, x: float, y: float, s: float, colours: tuple[Colour, Colour]) -> None:
    hull, sail = colours
    flip = 1.0 if c.chance(0.5) else -1.0
    masts, square = c.count(1, 3), c.chance(0.55)
    for m in range(masts):
        at = (m - (masts - 1) / 2) * 0.62 / masts
        top = -c.between(0.8, 1.15)
        c.line(placed([(at, 0), (at, top)], x, y, s, flip), hull, 0.022 * s)
        if square:
            rows = c.count(2, 3)
            for r in range(rows):
                upper, lower = top * (1 - 0.86 * r / rows) + 0.06, top * (1 - 0.86 * (r + 0.88) / rows)
                half = (0.16 + 0.06 * r) * 1.7 / (masts + 0.7)
                quad = [(at - half, upper), (at + half, upper), (at + 1.5 * half, (upper + lower) / 2)]
                quad += [(at + 1.15 * half, lower), (at - 0.9 * half, lower), (at - 0.5 * half, (upper + lower) / 2)]
                c.polygon(placed(quad, x, y, s, flip), blend(sail, hull, 0.12 * r))
        else:
            reach = 0.75 / masts
            c.polygon(placed([(at + 0.02, top), (at + reach, -0.1), (at + 0.02, -0.1)], x, y, s, flip), sail)
            jib = [(at - 0.02, top * 0.9), (at - reach * 0.7, -0.12), (at - 0.02, -0.12)]
            c.polygon(placed(jib, x, y, s, flip), blend(sail, hull, 0.25))
    body = [(-0.56, -0.1), (-0.3, -0.02), (0.5, -0.04), (0.62, -0.12), (0.44, 0.16), (-0.42, 0.16)]
    c.polygon(placed(body, x, y, s, flip), hull)
    c.line(placed([(-0.5, 0.03), (0.52, 0.03)], x, y, s, flip), sail, 0.014 * s)


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
                px, py = (placed([(px, py)], x, y, s, flip))[0]
                c.disc(px, py, s * (0.05 + 0.035 * puff), smoke, opacity=0.85)
        c.polygon(
            placed([(at - 0.06, -0.25), (at - 0.04, -0.68), (at + 0.07, -0.68), (at + 0.06, -0.25)], x, y, s, flip),
            hull,
        )
        c.polygon(
            placed([(at - 0.05, -0.5), (at - 0.045, -0.6), (at + 0.068, -0.6), (at + 0.065, -0.5)], x, y, s, flip),
            house,
        )
    c.polygon(placed([(-0.42, -0.12), (-0.38, -0.3), (0.36, -0.3), (0.42, -0.12)], x, y, s, flip), house)
    for k in range(7):
        px, py = placed([(-0.3 + 0.1 * k, -0.2)], x, y, s, flip)[0]
        c.disc(px, py, 0.02 * s, hull)
    c.polygon(placed([(-0.75, -0.14), (0.72, -0.14), (0.86, -0.24), (0.66, 0.18), (-0.62, 0.18)], x, y, s, flip), hull)


def ships(c: Canvas) -> None:
    """Sailing ships or steamers, from the farthest to the nearest."""
    sky, sea = ground_tones(c)
    backdrop(c, sky)
    horizon = c.h * c.between(0.42, 0.86)
    if c.chance(0.35):
        ridge(c, horizon + 0.02, c.between(0.06, 0.3), blend(sky, c.against(sky), 0.6))
    water(c, horizon, sea)
    hull = c.against(sky, sea)
    sail = c.against(sky, hull, apart=40)
    kind = _sailing_ship if c.chance(0.62) else _steamer
    fleet = []
    if c.chance(0.55):
        fleet.append((c.between(0.0, 0.3), c.w * c.between(0.2, 0.8), c.between(0.4, 0.8)))
    for _ in range(c.count(1, 6)):
        depth = c.between(0.0, 0.6)
        fleet.append((depth, c.w * c.between(0.03, 0.97), c.between(0.08, 0.2) + 0.25 * depth))
    for depth, x, s in sorted(fleet):
        kind(c, x, horizon + depth * (c.h - horizon), s, (hull, sail))
    flock(c, c.against(sky, apart=30), c.count(0, 5))


def lighthouses(c: Canvas) -> None:
    """A lighthouse on its rock, with or without beams and a keeper’s house."""
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
    water(c, horizon, ground)
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
    flock(c, c.against(sky, apart=30), c.count(0, 5))


def mountains(c: Canvas) -> None:
    """Ranges one behind the other, with snow, a lake, firs."""
    sky, land = ground_tones(c)
    backdrop(c, sky)
    layers, near = c.count(1, 4), c.h * c.between(0.6, 1.05)
    far = c.h * c.between(0.35, 0.7)
    for k in range(layers):
        share = (k + 1) / layers
        colour = blend(blend(sky, c.against(sky), 0.4), land, share) if k % 2 else c.against(sky, apart=30)
        y = far + (near - far) * share
        height = c.h * c.between(0.12, 0.45)
        crest = ridge(c, y, height, colour, peaks=c.between(0.6, 2.6))
        if c.chance(0.6):
            snow = max(c.palette.paper, c.palette.light, key=lambda ink: abs(luminance(ink) - luminance(colour)))
            limit = y - height * c.between(0.3, 0.65)
            teeth = np.interp(crest[:, 0], np.linspace(0, c.w, 30), c.detail.uniform(-0.05, 0.05, 30))
            zigzag = limit + teeth
            lower = np.maximum(zigzag, crest[:, 1])
            c.polygon(np.vstack((crest, np.column_stack((crest[:, 0], lower))[::-1])), snow)
    if c.chance(0.4):
        water(c, c.h * c.between(0.68, 0.9), c.against(land, apart=25))
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
    flock(c, c.against(sky, apart=30), c.count(0, 4))


def towers(c: Canvas) -> None:
    """A few large towers, or a skyline of them."""
    sky, land = ground_tones(c)
    backdrop(c, sky)
    base = c.h * c.between(0.72, 1.0)
    if c.chance(0.4):
        ridge(c, base, c.between(0.1, 0.4), blend(sky, c.against(sky), 0.5), peaks=1.6)
    count = c.count(1, 3) if c.chance(0.5) else c.count(4, 9)
    wide = c.between(0.2, 0.4) if count < 4 else c.between(0.1, 0.2)
    colours = (c.against(sky, apart=35), c.against(sky, apart=50))
    for k in range(count):
        x = c.w * c.between(0.12, 0.88) if count < 4 else c.w * (k + c.between(0.2, 0.8)) / count
        top = c.h * c.between(0.12, 0.7)
        _tower(c, (x, top, wide * c.between(0.6, 1.3)), colours[k % 2], sky)
    ridge(c, base + 0.1, c.between(0.04, 0.16), land, peaks=1.5)
    if c.chance(0.3):
        water(c, c.h * c.between(0.8, 0.92), c.against(land, apart=25))
    flock(c, c.against(sky, apart=30), c.count(0, 6))


def _tower(c: Canvas, place: tuple[float, float, float], stone: Colour, sky: Colour) -> None:
    x, top, width = place
    half, roof = width / 2, c.against(stone, sky, apart=25)
    c.box(x - half, top, x + half, c.h, stone)
    c.box(x, top, x + half, c.h, blend(stone, c.palette.ink, 0.25))
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
