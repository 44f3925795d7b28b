"""Seconds from start to first answer, and memory at rest and at its peak."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from tests.benchmark import network_exports
from tests.benchmark.machine import describe_machine
from tests.benchmark.own_process import own_process
from tests.benchmark.photos import find_photos
from tests.benchmark.spread import describe
from tests.benchmark.start.starting import start_once
from training.argument_kinds import as_count, as_positive
from training.program import read_datasets_dir

PHOTOS = 64
# Source: the goals of this benchmark's issue.
GOALS_SECONDS = {"model server": 8.0, "gateway": 1.0}


def add_arguments(parser):
    """The options of this subcommand."""
    networks = network_exports.NAMES
    parser.add_argument("--network", choices=networks, default=networks[1])
    parser.add_argument("--rounds", type=as_count, default=7, help="starts of each")
    parser.add_argument(
        "--seconds", type=as_positive, default=5.0, help="of load in each"
    )


def run(options):
    """Start both servers again and again; print medians, write report.json."""
    rounds, seconds = (1, 1.0) if options.quick else (options.rounds, options.seconds)
    photos, what = find_photos(read_datasets_dir(), PHOTOS)
    print(f"start: {rounds} starts of both servers, about {rounds * 20 / 60:.0f} min")
    facts = {"network": options.network, "photos": what, "seconds_of_load": seconds}
    starts = []
    with tempfile.TemporaryDirectory() as folder, own_process() as callers:
        (base_path,) = network_exports.export(options.network, folder).values()
        for _ in tqdm(range(rounds), unit="start"):
            starts.append(
                start_once(base_path, Path(folder), (tuple(photos), seconds), callers)
            )
    print(tell(starts, options.network))
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "report.json"
    document = {
        **facts,
        **describe_machine(),
        "starts": [asdict(each) for each in starts],
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"report {path}")


def tell(starts, network):
    """A few lines on each server."""
    lines = [f"\n{network}, {len(starts)} starts; median (smallest to largest)"]
    for name, parts in (
        ("model server", [start.server for start in starts]),
        ("gateway", [start.gateway for start in starts]),
    ):
        lines += [
            f"{name}: first answer after "
            f"{describe([part.answer_seconds for part in parts])} s "
            f"(goal: under {GOALS_SECONDS[name]:.0f}), of that until its port is open "
            f"{describe([part.port_seconds for part in parts])} s; "
            f"{describe([part.cpu_seconds for part in parts])} s of processor time",
            "  MB at rest: resident "
            f"{describe([part.at_rest.resident for part in parts], 0)}, its share "
            f"{describe([part.at_rest.share for part in parts], 0)}; under load: "
            f"resident at most {describe([part.loaded.peak for part in parts], 0)}, "
            f"share afterwards {describe([part.loaded.share for part in parts], 0)}",
        ]
    speeds = [start.images_per_second for start in starts]
    return "\n".join([*lines, f"the load: {describe(speeds, 0)} images/s, 16 clients"])
