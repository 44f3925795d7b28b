"""Callers of a Service: each connection goes to a pod that is ready when it opens.

Half of them open a connection for each request, to the pods in turn. Half keep one
until the pod closes it; theirs go to the pod that has fewest. Nobody asks again: what
fails is counted.
"""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

CALLERS = 8
# Longer than any deadline inside: a caller that gives up first would hide it.
PATIENCE_SECONDS = 30
RETRY_LATER = "503 with Retry-After"


@dataclass(frozen=True)
class Load:
    """What every caller sends, and its pause after an answer.

    requests: how many a phase at rest has, and how many shares are taken of.
    """

    photo: bytes
    pause_seconds: float
    requests: int


@dataclass
class Tally:
    """What the callers heard during one phase."""

    requests: int = 0
    failures: Counter = field(default_factory=Counter)
    versions: Counter = field(default_factory=Counter)
    longest_seconds: float = 0.0

    @property
    def hard_failures(self):
        """All failures but those that say when to come again."""
        return self.failures.total() - self.failures[RETRY_LATER]


class Callers:
    """Steady load between start() and stop()."""

    def __init__(self, list_ports, load):
        """list_ports() gives the ports of the pods that are ready now."""
        self._list_ports = list_ports
        self._load = load
        self._turns = itertools.count()
        self._kept = Counter()
        self._is_over = threading.Event()
        self._told = threading.Condition()
        self._tally = Tally()
        self._threads = [
            threading.Thread(target=self._call, args=(number % 2 == 0,))
            for number in range(CALLERS)
        ]

    def start(self):
        """Call from now on."""
        for thread in self._threads:
            thread.start()

    def stop(self):
        """End after the requests under way."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def take_tally(self):
        """What was heard since it was taken last."""
        with self._told:
            tally, self._tally = self._tally, Tally()
        return tally

    def wait_until(self, is_true, timeout_seconds=60):
        """Wait until is_true(tally of now); looks after every answer."""
        with self._told:
            is_met = self._told.wait_for(lambda: is_true(self._tally), timeout_seconds)
        assert is_met, f"not within {timeout_seconds} s: {self._tally}"

    def wait_for_requests(self, count, timeout_seconds=60):
        """Wait until the phase has seen so many more."""
        with self._told:
            goal = self._tally.requests + count
        self.wait_until(lambda tally: tally.requests >= goal, timeout_seconds)

    def _call(self, keeps_connection):
        while not self._is_over.wait(self._load.pause_seconds):
            if keeps_connection:
                self._call_and_keep()
            else:
                ports = self._list_ports()
                port = ports[next(self._turns) % len(ports)]
                with closing(open_connection(port)) as connection:
                    self._ask(connection)

    def _call_and_keep(self):
        with self._told:
            port = min(self._list_ports(), key=self._kept.__getitem__)
            self._kept[port] += 1
        with closing(open_connection(port)) as connection:
            while self._ask(connection) and not self._is_over.wait(
                self._load.pause_seconds
            ):
                pass
        with self._told:
            self._kept[port] -= 1

    def _ask(self, connection):
        """One request; true if the connection may be used again."""
        start = time.monotonic()
        version, is_open = None, False
        try:
            connection.request("POST", "/predict", self._load.photo)
            reply = connection.getresponse()
            body = reply.read()
            failure = name_failure(reply)
            is_open = not reply.will_close
            if failure is None:
                version = json.loads(body)["version"]
        except (OSError, http.client.HTTPException) as error:
            failure = type(error).__name__
        self._note(failure, version, time.monotonic() - start)
        return is_open

    def _note(self, failure, version, seconds):
        with self._told:
            tally = self._tally
            tally.requests += 1
            tally.longest_seconds = max(tally.longest_seconds, seconds)
            if failure is None:
                tally.versions[version] += 1
            else:
                tally.failures[failure] += 1
            self._told.notify_all()


def open_connection(port):
    """A connection to a gateway, opened by its first request."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)


def name_failure(reply):
    """None for 200, else what kind of failure an answer is."""
    if reply.status == 200:
        return None
    if reply.status == 503 and int(reply.headers.get("Retry-After", "0")) > 0:
        return RETRY_LATER
    return str(reply.status)
