"""This stack, its peers and the machine's limit on the same photos: one table."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.benchmark.machine import describe_machine
from tests.benchmark.photos import find_photos
from tests.benchmark.table import networks
from tests.benchmark.table.document import build_network
from tests.benchmark.table.limits import LIMITS
from tests.benchmark.table.lineup import SYSTEMS
from tests.benchmark.table.page import write_page
from tests.benchmark.table.plan import SLACK, Plan
from tests.benchmark.table.progress import Progress
from tests.benchmark.table.text import write_text
from tests.benchmark.table.turns import Turns

_QUICK_SYSTEMS = ("ours", "flask")
_LEAST_SECONDS, _MOST_SECONDS = 0.2, 600.0
_MOST_ROUNDS, _MOST_CLIENTS = 100, 512


def add_arguments(parser):
    """What can be left out or made shorter; unset options mean all, or the default."""
    parser.add_argument(
        "--systems", type=_list_of(SYSTEMS), metavar="A,B", help=_all(SYSTEMS)
    )
    parser.add_argument(
        "--networks",
        type=_list_of(networks.NAMES),
        metavar="A,B",
        help=_all(networks.NAMES),
    )
    parser.add_argument(
        "--clients", type=_list_of_numbers, metavar="N,N", help="1,4,16,64"
    )
    parser.add_argument("--seconds", type=float, help="of each load (default: 1)")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default: 3)")
    parser.add_argument(
        "--open-seconds",
        type=float,
        help="of each rate of arrivals, 0: none (default: 2)",
    )


def read_plan(options):
    """The plan that the options make, quick or whole.

    Raises:
        ValueError: Seconds or rounds out of bounds.
    """
    plan = Plan(
        networks=options.networks
        or (networks.NAMES[:1] if options.quick else networks.NAMES),
        systems=options.systems
        or (_QUICK_SYSTEMS if options.quick else tuple(SYSTEMS)),
        limits=tuple(LIMITS)[:1] if options.quick else tuple(LIMITS),
        clients=options.clients or ((1, 16) if options.quick else (1, 4, 16, 64)),
        seconds=_or(options.seconds, 0.6 if options.quick else 1.0),
        rounds=_or(options.rounds, 1 if options.quick else 3),
        open_seconds=_or(options.open_seconds, 0.0 if options.quick else 2.0),
        photos=16 if options.quick else 64,
    )
    if not _LEAST_SECONDS <= plan.seconds <= _MOST_SECONDS:
        raise ValueError(
            f"expected {_LEAST_SECONDS} to {_MOST_SECONDS} seconds, received "
            f"{plan.seconds}"
        )
    if not 1 <= plan.rounds <= _MOST_ROUNDS:
        raise ValueError(f"expected 1 to {_MOST_ROUNDS} rounds, received {plan.rounds}")
    if not (
        plan.open_seconds == 0 or _LEAST_SECONDS <= plan.open_seconds <= _MOST_SECONDS
    ):
        raise ValueError(
            f"expected 0 or {_LEAST_SECONDS} to {_MOST_SECONDS} open seconds, "
            f"received {plan.open_seconds}"
        )
    return plan


def run(options):
    """Measure and write the table; all figures are printed too."""
    plan = read_plan(options)
    photos, origin = find_photos(
        Path(os.environ.get("DATASETS_DIR", "datasets")), plan.photos
    )
    print(
        f"table: {len(plan.networks)} networks, {len(plan.systems)} systems; about "
        f"{plan.expected_seconds / 60:.0f} min. Missing environments and networks are "
        "made first; later rounds of a network are left out after "
        f"{SLACK * plan.measuring_seconds / 60:.1f} min of measuring",
        flush=True,
    )
    machine, began_at, found = describe_machine(), time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder, Progress(plan.turns) as progress:
        for name in plan.networks:
            turns = Turns(plan, photos, Path(folder), progress)
            found.append(build_network(turns.run(name), plan))
    document = {
        "machine": machine,
        "began_at": machine["began_at"],
        "seconds": time.monotonic() - began_at,
        "photos": origin,
        "plan": asdict(plan),
        "networks": found,
    }
    page = write_page(document, options.output)
    print(write_text(document))
    print(f"report {page}")


def _list_of(known):
    def read(text):
        names = tuple(text.split(","))
        for name in names:
            if name not in known:
                raise ValueError(name)
        return names

    read.__name__ = "list of names"
    return read


def _list_of_numbers(text):
    numbers = tuple(int(word) for word in text.split(","))
    if not all(1 <= number <= _MOST_CLIENTS for number in numbers):
        raise ValueError(text)
    return numbers


def _all(names):
    return f"some of {', '.join(names)}"


def _or(value, default):
    return default if value is None else value
