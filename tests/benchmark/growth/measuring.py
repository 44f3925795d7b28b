"""All points of a curve in turn, in another order each round."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import numpy as np
import psutil

from tests.benchmark import http_load
from tests.benchmark.growth.curve import Point, Sample
from tests.benchmark.http_load import Requests
from tests.benchmark.server_processes import Stack

WARM_SECONDS = 0.7


@dataclass(frozen=True)
class Place:
    """One point to measure: which requests, to which stack, from how many clients."""

    x: float
    stack: Stack
    requests: Requests
    clients: int


@dataclass(frozen=True)
class Pace:
    """How often each point is measured, and for how many seconds."""

    rounds: int
    seconds: float


def measure_places(places, pace, callers, progress):
    """Points in the order of the places.

    Args:
        callers: The call of own_process.py that sends the load.
        progress: Its update(1) is called after each round of a place.
    """
    samples = {place.x: [] for place in places}
    for place in places:
        callers(http_load.send, place.requests, place.clients, WARM_SECONDS)
    for number in range(pace.rounds):
        order = random.Random(number).sample(places, len(places))
        for place in order:
            samples[place.x].append(measure(place, pace.seconds, callers))
            progress.update(1)
    return tuple(Point(place.x, tuple(samples[place.x])) for place in places)


def measure(place, seconds, callers):
    """One round: the load's own report beside what the processors say."""
    before, busy_before = place.stack.used_seconds(), busy_seconds()
    began_at = time.perf_counter()
    answered = callers(http_load.send, place.requests, place.clients, seconds)
    took = time.perf_counter() - began_at
    busy = busy_seconds() - busy_before
    gateway, server = np.subtract(place.stack.used_seconds(), before).tolist()
    ours = gateway + server + answered.cpu_seconds
    p50, p99 = 1000 * np.percentile(answered.times, (50, 99))
    return Sample(
        images_per_second=answered.images_per_second,
        p50_ms=float(p50),
        p99_ms=float(p99),
        gateway_ms=1000 * gateway / answered.images,
        server_ms=1000 * server / answered.images,
        load_ms=1000 * answered.cpu_seconds / answered.images,
        our_cores=ours / took,
        other_cores=max(0.0, busy - ours) / took,
    )


def busy_seconds():
    """Processor time that this machine has spent on anything so far."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice
