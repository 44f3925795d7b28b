"""Several addresses at once: in order, side by side, within one deadline and sum."""

from __future__ import annotations

import threading

import pytest

from gateway.errors import FetchFailed, ForbiddenUrl, RequestTooLarge
from gateway.fetch_all import FETCH_THREADS, FetchLimits, fetch_all

WAIT_SECONDS = 60
LIMITS = FetchLimits(seconds=WAIT_SECONDS, total_bytes=1_000)


def test_order():
    """The first to come back keeps its place; a failure stands in its own."""
    last_is_done = threading.Event()

    def fetch(url):
        if url == "first":
            assert last_is_done.wait(WAIT_SECONDS)
        if url == "second":
            raise ForbiddenUrl("not this one")
        if url == "last":
            last_is_done.set()
        return url.encode()

    first, second, last = fetch_all(["first", "second", "last"], fetch, LIMITS)

    assert (first, last) == (b"first", b"last")
    assert isinstance(second, ForbiddenUrl)


def test_side_by_side():
    """As many are fetched at once as there are threads: each waits for the others."""
    meeting = threading.Barrier(FETCH_THREADS)

    def fetch(_url):
        meeting.wait(WAIT_SECONDS)
        return b"here"

    assert fetch_all(["a"] * FETCH_THREADS, fetch, LIMITS) == (b"here",) * FETCH_THREADS


def test_deadline():
    """At the deadline the others are answered; nobody waits for the slow ones."""
    may_end = threading.Event()

    def fetch(url):
        if url == "slow":
            assert may_end.wait(WAIT_SECONDS)
        return b"here"

    limits = FetchLimits(seconds=0.2, total_bytes=1_000)

    quick, *slow = fetch_all(["quick"] + ["slow"] * 20, fetch, limits)
    may_end.set()

    assert quick == b"here"
    assert [type(outcome) for outcome in slow] == [FetchFailed] * 20
    assert "within 0.2 s" in str(slow[0])


def test_sum():
    """Once the bytes are spent, what comes is refused and what waits is not fetched."""
    fetched = []

    def fetch(url):
        fetched.append(url)
        return bytes(600)

    many = fetch_all([str(n) for n in range(40)], fetch, LIMITS)

    assert [outcome for outcome in many if outcome == bytes(600)] == [bytes(600)]
    refused = [outcome for outcome in many if isinstance(outcome, RequestTooLarge)]
    assert len(refused) == 39
    # Those under way when the second picture came may still end: one a thread.
    assert len(fetched) <= 2 + FETCH_THREADS


def test_bug():
    """What is no error for clients is not hidden as one."""

    def fetch(_url):
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        fetch_all(["a", "b"], fetch, LIMITS)
