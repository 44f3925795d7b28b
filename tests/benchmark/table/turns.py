"""One network through all systems: in turn, in shuffled order, all others paused."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.benchmark.own_process import own_process
from tests.benchmark.table import limits, load, networks
from tests.benchmark.table.limits import CORES, LIMITS
from tests.benchmark.table.plan import BATCH_SECONDS, RATE_SHARES, SLACK
from tests.benchmark.table.starting import Starting

_COMPARED_PHOTOS = 4
# A limit's only level: both cores busy with the best batch; and one picture at a time.
BUSY, ALONE = "busy", "alone"


@dataclass(frozen=True)
class Load:
    """What came of one load in one round, and what the servers spent on it."""

    measured: load.Measured
    cpu_seconds: float


@dataclass
class Findings:
    """All of one network.

    loads: {name of system or limit: {level: [Load of each round]}}; a level is a number
        of clients, a share of the peak, BUSY or ALONE.
    missing: {name of system: why}.
    differences: {name of system: largest difference of a score from limit 1's}.
    """

    network: str
    batch_sizes: dict = field(default_factory=dict)
    loads: dict = field(default_factory=dict)
    missing: dict = field(default_factory=dict)
    differences: dict = field(default_factory=dict)
    memory_mib: dict = field(default_factory=dict)

    def add(self, name, level, found):
        """One more round's."""
        self.loads.setdefault(name, {}).setdefault(level, []).append(found)

    def peak(self, name):
        """The highest median speed at any number of clients."""
        speeds = [
            sorted(each.measured.images_per_second for each in rounds)
            for level, rounds in self.loads.get(name, {}).items()
            if isinstance(level, int)
        ]
        return max((each[len(each) // 2] for each in speeds), default=0.0)


class Turns:
    """The run of one network."""

    def __init__(self, plan, photos, folder, progress):
        self._plan, self._photos, self._folder = plan, photos, folder
        self._progress = progress
        self._servers = {}

    def run(self, name):
        """Start all, warm them up, measure round after round; returns Findings.

        The first round is whole; no later turn begins after the time that is planned,
        with some slack.
        """
        network, findings = networks.find_network(name), Findings(name)
        with ExitStack() as stack:
            with own_process() as call:
                self._progress.say(f"{name}: exporting")
                call(networks.prepare, network)
            call = stack.enter_context(own_process())
            self._start(stack, network, findings, call)
            for limit in self._plan.limits:
                speeds = call(
                    limits.best_batch_size,
                    *(LIMITS[limit].runtime, network, self._photos, BATCH_SECONDS),
                )
                findings.batch_sizes[limit] = speeds
            ends_at = time.monotonic() + SLACK * self._plan.measuring_seconds
            self._measure_rounds(network, findings, call, ends_at)
            self._measure_arrivals(findings, ends_at)
        self._servers.clear()
        return findings

    def _start(self, stack, network, findings, call):
        expected = [
            call(limits.scores, network, photo)
            for photo in self._photos[:_COMPARED_PHOTOS]
        ]
        starting = Starting(network, self._photos, expected, self._folder)
        started, findings.missing = starting.start(
            self._plan.systems,
            stack,
            lambda what: self._progress.step(f"{network.name}: {what}"),
        )
        for name, each in started.items():
            self._servers[name] = each.server
            findings.differences[name] = each.difference
            findings.memory_mib[name] = each.memory_mib

    def _measure_rounds(self, network, findings, call, ends_at):
        for number in range(self._plan.rounds):
            order = random.Random(number)
            names = [*self._servers, *self._plan.limits]
            order.shuffle(names)
            for name in names:
                self._progress.step(f"{network.name}: round {number + 1}, {name}")
                if number and time.monotonic() > ends_at:
                    continue
                if name in LIMITS:
                    self._measure_limit(name, network, findings, call)
                    continue
                levels = list(self._plan.clients)
                order.shuffle(levels)
                loads = [(clients, clients) for clients in levels]
                self._take_turn(name, findings, load.closed, loads)

    def _take_turn(self, name, findings, put_load, loads):
        """Awake alone, under each (level, amount); missing from now on if it ended."""
        is_closed = put_load is load.closed
        seconds = self._plan.seconds if is_closed else self._plan.open_seconds
        server = self._servers.get(name)
        if server is None:
            return
        try:
            with _turn(server):
                for level, amount in loads:
                    before = server.cpu_seconds()
                    measured = put_load(server.door, amount, seconds)
                    spent = server.cpu_seconds() - before
                    findings.add(name, level, Load(measured, spent))
        except OSError as error:
            findings.missing[name] = f"it ended while it was measured: {error}"
            del self._servers[name]

    def _measure_limit(self, name, network, findings, call):
        best = next(iter(findings.batch_sizes[name]))
        seconds = self._plan.seconds
        for level, how, share in ((BUSY, (CORES, best), 1.5), (ALONE, (1, 1), 0.5)):
            measured = call(
                limits.run,
                *(LIMITS[name].runtime, network, self._photos, how, share * seconds),
            )
            findings.add(name, level, Load(measured, measured.client_cpu_seconds))

    def _measure_arrivals(self, findings, ends_at):
        """At shares of each system's own peak."""
        if not self._plan.open_seconds:
            return
        names = list(self._servers)
        random.Random(len(names)).shuffle(names)
        for name in names:
            self._progress.step(f"{findings.network}: arrivals, {name}")
            peak = findings.peak(name)
            if not peak or time.monotonic() > ends_at:
                continue
            loads = [(share, share * peak) for share in RATE_SHARES]
            self._take_turn(name, findings, load.opened, loads)


@contextmanager
def _turn(server):
    """Awake, and through with what was lost while it slept."""
    server.resume()
    try:
        load.ask(server.door)
        yield
    finally:
        server.pause()
