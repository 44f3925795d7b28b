"""Figures of the report as SVG text that takes the page's colors, or as PNG.

matplotlib is used here only. No label of a class is drawn: its fonts have no letters
for many scripts, and the page does.
"""

from __future__ import annotations

import io
import re

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.calibration import Calibration, Reliability
from training.evaluate import RocCurve, wilson_interval

# Each stands for a variable of the page's style sheet; in a PNG it is the color itself.
_INK, _SOFT, _LINE = "#1c2430", "#5b6675", "#d9dee6"
_ACCENT, _BAD = "#1a5fd0", "#c8344a"
_VARIABLES = {
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _LINE: "var(--line)",
    _ACCENT: "var(--accent)",
    _BAD: "var(--bad)",
}
# Source: Okabe and Ito 2008, colors that are told apart by everybody.
CURVE_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
_DPI = 144
STYLE = {
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _SOFT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "font.size": 10,
    "grid.color": _LINE,
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.color": _INK,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
}


def draw_curve(
    train: tuple[float, ...],
    validation: tuple[float, ...],
    best_epoch: int,
    what: str,
) -> Figure:
    """Train and validation by epoch; best_epoch counts from 0 and is marked."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _new_figure((4.6, 3.0))
        epochs = range(1, len(train) + 1)
        marker = "o" if len(train) < 3 else ""
        axes.plot(epochs, train, color=_SOFT, linestyle="--", marker=marker)
        axes.plot(epochs, validation, color=_ACCENT, marker=marker, linewidth=2)
        axes.axvline(best_epoch + 1, color=_BAD, linestyle=":")
        axes.set_xlabel("epoch")
        axes.set_ylabel(what)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        return figure


def draw_roc(curves: tuple[RocCurve, ...]) -> Figure:
    """Curves one against the rest, in the order of CURVE_COLORS; at most six."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _new_figure((4.6, 4.0))
        axes.plot([0, 1], [0, 1], color=_SOFT, linestyle=":")
        for curve, color in zip(curves, CURVE_COLORS, strict=False):
            axes.plot(
                curve.false_positive_rate,
                curve.true_positive_rate,
                color=color,
                linewidth=2,
                clip_on=False,
            )
        _make_square(axes, "false alarms", "found (recall)")
        return figure


def draw_reliability(calibration: Calibration) -> Figure:
    """Best score against share of right answers, before (rings) and after (dots)."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _new_figure((4.6, 4.0))
        axes.plot([0, 1], [0, 1], color=_SOFT, linestyle=":")
        _draw_bins(axes, calibration.before, is_filled=False)
        _draw_bins(axes, calibration.after, is_filled=True)
        _make_square(axes, "score the model gave", "share that was right")
        return figure


def to_svg(figure: Figure, description: str) -> str:
    """An <svg> element for a page that defines the color variables."""
    file = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    for color, variable in _VARIABLES.items():
        text = text.replace(color, variable)
    # Names of groups would occur once in each figure of the page, and nobody uses them.
    text = re.sub(r'<g id="[a-zA-Z0-9]+_[0-9_]+"', "<g", text)
    text = re.sub(r"font: ([0-9.]+)px [^;\"]*", r"font-size: \1px", text)
    box = re.search(r'viewBox="[^"]+"', text).group()
    start = text.index(">") + 1
    body = text[start:].replace("xlink:href", "href")
    return f'<svg {box} role="img" aria-label="{description}">{body}'


def to_png(figure: Figure) -> bytes:
    """The figure before white, for slides and mails."""
    file = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def _new_figure(size: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.add_subplot()


def _make_square(axes: Axes, x_label: str, y_label: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel=x_label, ylabel=y_label)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))


def _draw_bins(axes: Axes, reliability: Reliability, is_filled: bool) -> None:
    """A dot a bin, its area by the number of photos; with 95 % intervals if filled."""
    bins = [row for row in reliability.bins if row.count]
    total = sum(row.count for row in bins)
    color = _ACCENT if is_filled else _SOFT
    axes.scatter(
        [row.confidence for row in bins],
        [row.accuracy for row in bins],
        s=[20 + 160 * row.count / total for row in bins],
        facecolors=color if is_filled else "none",
        edgecolors=color,
        clip_on=False,
        zorder=3,
    )
    if is_filled:
        for row in bins:
            interval = wilson_interval(round(row.accuracy * row.count), row.count)
            axes.plot([row.confidence] * 2, interval, color=color, alpha=0.6)
