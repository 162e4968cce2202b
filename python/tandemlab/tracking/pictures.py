"""Pictures of runs, drawn by matplotlib; importing this imports it."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

from tandemlab.domain import MissingDependency
from tandemlab.tracking.panels import Line, Panel

try:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ImportError as error:
    raise MissingDependency(
        "Pictures of runs need matplotlib, which is not installed.",
        hint="Install it with `pip install 'tandemlab[plots]'`.",
    ) from error

# Okabe and Ito's colours, which people with colour blindness tell apart; R draws with the same.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333")
_GREY = "#7F7F7F"
_SHORT = 40
_MOST_LEGEND = 10


class Picture(Figure):
    """A matplotlib figure that notebooks show by itself."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=120)
        return buffer.getvalue()


def draw(panels: Sequence[Panel], title: str = "") -> Picture:
    """Draw panels side by side and below each other, at most three in a row."""
    columns = min(3, math.ceil(math.sqrt(len(panels))))
    rows = math.ceil(len(panels) / columns)
    picture = Picture(figsize=(max(4.2 * columns, 5), 3.1 * rows + 0.3), layout="constrained")
    FigureCanvasAgg(picture)
    for number, panel in enumerate(panels, 1):
        axes = picture.add_subplot(rows, columns, number)
        axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold", parse_math=False)
        axes.set_xlabel(panel.x_label, fontsize=9, parse_math=False)
        axes.set_ylabel(panel.y_label, fontsize=9)
        axes.tick_params(labelsize=8, color=_GREY)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_GREY)
        _PAINTERS[panel.kind](axes, panel)
    if title:
        picture.suptitle(title, x=0.01, ha="left", fontsize=11)
    return picture


def _draw_lines(axes: Axes, panel: Panel) -> None:
    axes.grid(color="#E5E5E5", linewidth=0.7)
    axes.set_axisbelow(True)
    if panel.diagonal:
        axes.axline((0, 0), slope=1, color=_GREY, linestyle="--", linewidth=1, label="_guide")
    for line, colour in zip(panel.lines, cycle(COLOURS)):
        y = [math.nan if value is None else value for value in line.y]
        marker = "o" if len(line.x) <= _SHORT or _is_alone(line) else ""
        if line.is_dots:
            marker = "o"
        style = "none" if panel.kind == "dots" or line.is_dots else "-"
        axes.plot(
            line.x, y, linestyle=style, color=colour, marker=marker, markersize=3.5, linewidth=1.4,
            label=line.name,
        )  # fmt: skip
        if line.errors:
            axes.errorbar(line.x, y, yerr=line.errors, fmt="none", ecolor=colour, label="_errors")
    if all(x.is_integer() for line in panel.lines for x in line.x):
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if len(panel.lines) > 1:
        _draw_legend(axes, panel)


def _is_alone(line: Line) -> bool:
    return sum(value is not None for value in line.y) < 2


def _draw_legend(axes: Axes, panel: Panel) -> None:
    """Names of lines; of many, the first, so that the picture is not all names."""
    handles, names = axes.get_legend_handles_labels()
    if len(names) > _MOST_LEGEND:
        handles, names = handles[:_MOST_LEGEND], names[:_MOST_LEGEND]
        names[-1] += f" … {len(panel.lines) - _MOST_LEGEND} more"
    legend = axes.legend(handles, names, fontsize=7, frameon=False, loc="best")
    for text in legend.get_texts():
        text.set_parse_math(False)


def _draw_matrix(axes: Axes, panel: Panel) -> None:
    """A confusion matrix: each cell with its count, shaded by its share of the true class."""
    totals = [sum(row) or 1.0 for row in panel.cells]
    shares = [
        [count / total for count in row] for row, total in zip(panel.cells, totals, strict=True)
    ]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    places = range(len(panel.labels))
    axes.set_xticks(places, panel.labels, rotation=_tilt(panel.labels))
    axes.set_yticks(places, panel.labels)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if len(panel.labels) > 12:
        return
    for row, counts in enumerate(panel.cells):
        for column, count in enumerate(counts):
            colour = "white" if shares[row][column] > 0.62 else "#222222"
            axes.text(column, row, f"{count:g}", color=colour, ha="center", va="center", fontsize=9)


def _tilt(labels: Sequence[str]) -> int:
    return 45 if sum(map(len, labels)) > 30 else 0


def _draw_bars(axes: Axes, panel: Panel) -> None:
    widths = [b - a for a, b in zip(panel.edges, panel.edges[1:], strict=False)]
    axes.bar(
        panel.edges[:-1], panel.heights, widths, align="edge", color=COLOURS[0], edgecolor="white"
    )


def _draw_shares(axes: Axes, panel: Panel) -> None:
    """A bar for each label, the first on top."""
    places = range(len(panel.labels))
    axes.barh(places, panel.heights, color=COLOURS[0])
    axes.set_yticks(places, [label[:24] for label in panel.labels])
    axes.invert_yaxis()


def _draw_parallel(axes: Axes, panel: Panel) -> None:
    """Lines through upright axes, the dark ones last."""
    from matplotlib import colormaps

    for line in panel.lines:
        y = [math.nan if value is None else value for value in line.y]
        colour = colormaps["Blues"](0.2 + 0.8 * (line.shade or 0.0))
        axes.plot(line.x, y, color=colour, linewidth=1.2, marker="o", markersize=2)
    places = range(len(panel.labels))
    for place, low, high in zip(places, panel.texts[::2], panel.texts[1::2], strict=True):
        axes.axvline(place, color=_GREY, linewidth=0.8)
        for height, text, side in ((-0.02, low, "top"), (1.02, high, "bottom")):
            axes.text(place, height, text[:12], ha="center", va=side, fontsize=7, parse_math=False)
    axes.set_xticks(places, [label[:14] for label in panel.labels], rotation=_tilt(panel.labels))
    axes.tick_params(axis="x", length=0, pad=12)
    axes.set_yticks([])
    axes.set_ylim(-0.05, 1.05)
    axes.spines[:].set_visible(False)


def _draw_image(axes: Axes, panel: Panel) -> None:
    from matplotlib.image import imread

    axes.set_axis_off()
    try:
        axes.imshow(imread(panel.file))
    except (OSError, ValueError):  # such as SVG, which has no pixels
        _write(axes, [f"{Path(panel.file).name} cannot be shown here."])


def _draw_facts(axes: Axes, panel: Panel) -> None:
    axes.set_axis_off()
    width = max(map(len, panel.labels), default=0)
    pairs = zip(panel.labels, panel.texts, strict=True)
    _write(axes, [f"{name[:24]:<{min(width, 24)}}  {text[:40]}" for name, text in pairs])


def _write(axes: Axes, lines: Sequence[str]) -> None:
    size = min(9.0, 130 / max(len(lines), 1))
    text = "\n".join(lines)
    axes.text(
        0, 1, text, family="monospace", fontsize=size, va="top", transform=axes.transAxes,
        parse_math=False,
    )  # fmt: skip


_PAINTERS: dict[str, Callable[[Axes, Panel], None]] = {
    "lines": _draw_lines,
    "dots": _draw_lines,
    "matrix": _draw_matrix,
    "bars": _draw_bars,
    "image": _draw_image,
    "facts": _draw_facts,
    "shares": _draw_shares,
    "parallel": _draw_parallel,
}
