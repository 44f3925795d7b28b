"""When a request is whole, and when its client is late; the clock is a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.arrivals import (
    MAX_HEAD_BYTES,
    SLOWEST_BYTES_PER_SECOND,
    STALLED_SECONDS,
    Arrival,
)

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
WHOLE = {
    "no body": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no fields": b"GET / HTTP/1.1\r\n\r\n",
    "length": POST + b"Content-Length: 3\r\n\r\nabc",
    "length first": b"POST / HTTP/1.1\r\ncontent-LENGTH:\t003 \r\nA: b\r\n\r\nabc",
    "empty body": POST + b"Content-Length: 0\r\n\r\n",
    "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "no chunk": POST + b"transfer-encoding:chunked\r\n\r\n0\r\n\r\n",
    "zeros": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n000;x=y\r\n\r\n",
    "trailers": POST
    + b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n",
}
# The parser refuses these; no thread of it may wait for what cannot come.
CONTRADICTIONS = {
    "both": POST + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
    "no number": POST + b"Content-Length: nine\r\n\r\n",
    "minus": POST + b"Content-Length: -9\r\n\r\n",
    "too many digits": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "line breaks": b"\r\n\r\n",
}


class Clock:
    """A number that a test moves on."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("kind", {**WHOLE, **CONTRADICTIONS})
def test_whole(kind):
    """A request is whole with its last byte and not before, however it is cut."""
    data = {**WHOLE, **CONTRADICTIONS}[kind]
    arrival = Arrival()

    for i in range(len(data)):
        assert not arrival.is_whole
        arrival.add(data[i : i + 1])

    assert arrival.has_head and arrival.is_whole


@pytest.mark.parametrize(
    "data",
    [
        POST,
        POST + b"Content-Length: 3\r\n\r\nab",
        POST + b"Content-Length: 999999999999999999\r\n\r\nab",
        POST + b"Transfer-Encoding: chunked\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n10\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n",
    ],
)
def test_not_whole(data):
    """A request that waits for more is not whole."""
    arrival = Arrival()
    arrival.add(data)

    assert not arrival.is_whole


@given(st.binary(max_size=300), st.integers(1, 50))
def test_read_again(body, size):
    """What comes out is what came in, in the parser's own pieces."""
    data = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"GET"
    arrival = Arrival()
    for start in range(0, len(data), 7):
        arrival.add(data[start : start + 7])

    read = b""
    while len(read) + size <= len(data) - 3:
        read += arrival.recv(size)

    assert read + arrival.rest() == data
    assert arrival.is_whole and arrival.size == len(data)


def test_expectation():
    """The client is told once to go on, and the parser hears nothing of it."""
    arrival = Arrival()
    arrival.add(POST + b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n")

    assert arrival.accept_expectation()
    assert not arrival.accept_expectation()

    arrival.add(b"abc")
    assert arrival.is_whole
    assert arrival.rest() == POST + b"Content-Length: 3\r\n\r\nabc"


@pytest.mark.parametrize(
    "data",
    [
        POST + b"Expect: 100-continue\r\n\r\n",
        POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        POST + b"Expect: 200-ok\r\nContent-Length: 3\r\n\r\n",
        POST + b"Content-Length: 30\r\n\r\n\r\nExpect: 100-continue\r\n",
        b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    ],
)
def test_no_expectation(data):
    """Nobody is told to go on who has sent all, asks otherwise or is too old."""
    arrival = Arrival()
    arrival.add(data)

    assert not arrival.accept_expectation()
    assert arrival.rest() == data


def test_expectation_before_chunks():
    """A body in chunks may be announced that way too."""
    arrival = Arrival()
    arrival.add(POST + b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")

    assert arrival.accept_expectation()

    arrival.add(b"1\r\na\r\n0\r\n\r\n")
    assert arrival.is_whole


def test_head_limit():
    """A head of the most bytes is waited for, one more is too long."""
    arrival = Arrival()
    arrival.add(POST.ljust(MAX_HEAD_BYTES, b"a"))

    assert not arrival.is_head_too_long
    arrival.add(b"a")
    assert arrival.is_head_too_long
    arrival.add(b"\r\n\r\n")
    assert not arrival.is_head_too_long


@pytest.mark.parametrize(
    "bytes_a_second, is_late",
    [
        (1, True),
        (SLOWEST_BYTES_PER_SECOND // 2, True),
        (SLOWEST_BYTES_PER_SECOND, False),
    ],
)
def test_patience(bytes_a_second, is_late):
    """Below the slowest rate time runs out, in twice the patience at half the rate."""
    clock = Clock()
    arrival = Arrival(clock)

    for _ in range(int(2 * STALLED_SECONDS) + 1):
        clock.now += 1
        arrival.add(bytes(bytes_a_second))

    assert arrival.patience.is_over == is_late


def test_stall():
    """However much came, a client may be silent for no longer than the patience."""
    clock = Clock()
    arrival = Arrival(clock)
    arrival.add(bytes(10_000_000))

    clock.now += STALLED_SECONDS
    assert not arrival.patience.is_over
    clock.now += 0.1
    assert arrival.patience.is_over
