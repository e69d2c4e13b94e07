"""Sheets of example pairs as PNG: pictures side by side, their names below, to be looked at without a browser."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from analysis.core.report import words
from analysis.core.report.data import ReportData, spread

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

MOST_PAIRS = 24
COLUMNS = 3

_INK, _SOFT, _SUNKEN, _LINE = "#1c1d20", "#5d5e63", "#efede8", "#e2dfd8"
_BOX = 240
_GAP = 6
"""Between the two pictures of a pair."""
_GUTTER = 30
_MARGIN = 36
_HEAD = 92
_TEXT = 66
"""Below the pictures: name, dataset, distance."""


def sheet(data: ReportData, signal: int, chosen: Sequence[int], title: str) -> bytes:
    """Draw some pairs of a signal, spread over all of their distances. The same input gives the same bytes.

    Args:
        data: the report.
        signal: position of the signal.
        chosen: positions of the pairs that the sheet is about, rising; at least one.
        title: what they are, e.g. ``ArtDL – wikidata``.
    """
    part = data.signals[signal]
    shown = [chosen[position] for position in spread(len(chosen), MOST_PAIRS)]
    card = 2 * _BOX + _GAP
    width = 2 * _MARGIN + COLUMNS * card + (COLUMNS - 1) * _GUTTER
    height = _HEAD + -(-len(shown) // COLUMNS) * (_BOX + _TEXT + _GUTTER) + _MARGIN - _GUTTER
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    inside = width - 2 * _MARGIN
    draw.text((_MARGIN, 26), _fit(title, _font(22, bold=True), inside), _INK, _font(22, bold=True))
    said = f"{part.title}, {part.at_most}. {words.number(len(chosen), 'pair')}"
    if len(shown) < len(chosen):
        said += f"; {len(shown)} of them here, from the closest to the farthest"
    draw.text((_MARGIN, 58), _fit(f"{said}.", _font(14), inside), _SOFT, _font(14))
    for position, pair in enumerate(shown):
        row, column = divmod(position, COLUMNS)
        place = (_MARGIN + column * (card + _GUTTER), _HEAD + row * (_BOX + _TEXT + _GUTTER))
        _pair(image, place, data, signal, pair)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _pair(image: Image.Image, place: tuple[int, int], data: ReportData, signal: int, pair: int) -> None:
    draw = ImageDraw.Draw(image)
    part = data.signals[signal]
    x, y = place
    for side, row in enumerate((int(part.pairs.a[pair]), int(part.pairs.b[pair]))):
        dataset, at = data.place(row)
        left = x + side * (_BOX + _GAP)
        draw.rectangle((left, y, left + _BOX - 1, y + _BOX - 1), _SUNKEN)
        content = data.picture(row)
        if content is None:
            draw.text((left + _BOX / 2, y + _BOX / 2), "fingerprint only", _SOFT, _font(13), anchor="mm")
        else:
            with Image.open(io.BytesIO(content)) as opened:
                scale = _BOX / max(opened.size)
                # Small pictures are shown as they are: enlarged they would look alike.
                size = [max(1, round(length * min(scale, 1.0))) for length in opened.size]
                small = opened.convert("RGB").resize((size[0], size[1]), Image.Resampling.LANCZOS)
            image.paste(small, (left + (_BOX - size[0]) // 2, y + (_BOX - size[1]) // 2))
        held = data.datasets[dataset]
        draw.text((left, y + _BOX + 6), _fit(held.names[at], _font(13), _BOX - 4), _INK, _font(13))
        draw.text((left, y + _BOX + 24), _fit(held.name, _font(12), _BOX - 4), _SOFT, _font(12))
    said = part.scale.words(float(part.pairs.distance[pair]))
    draw.text((x, y + _BOX + 44), said, _INK, _font(13, bold=True))
    draw.line((x, y + _BOX + _TEXT, x + 2 * _BOX + _GAP, y + _BOX + _TEXT), _LINE)


def _fit(text: str, font: FreeTypeFont, width: float) -> str:
    """The text on one line, cut where it would be wider."""
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    short, long = 0, len(text)
    while short + 1 < long:
        middle = (short + long) // 2
        if font.getlength(f"{text[:middle]}…") <= width:
            short = middle
        else:
            long = middle
    return f"{text[:short]}…"


@cache
def _font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """The font of the figures: it comes with matplotlib, so that sheets look the same on every machine."""
    import matplotlib as mpl
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name), size)
