"""The report as one HTML file that needs nothing beside it: pictures, figures and styles are in it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from analysis.core.overlap import DEFINITION
from analysis.core.report import words
from analysis.core.report.data import ReportData
from analysis.core.report.figures import COLORS, INK

_STYLE = Path(__file__).with_name("report.css").read_text(encoding="utf-8")

_IDS = re.compile(r'((?<![\w:])id="|url\(#|href="#)')


def page(data: ReportData, files: Sequence[tuple[str, str]], figures: Sequence[bytes | None]) -> bytes:
    """The whole report.

    Args:
        data: what it tells.
        files: path and content of each file beside it, in words.
        figures: the SVG of each signal, or None.
    """
    body = "\n".join(_body(data, files, figures))
    # Names come from people's files: nothing in them may run or fetch, whatever opens the report.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(data.title)}</title><style>{_STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    ).encode()


def _body(data: ReportData, files: Sequence[tuple[str, str]], figures: Sequence[bytes | None]) -> Iterable[str]:
    yield f'<h1>{escape(data.title)}</h1><p class="muted">{escape(words.opening(data))}</p>'
    if data.notes:
        yield f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in data.notes)}</ul>'
    yield '<section class="sheet"><h3>What overlap means</h3>'
    yield f"<p>{escape(DEFINITION)}</p><p>{escape(words.HOW_EXACT)} {escape(words.TWO_LIMITS)}</p></section>"
    yield "<h2>Datasets</h2>"
    yield _table(
        ["dataset", "images", "with a picture", "files refused"],
        [
            [_named(data, i), f"{len(part.names):,}", f"{part.pictures:,}", f"{len(part.refused):,}"]
            for i, part in enumerate(data.datasets)
        ],
        numbers=3,
    )
    yield "<h2>Methods and thresholds</h2>"
    yield from (f"<p>{escape(words.method(data, i))}</p>" for i in range(len(data.signals)))
    for i in range(len(data.signals)):
        yield from _signal(data, i, figures[i])
    yield "<h2>Files</h2>"
    yield _table(["file", "content"], [[f"<code>{escape(path)}</code>", escape(what)] for path, what in files])
    if refused := [(part.name, path, reason) for part in data.datasets for path, reason in part.refused]:
        yield f"<h2>Files that were refused</h2><p>{words.number(len(refused), 'file')}; the first of them:</p>"
        yield _table(["dataset", "file", "reason"], [[escape(cell) for cell in row] for row in refused[:50]])
    versions = ", ".join(f"{name} {version}" for name, version in data.versions.items())
    yield f'<h2>Versions</h2><p class="muted">{escape(versions)}.</p>'


def _signal(data: ReportData, i: int, figure: bytes | None) -> Iterable[str]:
    part = data.signals[i]
    yield f"<h2>{escape(part.title)}, {part.at_most}</h2>"
    tiles = "".join(f"<div><b>{count}</b><span>{escape(what)}</span></div>" for count, what in words.totals(data, i))
    yield f'<div class="tiles">{tiles}</div>'
    if judged := words.verdicts(data, i):
        yield f"<p>{escape(judged)}</p>"
    yield _table(
        ["A", "B", "images of A that overlap with B", "images of B that overlap with A", "pairs"],
        [
            [
                _named(data, cell.a),
                "itself" if cell.a == cell.b else _named(data, cell.b),
                *(escape(text) for text in (row.images_a, row.images_b, row.pairs)),
            ]
            for cell, row in zip(data.cells(i), words.rows(data, i), strict=True)
        ],
        numbers=3,
    )
    if figure is not None:
        yield f'<figure role="img" aria-label="{escape(words.figure_words(data, i))}">{_inline(figure, f"s{i}")}'
        yield (
            "<figcaption>Copies of one picture count once. Areas are in proportion as nearly as circles can be; "
            "the numbers are exact.</figcaption></figure>"
            if len(data.datasets) <= 3
            else "<figcaption>Copies of one picture count once.</figcaption></figure>"
        )
    if chosen := data.examples(i):
        yield f"<h3>Examples</h3><p>{len(chosen):,} of {words.number(len(part.pairs), 'pair')}, the closest first.</p>"
        yield f'<div class="pairs">{"".join(_pair(data, i, position) for position in chosen)}</div>'


def _pair(data: ReportData, i: int, position: int) -> str:
    part = data.signals[i]
    pictures, names = "", ""
    for row in (int(part.pairs.a[position]), int(part.pairs.b[position])):
        dataset, at = data.place(row)
        name = escape(data.datasets[dataset].names[at])
        content = data.picture(row)
        if content is None:
            pictures += "<div>fingerprint only</div>"
        else:
            encoded = base64.b64encode(content).decode()
            pictures += f'<div><img src="data:image/jpeg;base64,{encoded}" alt="{name}"></div>'
        names += f"<div>{name}<span>{_named(data, dataset)}</span></div>"
    verdict = int(part.verdicts[position])
    chip = f'<span class="chip">{escape(data.choices[verdict])}</span>' if verdict >= 0 else ""
    return (
        f'<div class="pair"><div class="ims">{pictures}</div><div class="names">{names}</div>'
        f'<div class="cap"><span>{part.scale.words(float(part.pairs.distance[position]))}</span>{chip}</div></div>'
    )


def _named(data: ReportData, dataset: int) -> str:
    color = COLORS[dataset % len(COLORS)]
    return f'<i class="dot" style="background:{color}"></i>{escape(data.datasets[dataset].name)}'


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """A table of cells that are HTML; the last `numbers` columns are right-aligned."""
    mark = [' class="n"' if i >= len(header) - numbers else "" for i in range(len(header))]
    head = "".join(f"<th{m}>{cell}</th>" for m, cell in zip(mark, header, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{m}>{cell}</td>" for m, cell in zip(mark, row, strict=True)) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _inline(svg: bytes, prefix: str) -> str:
    """An SVG as part of the page: its text in the page's colour, its ids apart from those of other figures."""
    text = svg.decode()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return _IDS.sub(rf"\g<1>{prefix}-", text)
