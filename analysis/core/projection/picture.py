"""A projection as a PNG to print: on white, with a legend beside it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from analysis.core.palette import REST
from analysis.core.projection.scene import Coloring, Scene

MOST_IN_LEGEND = 24
_NAME_LETTERS = 34
_INK = "#1c1d20"
_SOFT = "#5d5e63"
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": "#c9c7c1",
    "axes.labelcolor": _SOFT,
    # A dollar sign in a name is no formula.
    "text.parse_math": False,
}


def picture(scene: Scene, coloring: Coloring) -> bytes:
    """Draw the points by group. The same input gives the same bytes.

    Args:
        scene: the projection.
        coloring: which of its colourings.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    n = len(scene.points)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.5, 7.2), facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.035, 0.06, 0.68, 0.84))
        # Drawn in an order that mixes the groups, so that none lies on top of the others; what is grey lies beneath.
        order = np.random.default_rng(0).permutation(n)
        colored = np.array([group.color != REST for group in coloring.groups], np.bool_)[coloring.codes]
        order = order[np.argsort(colored[order], kind="stable")]
        colors = np.array([mpl.colors.to_rgb(group.color) for group in coloring.groups]).reshape(-1, 3)
        x, y = scene.points[order].T
        axes.scatter(
            x,
            y,
            c=colors[coloring.codes[order]],
            s=float(np.clip(24_000 / max(n, 1), 1.2, 40)),
            alpha=0.85 if n < 20_000 else 0.6,
            linewidths=0,
            rasterized=True,
        )
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(scene.axes[0], fontsize=9)
        axes.set_ylabel(scene.axes[1], fontsize=9)
        figure.text(0.035, 0.955, _short(scene.title, 90), fontsize=13, fontweight="bold", va="center")
        figure.text(0.035, 0.92, _short(scene.about, 130), fontsize=8.5, color=_SOFT, va="center")
        handles = [
            Line2D([], [], marker="o", linestyle="", markersize=6, markeredgewidth=0, color=color, label=label)
            for label, color in _legend(coloring)
        ]
        axes.legend(
            handles=handles,
            title=coloring.title,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.015, 1.01),
            frameon=False,
            handletextpad=0.2,
            fontsize=9,
        )
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=160, metadata={"Software": None})
    return out.getvalue()


def _legend(coloring: Coloring) -> list[tuple[str, str]]:
    """Name with count, and colour, of the groups that have points; the last line says how many are left out."""
    counted = [(group, int(count)) for group, count in zip(coloring.groups, coloring.counts(), strict=True) if count]
    shown = [(f"{_short(group.name, _NAME_LETTERS)}  {count:,}", group.color) for group, count in counted]
    if len(shown) <= MOST_IN_LEGEND:
        return shown
    return [*shown[: MOST_IN_LEGEND - 1], (f"and {len(shown) - MOST_IN_LEGEND + 1:,} more", "white")]


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
