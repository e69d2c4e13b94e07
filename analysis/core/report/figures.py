"""The overlap as sets, drawn: circles with areas in proportion for two or three datasets, rows of dots for more."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Okabe–Ito, in the order in which pages give them to datasets."""

INK = "#1c1d20"
MOST_CIRCLES = 3
MOST_COLUMNS = 20
_CLOSE = 0.09
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
    from matplotlib.lines import Line2D
    from matplotlib_venn import venn2, venn3

    axes = figure.subplots()
    axes.set_title(title, fontsize=11, loc="left", pad=14)
    draw = venn2 if len(names) < MOST_CIRCLES else venn3
    order = "10 01 11" if len(names) < MOST_CIRCLES else "100 010 110 001 101 011 111"
    counts = {key: regions.get(sum(1 << j for j, bit in enumerate(key) if bit == "1"), 0) for key in order.split()}
    if not any(counts.values()):
        axes.set_axis_off()
        axes.text(0.5, 0.5, "No images", ha="center", va="center", transform=axes.transAxes)
        return
    drawn = draw(subsets=tuple(counts.values()), set_labels=None, set_colors=COLORS[: len(names)], alpha=0.35, ax=axes)
    # Names beside circles that nearly coincide would lie on each other.
    dots = [
        Line2D([], [], marker="o", linestyle="", markersize=9, color=color, label=name, alpha=0.7)
        for name, color in zip(names, COLORS, strict=False)
    ]
    axes.legend(handles=dots, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(names), frameon=False)
    _spread(axes, drawn, counts)


def _spread(axes: Axes, drawn: Any, counts: Mapping[str, int]) -> None:
    """Write the counts; those of shared regions too narrow for their number stand outside, with a line to them."""
    outside = 0
    for key, count in counts.items():
        label = drawn.get_label_by_id(key)
        if label is None:
            continue
        label.set_text(f"{count:,}" if count else "")
        patch = drawn.get_patch_by_id(key)
        if not count or patch is None or key.count("1") < 2:
            continue
        box = patch.get_path().get_extents()
        label.set_fontweight("bold")
        if min(box.width, box.height) < _CLOSE * (2 if count > 999 else 1):
            x, y = label.get_position()
            label.set_visible(False)
            axes.annotate(
                f"{count:,}",
                xy=(x, y),
                xytext=(x + 0.12 * (outside % 3 - 1), axes.get_ylim()[1] - 0.02 - 0.07 * (outside // 3)),
                ha="center",
                va="bottom",
                fontweight="bold",
                arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 0},
            )
            outside += 1


def _upset(figure: Figure, names: Sequence[str], regions: Mapping[int, int], title: str) -> None:
    """One column for each combination of datasets that shares pictures, the largest first (Lex et al. 2014)."""
    shared = [(mask, count) for mask, count in regions.items() if mask & (mask - 1) and count]
    columns = sorted(shared, key=lambda item: (-item[1], item[0]))[:MOST_COLUMNS]
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
    for x, (mask, count) in enumerate(columns):
        bars.bar(x, count, color=INK, width=0.55)
        bars.text(x, count, f"{count:,}", ha="center", va="bottom", fontsize=9)
        held = [j for j in range(len(names)) if mask >> j & 1]
        dots.plot([x, x], [held[0], held[-1]], color=INK, linewidth=1.5, zorder=1)
    for j in range(len(names)):
        for x, (mask, _) in enumerate(columns):
            dots.scatter(x, j, s=46, color=COLORS[j % len(COLORS)] if mask >> j & 1 else "#c9c7c1", zorder=2)
    dots.set_yticks(range(len(names)), names)
    dots.set_ylim(len(names) - 0.5, -0.5)
    dots.set_xlim(-0.6, max(len(columns), 1) - 0.4)
    dots.set_xticks([])
    dots.spines[:].set_visible(False)
    dots.tick_params(left=False)
