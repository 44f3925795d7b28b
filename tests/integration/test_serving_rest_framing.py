"""HTTP that is no request, half of one, or two at once: refused, never believed."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from tests.integration.raw_http import (
    ONE,
    ask,
    ask_all,
    connect,
    read_to_end,
    write_head,
    write_post,
)
from tests.integration.serving_models import build_half_plus, write_graph

PREDICT = "/v1/models/half:predict"
STATUS = write_head("GET /v1/models/half HTTP/1.1")
START = f"POST {PREDICT} HTTP/1.1"
CHUNKS = b"12\r\n" + ONE + b"\r\n0\r\n\r\n"
LENGTH, CHUNKED = f"Content-Length: {len(ONE)}", "Transfer-Encoding: chunked"


@pytest.fixture(name="port", scope="module")
def _port(start_model_server, tmp_path_factory):
    """The REST port of half, which adds 2, with one thread to lose."""
    base_path = tmp_path_factory.mktemp("models") / "half"
    write_graph(base_path / "1", build_half_plus(2))
    server = start_model_server(base_path, name="half", rest_api_num_threads=1)
    return server.rest_port


@pytest.mark.parametrize(
    "data",
    [
        write_head(START, "Content-Length: 99") + ONE,
        write_head(START, "Content-Length: 99999999999999") + ONE,
        write_head(START, CHUNKED) + b"13\r\n" + ONE,
        write_head(START, CHUNKED) + b"12\r\n" + ONE + b"\r\n",
        write_head(START, CHUNKED) + b"7fffffffffffffff\r\n" + ONE,
        write_head(START, CHUNKED) + b"f" * 40 + b"\r\n" + ONE,
        STATUS[:-2],
        STATUS.replace(b"\r\n", b"\n"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=[
        *("short", "huge", "cut chunk", "no last chunk", "max", "beyond"),
        *("half a header", "bare LF", "TLS"),
    ],
)
def test_unfinished(port, data):
    """What ends before it is whole is not answered at all."""
    assert ask_all(port, data) == b""
    assert ask(port, write_post(PREDICT)).status == 200


@pytest.mark.parametrize(
    "head, body, status",
    [
        ((START, CHUNKED), b"zz\r\n", 400),
        ((START, CHUNKED), b"-1\r\n", 400),
        ((START, CHUNKED), b"3\r\n" + ONE + b"\r\n0\r\n\r\n", 400),
        ((START, CHUNKED), b"2;\0\r\n{}\r\n0\r\n\r\n", 400),
        ((START, CHUNKED, LENGTH), CHUNKS, 400),
        ((START, LENGTH, CHUNKED), ONE, 400),
        ((START, "Transfer-Encoding: gzip, chunked"), CHUNKS, 501),
        ((START, "Transfer-Encoding: identity", LENGTH), ONE, 501),
        ((START[:-1] + "0", CHUNKED, "Connection: keep-alive"), CHUNKS, 400),
        ((START[:-3] + "2.0", CHUNKED, "Connection: keep-alive"), CHUNKS, 400),
        ((START, "Content-Length: -1"), ONE, 400),
        ((START, "Content-Length: +18"), ONE, 400),
        ((START, "Content-Length: 0x12"), ONE, 400),
        ((START, f"Content-Length: {'9' * 5000}"), ONE, 400),
        ((START, LENGTH, "Content-Length: 3"), ONE, 400),
        ((START, f"Content-Length : {len(ONE)}"), ONE, 400),
        ((START, "X: \0", LENGTH), ONE, 400),
        ((START, "X: a\nContent-Length: 18"), ONE, 400),
        ((START, "no colon", LENGTH), ONE, 400),
        ((START, "X: " + "b" * 300_000), ONE, 431),
        (("POST", LENGTH), ONE, 400),
        (("post /v1/models/half:predict HTTP/1.1", LENGTH), ONE, 400),
    ],
)
def test_refused(port, head, body, status):
    """What HTTP forbids is one JSON error; no request is found in what follows it."""
    data = write_head(*head) + body + STATUS

    answer = ask_all(port, data)

    assert answer.count(b"\r\nDate: ") <= 1
    # The kernel drops an answer when there was more to read than fits one packet.
    if len(data) < 2**15 or answer:
        start, _, document = answer.partition(b"\r\n\r\n")
        assert int(start.split(b" ")[1]) == status
        assert json.loads(document)["error"]
    assert ask(port, write_post(PREDICT)).status == 200


def test_refused_while_open(port):
    """Who is refused is told so and hung up on, also when they leave all open."""
    with connect(port) as connection:
        connection.sendall(write_head(START, CHUNKED) + b"zz\r\n")
        answer = read_to_end(connection)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"Connection: close" in head
    assert b"Content-Type: application/json" in head
    assert json.loads(body) == {"error": "Invalid chunk size"}


@pytest.mark.parametrize("body", [b"1" * 200_000, b"0\r\n" + b"a" * 200_000])
def test_endless_lines(port, body):
    """A line between chunks that does not end is hung up on, before its sender ends."""
    with connect(port) as connection:
        connection.settimeout(10)
        with suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(write_head(START, CHUNKED) + body)
        answer = read_to_end(connection)

    # The kernel drops the answer when there was more to read.
    assert not answer or answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "body",
    [b"12\r\n" + ONE + b"\r\n0\r\nTrailer: x\r\n\r\n", b"12;a=b\r\n" + CHUNKS[4:]],
)
def test_unusual_chunks(port, body):
    """Trailers and extensions of chunks are allowed, and the next request is found."""
    data = write_head(START, CHUNKED) + body + STATUS

    answers = ask_all(port, data)

    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert b'"predictions": [2.5' in answers


def test_five_byte_chunks(port):
    """4 MB in 5-byte chunks are taken, within seconds."""
    text = ONE + b" " * 4_000_002
    chunks = b"".join(
        b"5\r\n" + text[at : at + 5] + b"\r\n" for at in range(0, len(text), 5)
    )

    answer = ask(port, write_head(START, CHUNKED) + chunks + b"0\r\n\r\n")

    assert answer.json == {"predictions": [2.5]}
