"""A projection as one HTML file that needs nothing beside it and nothing from a network: plot, data and script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from analysis.core.projection.scene import Scene
from analysis.core.projection.wire import packed_codes

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
_IMPORT = re.compile(r'^import\s[^;]*?from\s+"\./[\w.]+";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=class |const |function |async function )", re.MULTILINE)


def page(scene: Scene, *, scripts: Sequence[str], shown: str, pictures: Sequence[bytes | None] | None = None) -> bytes:
    """The whole page.

    Args:
        scene: the projection.
        scripts: our own modules, each after those that it imports; the last one starts the page.
        shown: the key of the colouring with which it opens.
        pictures: a small JPEG of each image, or None where there is none; left out, the page shows names only.
    """
    script = bundled(scripts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Names come from people's files: nothing in them may run or fetch, whatever opens the page.
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(scene.title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<header><h1>{escape(scene.title)}</h1><p>{escape(scene.about)}</p></header>\n"
        '<main><div class="plot" id="plot" tabindex="0" role="application" aria-describedby="keys"></div>'
        '<aside><label>Colour by <select id="by"></select></label><p id="note"></p><ul class="legend" id="legend"></ul>'
        '<p id="keys">Wheel, pinch or + and − zoom; drag or arrow keys move; 0 shows all. '
        "Press a group to hide it.</p></aside></main>\n"
        f'<script type="application/json" id="data">{_data(scene, shown, pictures)}</script>\n'
        f'<script type="module">{script}</script>\n</body></html>\n'
    ).encode()


def bundled(scripts: Sequence[str]) -> str:
    """Modules as one: their imports of each other and their exports taken off, one after another.

    Raises:
        ValueError: an import or export of another form, which would break the page.
    """
    text = "\n".join(_EXPORT.sub("", _IMPORT.sub("", script)) for script in scripts)
    if left := re.search(r"^(?:import|export)\b.*", text, re.MULTILINE):
        raise ValueError(f"This line cannot be bundled: {left[0]}")
    if "</script" in text:
        raise ValueError("A script that holds “</script” cannot stand in a page.")
    return text


def _data(scene: Scene, shown: str, pictures: Sequence[bytes | None] | None) -> str:
    datasets, dataset_of = _numbered(scene.datasets)
    labels, label_of = _numbered([" | ".join(each) for each in scene.labels])
    data = {
        "title": scene.title,
        "points": base64.b64encode(np.ascontiguousarray(scene.points, "<f4").tobytes()).decode(),
        "names": list(scene.names),
        "datasets": datasets,
        "dataset": dataset_of,
        "labels": labels,
        "label": label_of,
        "pictures": [base64.b64encode(one).decode() if one else "" for one in pictures] if pictures else [],
        "shown": shown,
        "colorings": [
            {
                "key": each.key,
                "title": each.title,
                "note": each.note,
                "codes": packed_codes(each.codes),
                "groups": [
                    {"key": str(position), "name": group.name, "color": group.color, "count": int(count)}
                    for position, (group, count) in enumerate(zip(each.groups, each.counts(), strict=True))
                ],
            }
            for each in scene.colorings
        ],
    }
    # In a script element only "</" could end it, and "<!--" begin a comment.
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _numbered(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The different texts in order, and which of them each is: most images share one with others."""
    known: dict[str, int] = {}
    numbers = [known.setdefault(text, len(known)) for text in texts]
    return list(known), numbers
