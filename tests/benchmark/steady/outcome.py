"""What minutes of load come to: the last beside the first, in words and as a plot."""

from __future__ import annotations

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.plots import CURVE_COLORS, STYLE

# Source: the goal of this benchmark's issue.
MOST_CHANGE = 0.05
# A leak of 1 KB a picture would be 270 MB in 30 minutes at 150 images/s.
MOST_GROWTH = 1.05
# Until then pools and caches fill: the first tenth, and one minute at least.
_WARM_SHARE = 0.1
_SIZE = (9.6, 3.4)
_HEADROOM = 1.08


def tell_outcome(minutes):
    """Sentences on speed, errors and memory, each with its verdict."""
    first, last = minutes[0], minutes[-1]
    ratio = last.period.images_per_second / first.period.images_per_second
    costs = [minute.server_ms + minute.gateway_ms for minute in (first, last)]
    images = sum(minute.period.images for minute in minutes)
    failed = sum(minute.period.failed for minute in minutes)
    lines = [
        f"images/s, last minute / first: {ratio:.3f} "
        f"({last.period.images_per_second:.1f} / "
        f"{first.period.images_per_second:.1f}), goal within {MOST_CHANGE:.0%}: "
        f"{_verdict(abs(ratio - 1) <= MOST_CHANGE)}; processor time of a picture "
        f"{costs[1] / costs[0]:.3f} ({costs[1]:.2f} / {costs[0]:.2f} ms)",
        f"errors: {failed} of {images + failed} calls, goal none: "
        f"{_verdict(not failed)}",
    ]
    warm = minutes[min(len(minutes) - 2, max(1, round(_WARM_SHARE * len(minutes)))) :]
    for name in last.memory:
        held = [minute.memory[name].resident for minute in warm]
        growth = held[-1] / held[0]
        lines.append(
            f"memory of the {name}: {held[-1]:.1f} MB resident in minute "
            f"{len(minutes)} / {held[0]:.1f} in minute "
            f"{len(minutes) - len(warm) + 1}: {growth:.3f}, goal at most "
            f"{MOST_GROWTH}: {_verdict(growth <= MOST_GROWTH)}"
        )
    return lines


def _verdict(is_reached):
    return "reached" if is_reached else "not reached"


def draw_minutes(minutes):
    """Left images a second, right what each server holds, by minute."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        speeds, held = figure.subplots(1, 2)
        numbers = range(1, len(minutes) + 1)
        speeds.plot(
            numbers,
            [minute.period.images_per_second for minute in minutes],
            color=CURVE_COLORS[0],
            marker="o",
            markersize=4,
        )
        speeds.set_ylabel("images/s")
        for name, color in zip(minutes[0].memory, CURVE_COLORS):
            resident = [minute.memory[name].resident for minute in minutes]
            held.plot(numbers, resident, color=color, marker="o", markersize=4)
            held.annotate(
                name,
                (numbers[-1], resident[-1]),
                xytext=(0, 6),
                textcoords="offset points",
                ha="right",
                color=color,
            )
        held.set_ylabel("MB resident")
        for axes in (speeds, held):
            axes.set_xlabel("minute")
            axes.set_ylim(0, _HEADROOM * axes.get_ylim()[1])
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        return figure
