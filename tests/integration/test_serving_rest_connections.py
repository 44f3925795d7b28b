"""HTTP connections: unfinished, kept, piped, large, slow, and what they ask for."""

from __future__ import annotations

import gzip
import json
import socket

import pytest

from tests.integration.raw_http import (
    ONE,
    ask,
    connect,
    connect_many,
    read_reply,
    read_to_end,
    write_head,
    write_post,
)
from tests.integration.serving_models import build_half_plus, write_graph

PREDICT = "/v1/models/half:predict"
STATUS = write_head("GET /v1/models/half HTTP/1.1")
WHOLE = write_post(PREDICT)


@pytest.fixture(name="port", scope="module")
def _port(start_model_server, tmp_path_factory):
    """The REST port of half, which adds 2, with two threads to answer."""
    base_path = tmp_path_factory.mktemp("models") / "half"
    write_graph(base_path / "1", build_half_plus(2))
    server = start_model_server(base_path, name="half", rest_api_num_threads=2)
    return server.rest_port


@pytest.mark.parametrize(
    "data",
    [b"", b"POST /v1/mod", WHOLE[:70], WHOLE[:-5]],
    ids=["nothing", "half a line", "half a header", "half a body"],
)
def test_unfinished(port, data):
    """However many requests have not come whole, a whole one is answered."""
    with connect_many(port, 100, data) as connections:
        answer = ask(port, STATUS)
        for connection in connections[:3]:
            connection.sendall(WHOLE[len(data) :])
        finished = [read_reply(connection) for connection in connections[:3]]

    assert answer.status == 200
    assert [reply.json for reply in finished] == [{"predictions": [2.5]}] * 3


def test_byte_by_byte(port):
    """A request that comes in single bytes is one request."""
    with connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in WHOLE:
            connection.sendall(bytes([byte]))
        answer = read_reply(connection)

    assert answer.json == {"predictions": [2.5]}


@pytest.mark.parametrize(
    "version, field, is_kept",
    [
        ("1.1", "Accept: */*", True),
        ("1.1", "Connection: close", False),
        ("1.0", "Connection: keep-alive", True),
        ("1.0", "Accept: */*", False),
    ],
)
def test_keep_alive(port, version, field, is_kept):
    """A connection is kept or ended as its version and header say."""
    request = write_head(f"GET /v1/models/half HTTP/{version}", field)
    with connect(port) as connection:
        connection.sendall(request)
        first = read_reply(connection)
        if is_kept:
            connection.sendall(request)
            assert read_reply(connection).json == first.json
        else:
            assert read_to_end(connection) == b""

    assert first.status == 200
    assert (b"Connection: close" in first.head) is not is_kept
    assert b"\r\nServer:" not in first.head


def test_pipeline(port):
    """Requests sent in one go are answered in their order, blank lines ignored."""
    bodies = [json.dumps({"instances": [2 * i]}).encode() for i in range(50)]
    requests = [write_post(PREDICT, body=body) for body in bodies]
    with connect(port) as connection:
        connection.sendall(b"\r\n".join(requests))
        answers = [read_reply(connection).json for _ in bodies]

    assert answers == [{"predictions": [i + 2.0]} for i in range(50)]


@pytest.mark.parametrize(
    "fields, body",
    [
        ([f"Content-Length: {len(ONE)}"], ONE),
        (["Transfer-Encoding: chunked"], b"12\r\n" + ONE + b"\r\n0\r\n\r\n"),
    ],
    ids=["length", "chunks"],
)
def test_continue(port, fields, body):
    """Who asks before sending the body is told to go on."""
    head = write_head(f"POST {PREDICT} HTTP/1.1", "Expect: 100-continue", *fields)
    with connect(port) as connection:
        connection.sendall(head)
        told = read_reply(connection)
        connection.sendall(body)
        answer = read_reply(connection)

    assert told.status == 100
    assert answer.json == {"predictions": [2.5]}


@pytest.mark.parametrize(
    "start, field, status",
    [
        ("GET /v1/models/half HTTP/1.1", "Content-Length: 0", 200),
        ("POST /v1/models/half:predict HTTP/1.1", "Content-Length: x", 400),
    ],
)
def test_nothing_to_continue(port, start, field, status):
    """Who asks, but has no body to send, is answered."""
    answer = ask(port, write_head(start, "Expect: 100-continue", field))

    assert answer.status == status


def test_head(port):
    """HEAD gets the header of an answer alone."""
    with connect(port) as connection:
        connection.sendall(write_head("HEAD /v1/models/half HTTP/1.1"))
        head = read_reply(connection, has_body=False)
        connection.sendall(STATUS)
        answer = read_reply(connection)

    assert head.status == 400
    assert answer.status == 200


@pytest.mark.parametrize(
    "target, status",
    [
        ("http://localhost/v1/models/half", 200),
        ("HTTP://somewhere.example:1/v1/models/half/metadata", 200),
        ("/v1/models/h%61lf", 200),
        ("//v1/models/half", 404),
        ("http://localhost", 404),
        ("*", 404),
        ("/v1/models/\xe4", 400),
        ("http://[/", 400),
    ],
)
def test_targets(port, target, status):
    """The request line may name the host; what is no URL is refused."""
    assert ask(port, write_head(f"GET {target} HTTP/1.1")).status == status


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_50_megabytes(port, encoding):
    """Bodies that are larger than most are taken whole."""
    body = ONE + b" " * 50_000_000
    if encoding == "gzip":
        body = gzip.compress(body, 1)

    answer = ask(port, write_post(PREDICT, f"Content-Encoding: {encoding}", body=body))

    assert answer.json == {"predictions": [2.5]}


def test_slow_readers(port):
    """Answers of 7 MB that nobody reads hold no thread; later they are whole."""
    body = json.dumps({"instances": [0] * 1_000_000}).encode()
    with connect_many(port, 4, write_post(PREDICT, body=body)) as connections:
        other = ask(port, STATUS)
        answers = [read_reply(connection) for connection in connections]

    assert other.status == 200
    for answer in answers:
        assert answer.json == {"predictions": [2.0] * 1_000_000}
