"""One figure a curve: images a second, and what a picture costs the processors."""

from __future__ import annotations

import math

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tests.benchmark.growth.curve import show
from training.plots import CURVE_COLORS, STYLE

_SIZE = (9.6, 3.4)
_PARTS = (
    ("server_ms", "model server", CURVE_COLORS[0]),
    ("gateway_ms", "gateway", CURVE_COLORS[1]),
    ("load_ms", "load generator", CURVE_COLORS[3]),
)
_ACCENT, _BAD, _SOFT = "#1a5fd0", "#c8344a", "#5b6675"
_LEGEND = {"ncols": 3, "frameon": False, "handlelength": 1.4, "columnspacing": 1.2}
_BAR_SHARE = 0.6
_MOST_BAR = 0.8
_HEADROOM = 1.05


def draw_curve(curve):
    """Left the speed with its range over the rounds, right the processor time."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        speeds, costs = figure.subplots(1, 2)
        places = [math.log2(point.x) for point in curve.points]
        _draw_speeds(speeds, curve, places)
        _draw_costs(costs, curve, places)
        for axes in (speeds, costs):
            axes.set_xlabel(curve.x_label)
            axes.set_xticks(places, [show(point.x) for point in curve.points])
            axes.set_ylim(0, _HEADROOM * axes.get_ylim()[1])
            axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
            axes.grid(axis="x", visible=False)
            axes.set_axisbelow(True)
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), **_LEGEND)
        return figure


def _draw_speeds(axes, curve, places):
    lows, highs = (
        [extreme(point.values("images_per_second")) for point in curve.points]
        for extreme in (min, max)
    )
    axes.fill_between(places, lows, highs, color=_ACCENT, alpha=0.2, linewidth=0)
    speeds = [point.speed for point in curve.points]
    axes.plot(places, speeds, color=_ACCENT, marker="o", linewidth=2, label="measured")
    bounds = [point.bound for point in curve.points]
    axes.plot(
        places, bounds, color=_SOFT, linestyle="--", label="all cores on this alone"
    )
    for bend in (curve.risen, curve.fallen):
        if bend is not None:
            axes.axvline(math.log2(bend.x), color=_BAD, linestyle=":")
    axes.set_ylabel("images/s")


def _draw_costs(axes, curve, places):
    gaps = [after - before for before, after in zip(places, places[1:])]
    width = min([_MOST_BAR, *(_BAR_SHARE * gap for gap in gaps)])
    below = [0.0] * len(places)
    for field, name, color in _PARTS:
        heights = [point.median(field) for point in curve.points]
        axes.bar(places, heights, width, below, color=color, label=name)
        below = [low + height for low, height in zip(below, heights)]
    axes.set_ylabel("processor ms a picture")
