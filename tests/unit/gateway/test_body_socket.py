"""How long and how much one body may take; the connection and the clock are fakes."""

from __future__ import annotations

import pytest

from gateway.arrivals import SLOWEST_BYTES_PER_SECOND, STALLED_SECONDS, Arrival
from gateway.body_socket import BodySocket, buffer_body


class FakeConnection:
    """Gives chunks of one size and moves the clock; silent ones time out."""

    def __init__(self, chunk_bytes, seconds_per_chunk):
        self.chunk_bytes = chunk_bytes
        self.seconds_per_chunk = seconds_per_chunk
        self.now = 1000.0
        self.timeout = None

    def clock(self):
        """The time that went by so far."""
        return self.now

    def settimeout(self, seconds):
        """What a socket does."""
        self.timeout = seconds

    def recv(self, size):
        """The next chunk, in time or not."""
        if self.seconds_per_chunk > self.timeout:
            self.now += self.timeout
            raise TimeoutError
        self.now += self.seconds_per_chunk
        return bytes(min(size, self.chunk_bytes))


class FakeRequest:
    """Remembers that the connection must be closed."""

    is_closing = False

    def force_close(self):
        """What gunicorn's request does."""
        self.is_closing = True


def read_body(connection, body_bytes, max_bytes=10**9, arrival=None):
    """Read until all is there, nothing comes or it raises; what was received."""
    request = FakeRequest()
    arrival = arrival or Arrival(connection.clock)
    body = BodySocket(connection, arrival, request, max_bytes)
    received = 0
    try:
        while received < body_bytes and (chunk := body.recv(8192)):
            received += len(chunk)
    except TimeoutError:
        assert request.is_closing
        return received, request
    assert request.is_closing == (received < body_bytes)
    return received, request


def test_fast_client():
    """A body that comes at once is read whole and the connection stays."""
    received, request = read_body(FakeConnection(8192, 0.001), 10_000_000)

    assert received >= 10_000_000
    assert not request.is_closing


def test_slow_phone():
    """Ten megabytes at 1 Mbit/s take 80 seconds and are read whole."""
    connection = FakeConnection(8192, 8192 * 8 / 1_000_000)

    received, _ = read_body(connection, 10_000_000)

    assert received >= 10_000_000
    assert connection.now - 1000 == pytest.approx(80, abs=1)


def test_stalled_client():
    """A client that sends nothing more is given up after ten seconds."""
    connection = FakeConnection(8192, 3600)

    received, request = read_body(connection, 100)

    assert (received, connection.now) == (0, 1000 + STALLED_SECONDS)
    assert request.is_closing


def test_dripping_client():
    """One byte a second never stalls, and is given up all the same."""
    connection = FakeConnection(1, 1.0)

    received, request = read_body(connection, 10_000_000)

    # Ten seconds of patience, and one look after they are over.
    assert received == pytest.approx(STALLED_SECONDS, abs=1)
    assert request.is_closing
    assert received < SLOWEST_BYTES_PER_SECOND


def test_endless_client():
    """A client that sends more than is drained is left at the limit."""
    received, request = read_body(FakeConnection(8192, 0), 10**9, max_bytes=1_000_000)

    # The last chunk may pass the limit.
    assert 1_000_000 <= received < 1_000_000 + 8192
    assert request.is_closing


def test_generous_beginning():
    """Ten megabytes at once buy no more than ten seconds for what follows."""
    connection = FakeConnection(10_000_000, 0.001)
    body = BodySocket(connection, Arrival(connection.clock), FakeRequest(), 10**9)
    body.recv(10_000_000)
    connection.chunk_bytes, connection.seconds_per_chunk = 1, 9.0

    with pytest.raises(TimeoutError):
        for _ in range(10):
            body.recv(8192)

    # One byte after nine seconds, the next after eighteen.
    assert connection.now <= 1000 + 2 * 9.0 + 0.001


def test_read_ahead():
    """What has come before is given first, and costs the client no time."""
    connection = FakeConnection(10, 1.0)
    arrival = Arrival(connection.clock)
    arrival.add(b"abc")
    body = BodySocket(connection, arrival, FakeRequest(), 1000)

    assert [body.recv(2), body.recv(2), body.recv(5)] == [b"ab", b"c", bytes(5)]
    assert connection.now == 1001


def test_late_client():
    """A client that was late before its thread came gets no second chance."""
    connection = FakeConnection(1, 1.0)
    arrival = Arrival(connection.clock)
    arrival.add(b"abc")
    connection.now += STALLED_SECONDS + 1
    arrival.is_late = True

    received, _ = read_body(connection, 100, arrival=arrival)

    assert received == 3


class FakeReader:
    """Gunicorn's reader of one body; tells how it was asked."""

    def __init__(self, body):
        self.body = body
        self.asked = []

    def read(self, size):
        """The next bytes."""
        self.asked.append(size)
        piece, self.body = self.body[:size], self.body[size:]
        return piece


@pytest.mark.parametrize("length", [0, 1, 1024, 65_536, 65_537, 1_000_000])
def test_pieces(length):
    """A body is read whole, in pieces of 64 KB instead of 1 KB."""
    sent = bytes(place % 251 for place in range(length))
    reader = FakeReader(sent)
    body = buffer_body(reader)

    received = b"".join(iter(lambda: body.read(65_536), b""))

    assert received == sent
    assert len(reader.asked) <= 3 + length // 65_536


def test_lines():
    """What an application may do with a body besides reading it whole."""
    body = buffer_body(FakeReader(b"one\ntwo\nthree"))

    assert body.read(2) == b"on"
    assert body.readline() == b"e\n"
    assert list(body) == [b"two\n", b"three"]


def test_stalled_body():
    """A client that stalls is told of, whoever reads."""
    connection = FakeConnection(8192, STALLED_SECONDS + 1)
    request = FakeRequest()
    stalled = BodySocket(connection, Arrival(connection.clock), request, 10**9)

    class Reader:
        """Gunicorn's reader gets its bytes from the socket."""

        read = stalled.recv

    with pytest.raises(TimeoutError):
        buffer_body(Reader()).read(1)

    assert request.is_closing
