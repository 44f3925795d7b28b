"""Images/s against clients, replicas, batch, photo size, models and classes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tqdm import tqdm

from tests.benchmark import network_exports
from tests.benchmark.growth.curve import Curve, show
from tests.benchmark.growth.curves import CLASSES, PLANS, Material
from tests.benchmark.growth.measuring import Pace, measure_places
from tests.benchmark.growth.page import write_page
from tests.benchmark.machine import describe_machine
from tests.benchmark.own_process import own_process
from tests.benchmark.photos import find_photos
from training.argument_kinds import as_count, as_positive
from training.program import read_datasets_dir

PHOTOS = 64
# Measured: a round's own start, and the servers of a curve until they are ready.
_ROUND_OVERHEAD_SECONDS = 0.5
_START_SECONDS = 25.0


def add_arguments(parser):
    """The options of this subcommand."""
    names = [plan.name for plan in PLANS]
    parser.add_argument(
        "--only", choices=names, action="append", help="this curve; may be repeated"
    )
    networks = network_exports.NAMES
    parser.add_argument("--network", choices=networks, default=networks[0])
    parser.add_argument(
        "--seconds", type=as_positive, default=2.5, help="of each round"
    )
    parser.add_argument("--rounds", type=as_count, default=3)


def run(options):
    """Measure the curves, print each, write the report."""
    pace = Pace(options.rounds, options.seconds)
    if options.quick:
        pace = Pace(1, 1.0)
    plans = [plan for plan in PLANS if plan.name in (options.only or [plan.name])]
    photos, what = find_photos(read_datasets_dir(), PHOTOS)
    facts = {
        "network": options.network,
        "photos": what,
        "rounds": pace.rounds,
        "seconds": pace.seconds,
        **describe_machine(),
    }
    points = sum(plan.points for plan in plans)
    each = pace.rounds * (pace.seconds + _ROUND_OVERHEAD_SECONDS)
    minutes = (points * each + len(plans) * _START_SECONDS) / 60
    print(f"growth: {len(plans)} curves of {options.network}, about {minutes:.0f} min")
    curves = measure_curves(plans, pace, options.network, tuple(photos))
    page = write_page(curves, facts, options.output)
    print(f"report {page}")


def measure_curves(plans, pace, network, photos):
    """The curves of the plans, each printed when it is done."""
    total = sum(plan.points for plan in plans) * pace.rounds
    curves = []
    with (
        tempfile.TemporaryDirectory() as folder,
        own_process() as callers,
        tqdm(total=total, unit="round") as progress,
    ):
        material = _prepare(Path(folder), plans, network, photos)
        for plan in plans:
            progress.set_description(plan.name)
            with plan.open_places(material) as places:
                points = measure_places(places, pace, callers, progress)
            curve = Curve(
                name=plan.name,
                title=plan.title,
                x_label=plan.x_label,
                fixed=plan.fixed,
                points=points,
            )
            progress.write(tell_curve(curve))
            curves.append(curve)
    return curves


def _prepare(folder, plans, network, photos):
    """Networks exported below the folder; many classes only where a plan needs them."""
    needed = CLASSES if any(plan.name == "classes" for plan in plans) else CLASSES[:1]
    models = network_exports.export(network, folder, needed)
    return Material(folder, models, photos)


def tell_curve(curve):
    """The curve as text: a row a point, then where it bends."""
    rows = [f"\n{curve.title} ({curve.fixed})"]
    for point in curve.points:
        speeds = point.values("images_per_second")
        rows.append(
            f"  {show(point.x):>6}  {point.speed / curve.best.speed:.2f} of the best, "
            f"{point.speed:6.1f} images/s ({min(speeds):.1f} to {max(speeds):.1f}), "
            f"p50 {point.median('p50_ms'):.0f}, p99 {point.median('p99_ms'):.0f} ms; "
            f"processor ms a picture: server {point.median('server_ms'):.1f}, "
            f"gateway {point.median('gateway_ms'):.1f}, "
            f"load {point.median('load_ms'):.1f} (bound {point.bound:.0f} images/s); "
            f"cores busy {point.median('our_cores'):.2f}, "
            f"others {point.median('other_cores'):.2f}"
        )
    return "\n".join([*rows, *(f"  {sentence}" for sentence in curve.tell())])
