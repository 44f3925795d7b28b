"""Load without a pause, counted period by period; runs in a process of its own."""

from __future__ import annotations

import collections
import http.client
import signal
import threading
import time
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from tests.benchmark import http_load

_MOST_REASONS = 5
_RETRY_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Period:
    """What was answered in a period, and why calls failed, the most frequent first."""

    seconds: float
    images: int
    failed: int
    reasons: tuple[str, ...]
    p50_ms: float
    p99_ms: float
    cpu_seconds: float

    @property
    def images_per_second(self):
        """Answers with 200 only."""
        return self.images / self.seconds


def generate(pipe, requests, clients, period_seconds):
    """Send from so many clients at once until the pipe is closed or says something.

    Ctrl-C is the parent's to notice: it then closes the pipe. Each period goes through
    the pipe when it is over.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop, done = threading.Event(), collections.deque()
    threads = [
        threading.Thread(target=_work, args=(requests, client, clients, (stop, done)))
        for client in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        _report(pipe, done, period_seconds)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _report(pipe, done, period_seconds):
    began_at, cpu_before = time.monotonic(), time.process_time()
    ends_at = began_at
    while True:
        ends_at += period_seconds
        if pipe.poll(max(0.0, ends_at - time.monotonic())):
            return
        now, cpu = time.monotonic(), time.process_time()
        results = [done.popleft() for _ in range(len(done))]
        try:
            pipe.send(_summarize(results, now - began_at, cpu - cpu_before))
        except BrokenPipeError:
            return
        began_at, cpu_before = now, cpu


def _summarize(results, seconds, cpu_seconds):
    """One period's results: seconds of a call that was answered, text of one that was
    not."""
    times = [each for each in results if isinstance(each, float)]
    reasons = collections.Counter(each for each in results if isinstance(each, str))
    p50, p99 = 1000 * np.percentile(times or [0.0], (50, 99))
    return Period(
        seconds=seconds,
        images=len(times),
        failed=reasons.total(),
        reasons=tuple(text for text, _ in reasons.most_common(_MOST_REASONS)),
        p50_ms=float(p50),
        p99_ms=float(p99),
        cpu_seconds=cpu_seconds,
    )


def _work(requests, client, clients, shared):
    """One client: the next request when the last was answered or failed."""
    stop, done = shared
    connection = http.client.HTTPConnection(
        "127.0.0.1", requests.port, timeout=http_load.TIMEOUT_SECONDS
    )
    number = client
    with closing(connection):
        while not stop.is_set():
            began_at = time.perf_counter()
            try:
                http_load.post(connection, requests, number)
                done.append(time.perf_counter() - began_at)
            except (RuntimeError, OSError, http.client.HTTPException) as error:
                done.append(f"{type(error).__name__}: {error}"[:200])
                connection.close()
                stop.wait(_RETRY_SECONDS)
            number += clients
