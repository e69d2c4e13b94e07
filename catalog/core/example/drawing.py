"""The means by which the example's pictures are printed: palettes, a canvas, backdrops, ground and finish.

A print is made of flat inks on toned paper, as in a woodcut or a screen-printed poster. Two generators steer it:
``layout`` decides the composition and ``detail`` the small things, so that the same layout with other details is
another version of one composition.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

Colour = tuple[int, int, int]
Points = NDArray[np.float64]

SUPERSAMPLING = 2


class Palette(NamedTuple):
    """The inks of one print, from the lightest tone to the darkest, and two accents."""

    paper: Colour
    light: Colour
    mid: Colour
    dark: Colour
    ink: Colour
    accent: Colour
    second: Colour


def _palette(row: str) -> Palette:
    def colour(code: str) -> Colour:
        return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)

    return Palette(*(colour(code) for code in row.split()))


PALETTES = tuple(
    _palette(row)
    for row in (
        "f4e9d4 e8c48a 5fa3a3 1f5f6b 12273a e2613f f2a541",
        "f7efe0 b9d3d0 6d9dc5 2f4b7c 171f3a ef8354 f6c85f",
        "f3e3cf e9a98f c8553d 6b2737 2b1622 2d7f7a f0c14b",
        "eef0e2 c6d6a8 7fa05f 2f5d50 14302c d9593d f1b24a",
        "fbf1dc f5cf7b ea9a3e a4452c 3b1f2b 2b6f8a 7bb7b0",
        "f0ece6 c9c2d6 8d7fae 4a3f75 1f1a3c e86a7a f4b860",
        "f6e7e0 efb8b0 d0748b 7c3a6d 2a1a3f f2b134 3f8f93",
        "efe6d2 d2b48c 9c7a52 5a4632 2a211c b5432f 51727a",
        "eaf1f1 a9cfd6 4f97ac 1d5b79 0b2b40 f26b4e f7d154",
        "f8f3e6 dfe0c9 a7b5a0 5c7468 26362f e07b39 c63f3f",
        "f9ead7 f6b89e e2725b 9b3a4a 35193b 3e8e7e f5d06f",
        "f2efe9 d6d3cb 9e9b94 54524e 1c1b1b d7372b e9b949",
        "f4ecdc c9d8b6 8fb8a8 3e7c84 193a4d f0743e d83a56",
        "fdf0d5 f4c095 dd7c5e 75485e 2b2d42 1f7a8c e9d758",
        "e9e4f0 b8c4e6 6f8fd0 35489a 161a45 f79256 fbd87f",
        "f5f0dc e6d690 b7b04f 5f6b2d 272f1b c8502e 3d7ea6",
        "f7e8e8 e4c1c9 b5838d 6d6875 2c2a3a e5a04e 4f8a8b",
        "eef3e8 b6dcc2 5cb08f 20705f 0d3330 f25f5c ffd166",
    )
)


def luminance(colour: Colour) -> float:
    """Rec. 601 luma, 0-255, which is what greyscale conversion sees."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies ``share`` of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> Points:
    """Outline of a turned ellipse, shape (36, 2)."""
    t = np.linspace(0.0, 2 * np.pi, 36, endpoint=False)
    return placed(turned(np.column_stack((rx * np.cos(t), ry * np.sin(t))), angle), x, y)


def leaf(x: float, y: float, length: float, width: float, angle: float) -> Points:
    """Outline of a pointed leaf that grows from (x, y), shape (24, 2)."""
    t = np.linspace(0.0, 1.0, 12)
    bulge = width / 2 * np.sin(np.pi * t) ** 0.8
    outline = np.column_stack((np.r_[t, t[::-1]] * length, np.r_[bulge, -bulge[::-1]]))
    return placed(turned(outline, angle), x, y)


def turned(points: Points, angle: float) -> Points:
    """The points turned about the origin by an angle in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    result: Points = points @ np.array([[cos, sin], [-sin, cos]])
    return result


def placed(
    points: Sequence[tuple[float, float]] | Points, x: float, y: float, scale: float = 1.0, flip: float = 1.0
) -> Points:
    """The points scaled about the origin, mirrored where ``flip`` is -1, and moved to (x, y)."""
    result: Points = np.asarray(points) * np.array((scale * flip, scale)) + np.array((x, y))
    return result


def smooth(knots: Sequence[tuple[float, float]], steps: int = 8) -> Points:
    """A closed Catmull-Rom curve through the knots, shape (len(knots) * steps, 2)."""
    p = np.asarray(knots, dtype=np.float64)
    before, after, beyond = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    curve = (
        2 * p[:, None]
        + (after - before)[:, None] * t
        + (2 * before - 5 * p + 4 * after - beyond)[:, None] * t**2
        + (3 * p - before - 3 * after + beyond)[:, None] * t**3
    )
    return curve.reshape(-1, 2) / 2


class Canvas:
    """A sheet on which the shorter side measures 1, so that shapes keep their form on every format.

    Args:
        size: width and height in pixels of the finished print.
        palette: its inks.
        layout: draws the composition.
        detail: draws the small things.
    """

    def __init__(
        self, size: tuple[int, int], palette: Palette, *, layout: np.random.Generator, detail: np.random.Generator
    ) -> None:
        self.size = size
        self.palette = palette
        self.layout = layout
        self.detail = detail
        self._unit = min(size) * SUPERSAMPLING
        self.w, self.h = size[0] / min(size), size[1] / min(size)
        self.image = Image.new("RGB", (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING), palette.paper)
        self._opaque = ImageDraw.Draw(self.image)
        self._blending = ImageDraw.Draw(self.image, "RGBA")

    def polygon(self, points: Points | Sequence[tuple[float, float]], colour: Colour, *, opacity: float = 1.0) -> None:
        """Fill an outline."""
        xy = (np.asarray(points) * self._unit).ravel().tolist()
        if opacity >= 1.0:
            self._opaque.polygon(xy, fill=colour)
        else:
            self._blending.polygon(xy, fill=(*colour, round(255 * opacity)))

    def disc(self, x: float, y: float, radius: float, colour: Colour, *, opacity: float = 1.0) -> None:
        """Fill a circle."""
        box = [(x - radius) * self._unit, (y - radius) * self._unit, (x + radius) * self._unit]
        box.append((y + radius) * self._unit)
        if opacity >= 1.0:
            self._opaque.ellipse(box, fill=colour)
        else:
            self._blending.ellipse(box, fill=(*colour, round(255 * opacity)))

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill an upright rectangle."""
        unit = self._unit
        self._opaque.rectangle([left * unit, top * unit, max(left, right) * unit, max(top, bottom) * unit], fill=colour)

    def line(self, points: Points | Sequence[tuple[float, float]], colour: Colour, width: float) -> None:
        """Draw a stroke."""
        xy = (np.asarray(points) * self._unit).ravel().tolist()
        self._opaque.line(xy, fill=colour, width=max(1, round(width * self._unit)), joint="curve")

    def stain(self, colour: Colour, *, cells: int, threshold: float) -> None:
        """Print one ink where a smooth random field exceeds a threshold: clouds, foliage, washes of light."""
        grid = (max(2, round(cells * self.h)), max(2, round(cells * self.w)))
        values = np.clip(128 + 52 * self.layout.standard_normal(grid), 0, 255).astype(np.uint8)
        coarse = (self.image.width // 4, self.image.height // 4)
        field = Image.fromarray(values).convert("F").resize(coarse, Image.Resampling.BICUBIC)
        # A steep ramp while the field is still fine-grained, and a second one on the full sheet, keep the edge smooth.
        ramp = field.point(lambda v: v * 10 + (128 - 10 * threshold)).convert("L")
        edge = [min(255, max(0, 3 * (v - 128) + 128)) for v in range(256)]
        self.image.paste(colour, (0, 0), ramp.resize(self.image.size, Image.Resampling.BICUBIC).point(edge))

    def against(self, *grounds: Colour, apart: float = 55.0) -> Colour:
        """An ink that stands out from these grounds; the one that stands out most if none does enough."""
        gaps = [min(abs(luminance(ink) - luminance(ground)) for ground in grounds) for ink in self.palette]
        fit = [ink for ink, gap in zip(self.palette, gaps, strict=True) if gap >= apart]
        return self.pick(fit or [self.palette[int(np.argmax(gaps))]])

    def pick(self, options: Sequence[Colour]) -> Colour:
        """One of the options; takes one draw however many there are, so that other inks leave the layout alone."""
        return options[int(self.layout.random() * len(options))]

    def chance(self, share: float) -> bool:
        """True in this share of compositions."""
        return bool(self.layout.random() < share)

    def between(self, low: float, high: float) -> float:
        """A number of the composition."""
        return float(self.layout.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A whole number of the composition, both ends included."""
        return int(self.layout.integers(low, high + 1))

    def jitter(self, amount: float) -> float:
        """A small displacement that another version of the composition would not share."""
        return float(self.detail.uniform(-amount, amount))


def ground_tones(canvas: Canvas) -> tuple[Colour, Colour]:
    """The tones of what is behind and of what is below: by day, by night, at dusk or in snow."""
    p = canvas.palette
    choices = (
        (p.paper, p.mid), (p.paper, p.dark), (p.light, p.dark), (p.light, p.ink), (p.ink, p.mid), (p.dark, p.light),
        (p.ink, p.light), (p.accent, p.ink), (p.second, p.dark), (p.mid, p.paper), (p.dark, p.paper), (p.mid, p.ink),
        (p.accent, p.paper), (p.ink, p.dark),
    )  # fmt: skip
    return choices[canvas.layout.integers(len(choices))]


def _rays(canvas: Canvas, tone: Colour, other: Colour, x: float, y: float) -> None:
    count = canvas.count(5, 16)
    turn, reach = canvas.between(0, np.pi), 2 * (canvas.w + canvas.h)
    share = canvas.between(0.35, 0.65)
    for k in range(count):
        a = turn + 2 * np.pi * k / count
        b = a + 2 * np.pi / count * share
        ends = [(x + reach * np.cos(t), y + reach * np.sin(t)) for t in (a, b)]
        canvas.polygon([(x, y), *ends], blend(tone, other, 0.55))


def _halos(canvas: Canvas, tone: Colour, other: Colour, x: float, y: float) -> None:
    step = canvas.between(0.1, 0.26)
    count = int(1.8 / step)
    for k in range(count, 0, -1):
        share = 0.8 * (1 - k / count) if step < 0.17 else 0.6 * (k % 2)
        canvas.disc(x, y, k * step, blend(tone, other, share))


def _bands(canvas: Canvas, tone: Colour, other: Colour) -> None:
    angle = canvas.between(-0.9, 0.9) if canvas.chance(0.6) else canvas.between(1.2, 1.9)
    position, middle = -2.0, np.array([canvas.w / 2, canvas.h / 2])
    while position < 2.0:
        thickness = canvas.between(0.06, 0.34)
        strip = np.array([(-3, position), (3, position), (3, position + thickness), (-3, position + thickness)])
        canvas.polygon(turned(strip, angle) + middle, blend(tone, other, canvas.between(0.25, 0.75)))
        position += thickness + canvas.between(0.08, 0.4)


def _dusk(canvas: Canvas, tone: Colour, other: Colour) -> None:
    count = canvas.count(4, 9)
    edges = np.sort(canvas.layout.uniform(0, canvas.h, count))
    order = 1 if canvas.chance(0.5) else -1
    for k, top in enumerate(edges):
        share = (k + 1) / count if order > 0 else 1 - k / count
        canvas.box(0, float(top), canvas.w, canvas.h, blend(tone, other, 0.8 * share))


def _halves(canvas: Canvas, tone: Colour, other: Colour) -> None:
    foot, head = canvas.between(0.15, 0.85) * canvas.w, canvas.between(0.15, 0.85) * canvas.w
    edge = 0.0 if canvas.chance(0.5) else canvas.w
    canvas.polygon([(head, 0), (foot, canvas.h), (edge, canvas.h), (edge, 0)], blend(tone, other, 0.7))


def backdrop(canvas: Canvas, tone: Colour) -> None:
    """Cover the sheet: sky, air or wall, with a light of its own somewhere."""
    canvas.box(0, 0, canvas.w, canvas.h, tone)
    other = canvas.against(tone, apart=38)
    x, y = canvas.between(0.02, 0.98) * canvas.w, canvas.between(0.02, 0.8) * canvas.h
    style = canvas.count(0, 6)
    if style == 0:
        _rays(canvas, tone, other, x, y)
    elif style == 1:
        _halos(canvas, tone, other, x, y)
    elif style == 2:
        _bands(canvas, tone, other)
    elif style == 3:
        _dusk(canvas, tone, other)
    elif style == 4:
        _halves(canvas, tone, other)
    if style >= 4 or canvas.chance(0.45):
        canvas.stain(
            blend(tone, other, canvas.between(0.4, 0.8)), cells=canvas.count(2, 5), threshold=canvas.between(120, 160)
        )
    radius = canvas.between(0.05, 0.27)
    moon, share = canvas.against(tone, other, apart=30), canvas.detail.random()
    if share < 0.45:
        canvas.disc(x, y, radius, moon)
    elif share < 0.65:
        place = canvas.detail.uniform((0, 0), (canvas.w, canvas.h))
        canvas.disc(float(place[0]), float(place[1]), float(canvas.detail.uniform(0.05, 0.27)), moon)


@functools.cache
def _grain(kind: int) -> Image.Image:
    """A sheet of paper or wood grain, multiplied onto a print; the same on every run."""
    side = 1024
    noise = np.random.default_rng(kind).normal(size=(side, side))
    if kind == 1:
        noise = np.cumsum(noise, axis=1)
        noise = (noise[:, 24:] - noise[:, :-24]) / 5
    elif kind == 2:
        noise = np.where(noise > 2.1, -7.0, noise / 2)
    values = np.clip(246 + 7 * noise, 0, 255).astype(np.uint8)
    return Image.fromarray(values).convert("RGB")


def _grained(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    grain = _grain(int(rng.integers(3)))
    if grain.width < image.width or grain.height < image.height:
        grain = grain.resize((max(grain.width, image.width), max(grain.height, image.height)))
    x, y = int(rng.integers(grain.width - image.width + 1)), int(rng.integers(grain.height - image.height + 1))
    return ImageChops.multiply(image, grain.crop((x, y, x + image.width, y + image.height)))


def _mounted(canvas: Canvas, image: Image.Image) -> Image.Image:
    """Leave a margin of bare paper, or a dark passe-partout, around some prints."""
    style = canvas.layout.random()
    if style < 0.5:
        return image
    width = round(min(canvas.size) * canvas.between(0.02, 0.07))
    foot = width * canvas.count(1, 3)
    tone = canvas.palette.paper if style < 0.85 else canvas.palette.ink
    sheet = Image.new("RGB", canvas.size, tone)
    inner = image.resize((canvas.size[0] - 2 * width, canvas.size[1] - width - foot), Image.Resampling.BOX)
    sheet.paste(inner, (width, width))
    return sheet


def finish(canvas: Canvas) -> Image.Image:
    """The finished print: smoothed edges, inks slightly out of register, a mount, and the grain of the paper."""
    image = canvas.image.reduce(SUPERSAMPLING)
    if canvas.chance(0.5):
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if canvas.chance(0.5):
        red, green, blue = image.split()
        shifted = red.copy()
        shifted.paste(red, (int(canvas.detail.integers(1, 3)), 1))
        image = Image.merge("RGB", (shifted, green, blue))
    return _grained(_mounted(canvas, image), canvas.detail)
