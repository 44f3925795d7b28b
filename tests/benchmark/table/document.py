"""Findings to figures: what report.json holds, and the table and the page show.

All ratios are of one round: both sides were measured within seconds of each other.
"""

from __future__ import annotations

import statistics

import numpy as np

from tests.benchmark.table.limits import LIMITS
from tests.benchmark.table.lineup import SYSTEMS
from tests.benchmark.table.plan import RATE_SHARES
from tests.benchmark.table.turns import ALONE, BUSY

OURS = "ours"


def build_network(findings, plan):
    """One network: "network", "batch_sizes", "limits", "systems"; JSON's types only."""
    bases = {
        name: _speeds(findings.loads.get(name, {}).get(BUSY, [])) for name in LIMITS
    }
    systems = [_system(name, findings, plan, bases) for name in plan.systems]
    _compare_with_ours(systems)
    return {
        "network": findings.network,
        "batch_sizes": {
            name: {str(size): round(speed, 1) for size, speed in speeds.items()}
            for name, speeds in findings.batch_sizes.items()
        },
        "limits": [_limit(name, findings, bases) for name in plan.limits],
        "systems": systems,
    }


def _limit(name, findings, bases):
    levels = findings.loads.get(name, {})
    return {
        "name": name,
        "title": LIMITS[name].title,
        "setup": LIMITS[name].setup,
        "batch_size": next(iter(findings.batch_sizes[name])),
        **{level: _figures(levels.get(level, []), bases) for level in (BUSY, ALONE)},
    }


def _system(name, findings, plan, bases):
    levels = findings.loads.get(name, {})
    row = {
        "name": name,
        "title": SYSTEMS[name].title,
        "setup": SYSTEMS[name].setup,
        "is_ours": SYSTEMS[name].is_ours,
        "missing": findings.missing.get(name),
        "largest_score_difference": findings.differences.get(name),
        "memory_mib": findings.memory_mib.get(name),
        "closed": {},
        "open": {},
    }
    for clients in plan.clients:
        if clients in levels:
            row["closed"][str(clients)] = _figures(levels[clients], bases)
    for share in RATE_SHARES:
        if share in levels:
            offered = share * findings.peak(name)
            figures = _figures(levels[share], {})
            row["open"][str(share)] = {"offered_per_second": offered, **figures}
    return row


def _speeds(loads):
    return [each.measured.images_per_second for each in loads]


def _figures(loads, bases):
    """One level over all rounds; ratios are to the limits of the same round."""
    if not loads:
        return None
    speeds = _speeds(loads)
    images = sum(each.measured.images for each in loads) or 1
    times = [1000 * each for found in loads for each in found.measured.latencies]
    p50, p99 = np.percentile(times, (50, 99)).tolist() if times else (None, None)
    return {
        "images_per_second": _spread(speeds),
        **{f"ratio_to_{name}": _ratios(speeds, base) for name, base in bases.items()},
        "p50_ms": p50,
        "p99_ms": p99,
        "answers": len(times),
        "failed": sum(each.measured.failed for each in loads),
        "cpu_ms_per_image": 1000 * sum(each.cpu_seconds for each in loads) / images,
        "client_cpu_ms_per_image": 1000
        * sum(each.measured.client_cpu_seconds for each in loads)
        / images,
    }


def _compare_with_ours(systems):
    """Into each row: how many times as fast ours is, how many times as late it is."""
    (ours,) = [row for row in systems if row["name"] == OURS] or [{"closed": {}}]
    for row in systems:
        for clients, figures in row["closed"].items():
            reference = ours["closed"].get(clients)
            if figures and reference:
                figures["ours_over_it"] = _ratios(
                    reference["images_per_second"]["rounds"],
                    figures["images_per_second"]["rounds"],
                )
                if figures["p99_ms"] and reference["p99_ms"]:
                    figures["its_p99_over_ours"] = (
                        figures["p99_ms"] / reference["p99_ms"]
                    )


def _ratios(speeds, bases):
    """Round by round; None without two of the same round."""
    found = [speed / base for speed, base in zip(speeds, bases) if base]
    return _spread(found) if found else None


def _spread(figures):
    return {
        "median": statistics.median(figures),
        "smallest": min(figures),
        "largest": max(figures),
        "rounds": list(figures),
    }
