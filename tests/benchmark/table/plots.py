"""Figures of one network: ratios at a glance, speeds by clients, arrivals."""

from __future__ import annotations

import math

import matplotlib
from matplotlib.figure import Figure

from tests.benchmark.table.text import levels_of, present
from training.plots import CURVE_COLORS, STYLE

_ACCENT, _BAD, _SOFT = "#1a5fd0", "#c8344a", "#5b6675"
_MARKERS = "os^Dv<>PX*h"
_LEGEND = {"frameon": False, "fontsize": 8, "handlelength": 1.6}


def draw_ratios(network):
    """Bars: the best ratio to limit 1 over all numbers of clients; line: the limit."""
    rows = [
        (row, max(_ratio(figures) for figures in row["closed"].values()))
        for row in present(network)
        if row["closed"]
    ]
    rows.sort(key=lambda each: each[1])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 0.9 + 0.34 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        bars = axes.barh(
            [_plain(row) for row, _ in rows],
            [ratio for _, ratio in rows],
            color=[_ACCENT if row["is_ours"] else _SOFT for row, _ in rows],
        )
        axes.bar_label(bars, [f"{ratio:.2f}" for _, ratio in rows], padding=4)
        for limit in network["limits"]:
            ratios = limit["busy"] and limit["busy"]["ratio_to_limit"]
            if ratios:
                axes.axvline(ratios["median"], color=_BAD, linestyle=":")
        axes.set_xlabel("images/s over limit 1, at its best number of clients")
        axes.grid(axis="y", visible=False)
        axes.set_axisbelow(True)
        return figure


def draw_speeds(network):
    """Left images a second by clients, right p99 by clients; both axes logarithmic."""
    levels = levels_of(network)
    places = [math.log2(int(clients)) for clients in levels]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 5.0), layout="constrained")
        speeds, delays = figure.subplots(1, 2)
        for row, look in _looks(network):
            closed = [row["closed"].get(clients) for clients in levels]
            middle = [each and each["images_per_second"]["median"] for each in closed]
            _plot(speeds, places, middle, {**look, "label": _plain(row)})
            _plot(delays, places, [each and each["p99_ms"] for each in closed], look)
        for limit in network["limits"]:
            if limit["busy"]:
                speed = limit["busy"]["images_per_second"]["median"]
                speeds.axhline(speed, color=_BAD, linestyle=":")
        speeds.set_ylabel("images/s")
        delays.set_ylabel("p99, milliseconds")
        for axes in (speeds, delays):
            axes.set_xlabel("clients")
            axes.set_xticks(places, levels)
            axes.set_yscale("log")
        figure.legend(loc="outside lower center", ncols=4, **_LEGEND)
        return figure


def draw_arrivals(network):
    """p50 (full) and p99 (dashed) by the rate of arrivals."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 4.6), layout="constrained")
        axes = figure.add_subplot()
        for row, look in _looks(network):
            points = [row["open"][share] for share in sorted(row["open"])]
            rates = [each["offered_per_second"] for each in points]
            middle = [each["p50_ms"] for each in points]
            _plot(axes, rates, middle, {**look, "label": _plain(row)})
            late = [each["p99_ms"] for each in points]
            _plot(axes, rates, late, {**look, "linestyle": "--"})
        axes.set_yscale("log")
        axes.set_xlabel("photos that arrive in a second")
        axes.set_ylabel("milliseconds: p50, dashed p99")
        figure.legend(loc="outside lower center", ncols=4, **_LEGEND)
        return figure


def _looks(network):
    for number, row in enumerate(present(network)):
        yield row, {
            "color": CURVE_COLORS[number % len(CURVE_COLORS)],
            "marker": _MARKERS[number % len(_MARKERS)],
            "linewidth": 2.4 if row["is_ours"] else 1.2,
            "markersize": 4,
        }


def _plot(axes, places, heights, look):
    """Without the points that were not measured."""
    found = [pair for pair in zip(places, heights) if pair[1]]
    if found:
        axes.plot(*zip(*found), **look)


def _ratio(figures):
    ratios = figures["ratio_to_limit"]
    return ratios["median"] if ratios else 0.0


def _plain(row):
    return row["title"].replace("`", "")
