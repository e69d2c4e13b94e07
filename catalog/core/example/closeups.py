"""Subjects seen from near: flowers, birds, portraits, fruit bowls."""

from collections.abc import Sequence

import numpy as np

from catalog.core.example.drawing import (
    Canvas,
    Colour,
    Points,
    backdrop,
    blend,
    ellipse,
    ground_tones,
    leaf,
    luminance,
    placed,
    smooth,
    turned,
)
from catalog.core.example.land import ridge


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


def flowers(c: Canvas) -> None:
    """Blossoms in a vase on a table, or growing in a meadow."""
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
        ridge(c, base, c.between(0.05, 0.3), table, peaks=1.5)
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


def birds(c: Canvas) -> None:
    """One bird or a few, perched on branches or in flight."""
    sky, ground = ground_tones(c)
    backdrop(c, sky)
    if c.chance(0.5):
        ridge(c, c.h * c.between(0.65, 1.0), c.between(0.05, 0.35), ground, peaks=2)
    body = c.against(sky, apart=50)
    wing = c.against(body, apart=35)
    count = 1 if c.chance(0.55) else c.count(2, 7)
    flying = c.chance(0.45)
    branches = [(c.h * c.between(0.3, 0.9), c.between(-0.35, 0.35)) for _ in range(c.count(1, 2))]
    for k in range(count):
        s = c.between(0.42, 0.8) if count == 1 else c.between(0.16, 0.42)
        x, y = c.w * c.between(0.2, 0.8), c.h * c.between(0.22, 0.75)
        if count > 1:
            x, y = c.w * c.between(0.08, 0.92), c.h * c.between(0.1, 0.85)
        flip, tilt = 1.0 if c.chance(0.5) else -1.0, c.between(-0.5, 0.5)
        if not flying:
            branch, lift = branches[k % len(branches)]
            y, tilt = branch - lift * x / c.w - 0.16 * s, tilt - 0.35

        def put(points: Points | Sequence[tuple[float, float]], colour: Colour) -> None:
            c.polygon(placed(turned(np.asarray(points), tilt), x, y, s, flip), colour)  # noqa: B023 drawn at once

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
        bark = c.against(sky, body, apart=25)
        for branch, lift in branches:
            c.line([(0, branch), (c.w, branch - lift)], bark, c.between(0.02, 0.05))
            for _ in range(c.count(2, 12)):
                t = c.between(0, 1)
                shape = leaf(
                    c.w * t, branch - lift * t, c.between(0.1, 0.32), c.between(0.05, 0.13), c.between(-3.0, 3.0)
                )
                c.polygon(shape, blend(bark, wing, 0.4))


def portraits(c: Canvas) -> None:
    """Head and shoulders of one or two people before a wall."""
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
        _bust(c, (x, y, s), wall, coat)


def _bust(c: Canvas, place: tuple[float, float, float], wall: Colour, coat: Colour) -> None:
    x, y, s = place
    flip = 1.0 if c.chance(0.5) else -1.0
    skin = c.against(wall, apart=25)
    hair = c.against(skin, wall, apart=35)
    dress = c.against(wall, skin, apart=30)
    if abs(luminance(coat) - luminance(wall)) > 40:
        dress = coat
    shade = blend(skin, hair, 0.45)

    def put(points: Points | Sequence[tuple[float, float]], colour: Colour) -> None:
        c.polygon(placed(points, x, y, s, flip), colour)

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


def _fruit(c: Canvas, place: tuple[float, float, float], colour: Colour, stalk: Colour) -> None:
    x, y, r = place
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


def fruit_bowls(c: Canvas) -> None:
    """A dish of fruit on a table, with a cloth and fallen fruit."""
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
    for _ in range(c.count(3, 9)):
        r = c.between(0.06, 0.14)
        at, lift = x + c.between(-0.75, 0.75) * half, c.between(0.0, 0.26)
        _fruit(c, (at, y - lift * (1 - abs(at - x) / half) - 0.4 * r, r), c.pick(inks), stalk)
    t = np.linspace(0, np.pi, 24)
    c.polygon(np.column_stack((x + half * np.cos(t), y + depth * np.sin(t) ** 0.7)), dish)
    c.box(x - half * 0.35, y + depth - 0.02, x + half * 0.35, y + depth + 0.035, dish)
    c.line([(x - half * 0.85, y + depth * 0.32), (x + half * 0.85, y + depth * 0.32)], blend(dish, table, 0.55), 0.014)
    for _ in range(c.count(0, 4)):
        place = (c.w * c.between(0.05, 0.95), min(c.h * 0.95, y + depth + c.between(-0.05, 0.2)))
        _fruit(c, (*place, c.between(0.05, 0.13)), c.pick(inks), stalk)
