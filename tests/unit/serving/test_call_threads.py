"""CallThreads: what holds a place, what waits without one."""

from __future__ import annotations

import threading

import pytest

from serving.call_threads import CallThreads

TIMEOUT_SECONDS = 30


class Caller:
    """A call whose message comes, and which ends, when the test says so."""

    def __init__(self, threads):
        self.threads = threads
        self.has_started = threading.Event()
        self.message = threading.Event()
        self.has_arrived = threading.Event()
        self.end = threading.Event()
        self.future = threads.submit(self.answer, "argument")

    def answer(self, argument):
        """What grpc runs: wait for the message, then answer."""
        assert argument == "argument"
        self.has_started.set()
        assert self.message.wait(TIMEOUT_SECONDS)
        self.threads.arrive()
        self.has_arrived.set()
        assert self.end.wait(TIMEOUT_SECONDS)

    def finish(self):
        """Let it end, and wait until it has."""
        self.message.set()
        self.end.set()
        self.future.result(TIMEOUT_SECONDS)


@pytest.fixture(name="call")
def _call():
    """A function that makes a Caller; all are finished when the test ends."""
    callers = []

    def make(threads):
        callers.append(Caller(threads))
        return callers[-1]

    yield make
    for caller in callers:
        caller.finish()


def test_places(call):
    """A call beyond the places waits for one that answers, however long that takes."""
    threads = CallThreads(1, stalled_seconds=0)
    first = call(threads)
    first.message.set()
    assert first.has_arrived.wait(TIMEOUT_SECONDS)

    second = call(threads)
    threads.look()

    assert threads.count_started() == 1
    first.finish()
    assert second.has_started.wait(TIMEOUT_SECONDS)


def test_stalled(call):
    """Calls whose message does not come hold nobody up, and are answered late."""
    threads = CallThreads(2, stalled_seconds=0.01)
    stalled = [call(threads) for _ in range(20)]

    third = call(threads)
    third.message.set()

    assert third.has_arrived.wait(TIMEOUT_SECONDS)
    for caller in stalled:
        caller.message.set()
    assert all(caller.has_arrived.wait(TIMEOUT_SECONDS) for caller in stalled)


def test_stalled_beyond_limit(call):
    """Where too many wait for their message, a further call waits for one of them."""
    threads = CallThreads(1, stalled_seconds=0.01, stalled_calls=2)
    stalled = [call(threads) for _ in range(3)]
    assert all(caller.has_started.wait(TIMEOUT_SECONDS) for caller in stalled)

    further = call(threads)
    threads.look()

    assert threads.count_started() == 3
    stalled[0].finish()
    assert further.has_started.wait(TIMEOUT_SECONDS)


def test_places_after_stall(call):
    """When all that stalled is over there are as many places as before, no more."""
    threads = CallThreads(1, stalled_seconds=0.01, stalled_calls=5)
    stalled = [call(threads) for _ in range(4)]
    assert all(caller.has_started.wait(TIMEOUT_SECONDS) for caller in stalled)
    for caller in stalled:
        caller.finish()

    first = call(threads)
    first.message.set()
    assert first.has_arrived.wait(TIMEOUT_SECONDS)
    call(threads)
    threads.look()

    assert threads.count_started() == 1


def test_leave():
    """A stream that left takes no place while it lasts."""
    threads = CallThreads(1)
    end = threading.Event()

    def stream():
        threads.leave()
        assert end.wait(TIMEOUT_SECONDS)

    futures = [threads.submit(stream) for _ in range(5)]
    last = threads.submit(threads.arrive)

    last.result(TIMEOUT_SECONDS)
    assert not any(future.done() for future in futures)
    end.set()
    for future in futures:
        future.result(TIMEOUT_SECONDS)
