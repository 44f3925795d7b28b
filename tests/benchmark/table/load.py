"""Load on one server: clients that wait for their answers, or arrivals at a rate.

Clients of a closed loop send again when they were answered; arrivals of an open loop
come at random whether or not the server keeps up, and wait from when they were due.
"""

from __future__ import annotations

import random
import time
from collections import deque
from dataclasses import dataclass

from tests.benchmark.table.crowd import OK, Crowd

# Of the time on the clock; the queue fills meanwhile.
LEAD_SHARE = 0.25
# A slow server is watched longer, so that its speed is not that of three answers; and
# answers come a batch at a time, so that each client has to have some.
FEWEST_ANSWERS, ANSWERS_A_CLIENT, LONGEST_STRETCH = 10, 4, 4
DRAIN_SECONDS = 25.0
MOST_CONNECTIONS = 256


@dataclass(frozen=True)
class Door:
    """Where a server takes photos, and the whole requests, one a photo."""

    port: int
    requests: tuple[bytes, ...]


@dataclass(frozen=True)
class Measured:
    """What clients saw: latencies in seconds, of answers on the clock only.

    images: all that were answered, also off the clock. failed: not answered with 200.
    """

    images_per_second: float
    latencies: tuple[float, ...]
    images: int
    failed: int
    client_cpu_seconds: float


class _Stretch:
    """The time on the clock: after a lead, longer while few answers came."""

    def __init__(self, now, seconds, clients):
        self._fewest = max(FEWEST_ANSWERS, ANSWERS_A_CLIENT * clients)
        self.opens_at = now + LEAD_SHARE * seconds
        self.closes_at = self.opens_at + seconds
        self._seconds, self._left = seconds, LONGEST_STRETCH - 1

    def is_on(self, now, log):
        """Whether clients go on; puts the end off as far as it may."""
        if now > self.closes_at and self._left > 0:
            if len(self.counted(log)) < self._fewest:
                self.closes_at += self._seconds
                self._left -= 1
        return now < self.closes_at

    def counted(self, log):
        """The good answers that came meanwhile."""
        return [
            each
            for each in log
            if each[2] and self.opens_at <= each[0] < self.closes_at
        ]


def ask(door, number=0, patience_seconds=DRAIN_SECONDS):
    """(status, body) of one request; (0, b"") without an answer."""
    crowd = Crowd(door.port, 1)
    try:
        crowd.send(door.requests[number % len(door.requests)], time.perf_counter())
        ends_at = time.perf_counter() + patience_seconds
        while (left := ends_at - time.perf_counter()) > 0:
            for _, status, body in crowd.answers(left):
                return status, body
    except OSError:
        pass
    finally:
        crowd.close()
    return 0, b""


def closed(door, clients, seconds, patience_seconds=DRAIN_SECONDS):
    """Each client sends its next photo when the last was answered.

    The speed is of the answers between two moments while all clients are at it. What
    is under way at the end is waited for, with some patience.
    """
    cpu, crowd, log = time.process_time(), Crowd(door.port, clients), []
    stretch = _Stretch(time.perf_counter(), seconds, clients)
    ends_at = time.perf_counter() + LONGEST_STRETCH * seconds + patience_seconds
    while (now := time.perf_counter()) < ends_at:
        if is_on := stretch.is_on(now, log):
            _send_all(crowd, door, len(log))
        elif not crowd.busy:
            break
        _collect(crowd, log, min(stretch.closes_at - now, 0.5) if is_on else 0.5)
    late = [each for each in log if each[0] >= stretch.opens_at]
    speed = len(stretch.counted(log)) / (stretch.closes_at - stretch.opens_at)
    return _sum_up(log, late, speed, (crowd, cpu, 0))


def opened(door, rate, seconds, seed=0):
    """Photos that arrive at random, so many a second (Poisson)."""
    cpu, crowd, log = time.process_time(), Crowd(door.port, MOST_CONNECTIONS), []
    due = _arrivals(rate, seconds, seed)
    starts_at, sent = time.perf_counter() + 0.05, 0
    while (now := time.perf_counter() - starts_at) < seconds + DRAIN_SECONDS:
        while due and due[0] <= now and crowd.idle:
            moment = starts_at + due.popleft()
            crowd.send(door.requests[sent % len(door.requests)], moment)
            sent += 1
        if not due and not crowd.busy:
            break
        waits = due[0] - now if due and crowd.idle else 0.5
        _collect(crowd, log, waits)
    return _sum_up(log, log, len(log) / seconds, (crowd, cpu, len(due)))


def _arrivals(rate, seconds, seed):
    """Moments in seconds from the start, in order."""
    draw, moments, moment = random.Random(seed), deque(), 0.0
    while (moment := moment + draw.expovariate(rate)) < seconds:
        moments.append(moment)
    return moments


def _send_all(crowd, door, number):
    while crowd.idle:
        number += 1
        request = door.requests[(number + crowd.busy) % len(door.requests)]
        crowd.send(request, time.perf_counter())


def _collect(crowd, log, timeout_seconds):
    """Append (when it came, seconds it took, whether it was 200)."""
    answers = crowd.answers(timeout_seconds)
    now = time.perf_counter()
    log.extend((now, now - began_at, status == OK) for began_at, status, _ in answers)


def _sum_up(log, counted, speed, ending):
    crowd, cpu, unsent = ending
    unanswered = crowd.busy + unsent
    crowd.close()
    return Measured(
        images_per_second=speed,
        latencies=tuple(took for _, took, is_ok in counted if is_ok),
        images=sum(is_ok for *_, is_ok in log),
        failed=sum(not is_ok for *_, is_ok in log) + unanswered,
        client_cpu_seconds=time.process_time() - cpu,
    )
