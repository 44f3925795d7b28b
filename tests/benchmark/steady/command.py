"""Many minutes of steady load: images/s, memory and errors, minute by minute."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tests.benchmark import network_exports
from tests.benchmark.http_load import Requests
from tests.benchmark.machine import describe_machine
from tests.benchmark.memory import Memory, read_memory
from tests.benchmark.photos import find_photos
from tests.benchmark.server_processes import running_servers
from tests.benchmark.steady.generator import Period, generate
from tests.benchmark.steady.outcome import draw_minutes, tell_outcome
from training.argument_kinds import as_count
from training.plots import to_png
from training.program import read_datasets_dir

PHOTOS = 64
WARM_SECONDS = 5.0
MINUTE_SECONDS = 60.0
QUICK_SECONDS = 2.0
_GRACE_SECONDS = 30.0


@dataclass(frozen=True)
class Minute:
    """What one minute brought, and what the servers held at its end.

    server_ms and gateway_ms are processor milliseconds for each picture.
    """

    period: Period
    server_ms: float
    gateway_ms: float
    memory: dict[str, Memory]


def as_minutes(text):
    """A whole number from 2: the last minute is compared with the first."""
    minutes = as_count(text)
    if minutes < 2:
        raise argparse.ArgumentTypeError(f"expected at least 2, received {minutes}")
    return minutes


def add_arguments(parser):
    """The options of this subcommand."""
    networks = network_exports.NAMES
    parser.add_argument("--network", choices=networks, default=networks[0])
    parser.add_argument("--minutes", type=as_minutes, default=30)
    parser.add_argument("--clients", type=as_count, default=16)


def run(options):
    """Load until the time is up or Ctrl-C; print each minute, write the report."""
    seconds = QUICK_SECONDS if options.quick else MINUTE_SECONDS
    minutes = 3 if options.quick else options.minutes
    photos, what = find_photos(read_datasets_dir(), PHOTOS)
    facts = {
        "network": options.network,
        "photos": what,
        "clients": options.clients,
        "seconds_of_a_minute": seconds,
        **describe_machine(),
    }
    print(f"steady: {options.clients} clients, {minutes} x {seconds:.0f} s")
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        (path,) = network_exports.export(options.network, folder).values()
        with running_servers({"bench": path}, Path(folder)) as stack:
            requests = Requests(stack.port, tuple(photos))
            try:
                for minute in watch(stack, requests, options.clients, seconds):
                    seen.append(minute)
                    print(tell_minute(len(seen), minute), flush=True)
                    if len(seen) == minutes:
                        break
            except KeyboardInterrupt:
                print(f"steady: interrupted after {len(seen)} of {minutes} minutes")
            finally:
                write_report(seen, facts, options.output)


def watch(stack, requests, clients, seconds):
    """Minutes, one after the other without a pause, for as long as they are wanted.

    Raises:
        RuntimeError: A server or the load generator ended.
    """
    with running_load(requests, clients, WARM_SECONDS) as pipe:
        _receive(pipe, WARM_SECONDS)
    with running_load(requests, clients, seconds) as pipe:
        before = stack.used_seconds()
        while True:
            period = _receive(pipe, seconds)
            try:
                after = stack.used_seconds()
                yield _add_up(period, stack, (before, after))
            except psutil.NoSuchProcess as error:
                raise RuntimeError("a server ended under load") from error
            before = after


def _add_up(period, stack, used):
    """The minute of a period.

    Args:
        used: The stack's used_seconds() before and after it.
    """
    images = max(1, period.images)
    (gateway_before, server_before), (gateway, server) = used
    return Minute(
        period=period,
        server_ms=1000 * (server - server_before) / images,
        gateway_ms=1000 * (gateway - gateway_before) / images,
        memory={
            "gateway": read_memory(stack.gateway),
            "model server": read_memory(stack.servers[0]),
        },
    )


@contextmanager
def running_load(requests, clients, period_seconds):
    """The generator's process; gives the end of the pipe that its periods come from."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=generate, args=(theirs, requests, clients, period_seconds)
    )
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(_GRACE_SECONDS)
        process.kill()
        process.join()


def _receive(pipe, seconds):
    """The next period.

    Raises:
        RuntimeError: The generator ended or says nothing.
    """
    try:
        if pipe.poll(seconds + _GRACE_SECONDS):
            return pipe.recv()
    except EOFError:
        pass
    raise RuntimeError("the load generator ended")


def tell_minute(number, minute):
    """One line."""
    period = minute.period
    held = ", ".join(
        f"{name} {memory.resident:.1f} ({memory.share:.1f})"
        for name, memory in minute.memory.items()
    )
    failures = "".join(f"\n    {reason}" for reason in period.reasons)
    return (
        f"minute {number:3}: {period.images_per_second:6.1f} images/s, "
        f"p50 {period.p50_ms:.0f}, p99 {period.p99_ms:.0f} ms, {period.failed} failed; "
        f"processor ms a picture: server {minute.server_ms:.2f}, gateway "
        f"{minute.gateway_ms:.2f}; MB resident (share): {held}{failures}"
    )


def write_report(minutes, facts, folder):
    """What came of it in words, report.json and report.png."""
    if len(minutes) < 2:
        print("steady: fewer than two minutes tell nothing; no report")
        return
    outcome = tell_outcome(minutes)
    print("\n".join(outcome))
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        **facts,
        "outcome": outcome,
        "minutes": [asdict(minute) for minute in minutes],
    }
    path = folder / "report.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (folder / "report.png").write_bytes(to_png(draw_minutes(minutes)))
    print(f"report {path}, plot {folder / 'report.png'}")
