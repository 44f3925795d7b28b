"""The HTTP server alone: its limit, idle connections, what it keeps in memory."""

from __future__ import annotations

import time

import pytest

from serving.rest_server import IDLE_SECONDS
from tests.integration.raw_http import connect, read_reply, read_to_end
from tests.integration.rest_servers import LARGE, LARGE_BYTES, SMALL


def test_limit(start_rest):
    """Beyond the limit a connection waits until another one ends."""
    server = start_rest(2)
    first, second, third = [connect(server.port) for _ in range(3)]
    with first, second, third:
        for connection in (first, second, third):
            connection.sendall(SMALL)
        assert read_reply(first).status == 200
        assert read_reply(second).status == 200
        third.settimeout(0.2)
        with pytest.raises(TimeoutError):
            third.recv(1)

        first.close()
        third.settimeout(10)
        waited = read_reply(third)

    assert waited.status == 200


def test_unread_answers(start_rest):
    """One who reads no answers holds no thread, and one answer at most waits there."""
    server = start_rest(10)
    with connect(server.port) as connection, connect(server.port) as other:
        connection.sendall(LARGE * 3)
        # Requests take turns.
        for _ in range(4):
            other.sendall(SMALL)
            assert read_reply(other).status == 200
        waiting = [
            channel.total_outbufs_len for channel in server.active_channels.values()
        ]
        answers = [read_reply(connection) for _ in range(3)]

    assert LARGE_BYTES / 2 < sum(waiting) < 1.5 * LARGE_BYTES
    assert [len(answer.body) for answer in answers] == [LARGE_BYTES] * 3


@pytest.mark.parametrize(
    "data",
    [b"", SMALL[:9], LARGE, LARGE * 2],
    ids=["new", "half", "unread answer", "unread answers"],
)
def test_idle_connection(start_rest, data):
    """A connection that neither sends nor takes anything ends after 50 seconds."""
    server = start_rest(10)
    with connect(server.port) as connection, connect(server.port) as later:
        connection.sendall(data)
        later.sendall(SMALL)
        read_reply(later)

        server.maintenance(time.time() + IDLE_SECONDS - 10)
        later.sendall(SMALL)
        read_reply(later)
        server.maintenance(time.time() + IDLE_SECONDS + 1)
        # Would wait for all that a connection has to send.
        assert server.drain(20)(5)
        received = read_to_end(connection)

    assert len(received) < LARGE_BYTES


def test_sent_answers(start_rest):
    """An open connection does not keep the answer that it has sent."""
    server = start_rest(10)
    with connect(server.port) as connection, connect(server.port) as later:
        connection.sendall(LARGE)
        read_reply(connection)
        # The one thread has done with the answer before when it takes this one.
        later.sendall(SMALL)
        read_reply(later)
        buffers = [
            buffer
            for channel in server.active_channels.values()
            for buffer in channel.outbufs
        ]
        kept = sum(buffer.getfile().getbuffer().nbytes for buffer in buffers)

    assert len(buffers) >= 2
    assert kept < 1000
