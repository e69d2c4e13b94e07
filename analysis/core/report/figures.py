"""The overlap as sets, drawn: circles with areas in proportion for two or three datasets, rows of dots for more."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from analysis.core.palette import DATASETS
from analysis.core.venn import upset_rows, venn_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

COLORS = DATASETS
"""Okabe–Ito, in the order in which pages give them to datasets."""

INK = "#1c1d20"
MOST_CIRCLES = 3
MOST_COLUMNS = 20
_NAME_LETTERS = 28
_STYLE: Any = {
    "svg.hashsalt": "simweb",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    # A dollar sign in a dataset's name is no formula.
    "text.parse_math": False,
}


def kind_of(n_datasets: int) -> str:
    """``venn`` or ``upset``: how so many datasets are drawn."""
    return "venn" if n_datasets <= MOST_CIRCLES else "upset"


def draw_sets(names: Sequence[str], regions: Mapping[int, int], title: str) -> dict[str, bytes]:
    """Draw how many pictures lie in exactly which datasets. The same input gives the same bytes.

    Args:
        names: of two or more datasets.
        regions: bit mask of datasets (bit j is dataset j) -> pictures that lie in exactly these.
        title: stands above.

    Returns:
        ``png`` (on white) and ``svg`` (without a background) -> the file.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    mpl.use("Agg")
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 4.8))
        FigureCanvasAgg(figure)
        short = [name if len(name) <= _NAME_LETTERS else f"{name[: _NAME_LETTERS - 1]}…" for name in names]
        if kind_of(len(names)) == "venn":
            _venn(figure, short, regions, title)
        else:
            _upset(figure, short, regions, title)
        files = {}
        for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            out = io.BytesIO()
            look: Any = {"dpi": 160, "bbox_inches": "tight", "pad_inches": 0.15, "transparent": suffix == "svg"}
            figure.savefig(out, format=suffix, metadata=metadata, **look)
            files[suffix] = out.getvalue()
    return files


def _venn(figure: Figure, names: Sequence[str], regions: Mapping[int, int], title: str) -> None:
    """The diagram that the dashboard shows, from the same layout."""
    from matplotlib.patches import Circle

    layout = venn_layout(regions, len(names))
    axes = figure.subplots()
    axes.set_title(title, fontsize=11, loc="left", pad=10)
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(0, 1)
    axes.set_ylim(layout.height, 0)
    for color, circle in zip(COLORS, layout.circles, strict=False):
        axes.add_patch(Circle((circle.x, circle.y), circle.r, facecolor=color, alpha=0.28, linewidth=0))
        axes.add_patch(Circle((circle.x, circle.y), circle.r, fill=False, edgecolor=color, linewidth=1.4))
    labels = []
    for name, place in zip(names, layout.sets, strict=True):
        align = {"start": "left", "middle": "center", "end": "right"}[place.align]
        labels.append(axes.text(place.x, place.y, name, ha=align, va="center", fontsize=12))
    _part(figure, axes, labels)
    for region in layout.regions:
        shared = region.mask & (region.mask - 1)
        line: Any = {"arrowstyle": "-", "color": INK, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 0}
        axes.annotate(
            f"{regions[region.mask]:,}",
            xy=region.leader or (region.x, region.y),
            xytext=(region.x, region.y),
            ha="center",
            va="center",
            fontweight="bold" if shared else "normal",
            arrowprops=line if region.leader else None,
        )


def _part(figure: Figure, axes: Axes, labels: Sequence[Text]) -> None:
    """Move the upper one of two labels that lie on each other up: the layout knows their places, not their lengths."""
    for _ in labels:
        figure.draw_without_rendering()
        boxes = [label.get_window_extent() for label in labels]
        order = sorted(range(len(labels)), key=lambda i: -boxes[i].y0)
        for upper, lower in combinations(order, 2):
            if boxes[upper].overlaps(boxes[lower]):
                up = boxes[lower].y1 - boxes[upper].y0 + boxes[upper].height / 4
                x, y = axes.transData.transform(labels[upper].get_position())
                labels[upper].set_position(tuple(axes.transData.inverted().transform((x, y + up))))
                break


def _upset(figure: Figure, names: Sequence[str], regions: Mapping[int, int], title: str) -> None:
    """One column for each combination of datasets that shares pictures, the largest first (Lex et al. 2014)."""
    shared = [row for row in upset_rows(regions) if len(row.sets) > 1]
    columns = shared[:MOST_COLUMNS]
    figure.set_size_inches(max(5.5, 2.6 + 0.42 * len(columns)), 3.4 + 0.32 * len(names))
    bars, dots = figure.subplots(2, 1, sharex=True, height_ratios=(3, max(1.5, 0.42 * len(names))))
    left = len(shared) - len(columns)
    bars.set_title(
        title + (f" ({left:,} smaller combinations left out)" if left else ""), fontsize=11, loc="left", pad=14
    )
    bars.spines[["top", "right", "bottom"]].set_visible(False)
    bars.tick_params(bottom=False)
    bars.set_ylabel("pictures")
    if not columns:
        bars.text(0, 0.5, "No picture lies in more than one dataset", ha="center", va="center")
        bars.set_yticks([])
    for x, row in enumerate(columns):
        bars.bar(x, row.count, color=INK, width=0.55)
        bars.text(x, row.count, f"{row.count:,}", ha="center", va="bottom", fontsize=9)
        dots.plot([x, x], [row.sets[0], row.sets[-1]], color=INK, linewidth=1.5, zorder=1)
    for j in range(len(names)):
        for x, row in enumerate(columns):
            dots.scatter(x, j, s=46, color=COLORS[j % len(COLORS)] if j in row.sets else "#c9c7c1", zorder=2)
    dots.set_yticks(range(len(names)), names)
    dots.set_ylim(len(names) - 0.5, -0.5)
    dots.set_xlim(-0.6, max(len(columns), 1) - 0.4)
    dots.set_xticks([])
    dots.spines[:].set_visible(False)
    dots.tick_params(left=False)
