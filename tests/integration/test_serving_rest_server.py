"""The HTTP server alone: its limit, idle connections, what it keeps in memory."""

from __future__ import annotations

import socket
import time

import pytest

from serving.rest_server import IDLE_SECONDS, RestServer
from tests.integration.raw_http import connect, read_reply, read_to_end, write_head

SMALL, LARGE = [write_head(f"GET /{size} HTTP/1.1") for size in (9, 20_000_000)]


@pytest.fixture(name="start_rest")
def _start_rest():
    """A function that starts a RestServer of so many connections, ended here.

    It has one thread and answers with as many bytes as the path says.
    """
    running = []

    def answer(environ, start_response):
        size = int(environ["PATH_INFO"][1:])
        start_response("200 OK", [("Content-Length", str(size))])
        return [b"a" * size]

    def start(connections):
        listening = socket.create_server(("localhost", 0))
        server = RestServer(answer, listening, 1, connections)
        running.append(server)
        server.start()
        return server

    yield start
    for server in running:
        assert server.drain(0)(10)
        server.join()


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


@pytest.mark.parametrize(
    "data", [b"", SMALL[:9], LARGE], ids=["new", "half", "unread answer"]
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
        received = read_to_end(connection)

    assert len(received) < 20_000_000


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
