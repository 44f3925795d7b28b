"""The end of the HTTP port: what is under way is finished, what is late is cut."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.piped_server import refuses
from tests.integration.raw_http import (
    connect,
    connect_many,
    read_reply,
    read_to_end,
    write_head,
    write_post,
)
from tests.integration.rest_servers import LARGE, LARGE_BYTES, SMALL
from tests.integration.serving_models import build_pipes, write_graph

GRACE_SECONDS = 20
PREDICT = write_post("/v1/models/m:predict")
STATUS = write_head("GET /v1/models/m HTTP/1.1")


@pytest.fixture(name="pipes")
def _pipes(tmp_path):
    """Two named pipes: a reader of the first learns that a call runs, one of the second
    lets it end.
    """
    pipes = tmp_path / "first", tmp_path / "second"
    for pipe in pipes:
        os.mkfifo(pipe)
    return pipes


@pytest.fixture(name="server")
def _server(start_model_server, pipes, tmp_path):
    """A model whose calls wait at the pipes, and two threads to answer."""
    write_graph(tmp_path / "m" / "1", build_pipes(*pipes))
    return start_model_server(tmp_path / "m", name="m", rest_api_num_threads=2)


@pytest.fixture(name="pool")
def _pool():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_idle_connections(server):
    """Connections on which nothing is under way end at once."""
    with connect_many(server.rest_port, 50, STATUS + b"\r\n") as connections:
        for connection in connections:
            read_reply(connection)
        start = time.monotonic()
        is_drained = server.drain(GRACE_SECONDS)
        seconds = time.monotonic() - start
        ends = {read_to_end(connection) for connection in connections}

    assert is_drained
    assert seconds < GRACE_SECONDS / 4
    assert ends == {b""}


@pytest.mark.parametrize("cut", [5, 30, len(STATUS) - 3])
def test_requests_being_read(server, pool, cut):
    """Requests of which a part has come are read to their end, and answered."""
    with connect(server.rest_port) as connection, connect(server.rest_port) as other:
        connection.sendall(STATUS[:cut])
        # When this is answered, the part before it was read.
        other.sendall(STATUS)
        read_reply(other)
        drain = pool.submit(server.drain, GRACE_SECONDS)
        is_refused = refuses(server.rest_port)
        other_end = read_to_end(other)
        was_draining = not drain.done()
        connection.sendall(STATUS[cut:])
        answer = read_reply(connection)
        end = read_to_end(connection)

    assert is_refused
    assert was_draining
    assert answer.status == 200
    assert b"Connection: close" in answer.head
    assert (other_end, end) == (b"", b"")
    assert drain.result(GRACE_SECONDS)


def test_runs_in_flight(server, pool, pipes):
    """A run and the request behind it on the connection are answered."""
    with connect(server.rest_port) as connection:
        connection.sendall(PREDICT + STATUS)
        assert pipes[0].read_text() == "begun"
        drain = pool.submit(server.drain, GRACE_SECONDS)
        is_refused = refuses(server.rest_port)
        assert pipes[1].read_text() == "ended"
        answers = [read_reply(connection) for _ in range(2)]
        end = read_to_end(connection)

    assert is_refused
    assert answers[0].json == {"predictions": [1.0]}
    assert b"model_version_status" in answers[1].body
    assert [b"Connection: close" in answer.head for answer in answers] == [False, True]
    assert end == b""
    assert drain.result(GRACE_SECONDS)


@pytest.mark.parametrize("data", [STATUS[:9], PREDICT[:-3]], ids=["line", "body"])
def test_late_request(server, data):
    """A request that does not come whole in time is cut."""
    with connect(server.rest_port) as connection, connect(server.rest_port) as other:
        connection.sendall(data)
        other.sendall(STATUS)
        read_reply(other)
        start = time.monotonic()
        is_drained = server.drain(0.3)
        seconds = time.monotonic() - start
        end = read_to_end(connection)

    assert is_drained
    assert 0.3 <= seconds < GRACE_SECONDS / 4
    assert end == b""


def test_late_run(start_model_server, pipes, tmp_path):
    """A run that takes longer is cut from its caller; stop() leaves no thread."""
    write_graph(tmp_path / "m" / "1", build_pipes(*pipes))
    before = set(threading.enumerate())
    server = start_model_server(tmp_path / "m", name="m", rest_api_num_threads=2)
    with connect(server.rest_port) as connection:
        connection.sendall(PREDICT)
        assert pipes[0].read_text() == "begun"
        start = time.monotonic()
        is_drained = server.drain(0.3)
        seconds = time.monotonic() - start
        end = read_to_end(connection)
    assert pipes[1].read_text() == "ended"
    server.stop()
    left = {
        thread.name
        for thread in set(threading.enumerate()) - before
        if thread.name.startswith(("rest", "waitress"))
    }

    assert not is_drained
    assert 0.3 <= seconds < GRACE_SECONDS / 4
    assert end == b""
    assert not left


def test_slow_reader(start_rest):
    """An answer of 20 MB that is being read is sent to its last byte."""
    server = start_rest(10)
    with connect(server.port) as connection, connect(server.port) as other:
        connection.sendall(LARGE)
        # The one thread has done with the answer before when it takes this one.
        other.sendall(SMALL)
        read_reply(other)
        wait = server.drain(GRACE_SECONDS)
        assert read_to_end(other) == b""
        answer = read_reply(connection)

    assert len(answer.body) == LARGE_BYTES
    assert wait(GRACE_SECONDS)


def test_waiting_in_the_queue(create_rest):
    """A request that had come when the drain began is answered, though not yet read."""
    server = create_rest(10)
    with connect(server.port) as connection, connect(server.port) as other:
        connection.sendall(SMALL)
        wait = server.drain(GRACE_SECONDS)
        server.start()
        answer = read_reply(connection)
        ends = read_to_end(connection), read_to_end(other)

    assert answer.body == b"a" * 9
    assert b"Connection: close" in answer.head
    assert ends == (b"", b"")
    assert wait(GRACE_SECONDS)
