"""Request bodies over HTTP: plain, compressed, in chunks, large, broken and hostile."""

from __future__ import annotations

import gzip
import http.client
from contextlib import closing

import pytest

from tests.integration.rest_requests import TIMEOUT_SECONDS, post, send, send_on
from tests.integration.serving_models import build_half_plus, write_graph

PREDICT = "/v1/models/half:predict"
ONE = b'{"instances": [1]}'


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    """half adds 2."""
    base_path = tmp_path_factory.mktemp("models") / "half"
    write_graph(base_path / "1", build_half_plus(2))
    return start_model_server(base_path, name="half")


@pytest.mark.parametrize(
    "body, headers",
    [
        (ONE, {}),
        (ONE, {"Content-Type": "text/html"}),
        (ONE, {"Content-Type": "application/x-www-form-urlencoded"}),
        (gzip.compress(ONE, mtime=0), {"Content-Encoding": "gzip"}),
        (iter([ONE[:5], ONE[5:]]), {}),
        (iter([gzip.compress(ONE, mtime=0)]), {"Content-Encoding": "gzip"}),
        (ONE, {"Accept-Encoding": "gzip"}),
    ],
    ids=["plain", "html", "form", "gzip", "chunked", "chunked gzip", "accept"],
)
def test_bodies(server, body, headers):
    """Bodies come plain, compressed or in chunks; the answer is plain JSON."""
    answer = send(server, "POST", PREDICT, body, headers=headers)

    assert answer.json == {"predictions": [2.5]}
    assert answer.headers["Content-Type"] == "application/json"
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("size", [5, 2**15, 2**24])
def test_chunks(server, size):
    """Chunks of any size make one body, and leave the connection usable."""
    body = ONE + b" " * (32 * size if size < 2**20 else size)
    connection = http.client.HTTPConnection(
        "localhost", server.rest_port, timeout=TIMEOUT_SECONDS
    )
    with closing(connection):
        for _ in range(2):
            chunks = (body[at : at + size] for at in range(0, len(body), size))
            answer = send_on(connection, "POST", PREDICT, chunks)
            assert answer.json == {"predictions": [2.5]}


def test_broken_gzip(server):
    """A body that does not inflate is an empty document."""
    answer = send(server, "POST", PREDICT, ONE, headers={"Content-Encoding": "gzip"})

    assert answer.status == 400
    assert answer.json == {"error": "JSON Parse error: The document is empty"}


def test_large_body(server):
    """A body of 4 MB is taken, rows and answer."""
    rows = [float(row % 1000) for row in range(500_000)]

    answer = post(server, "half:predict", {"instances": rows})

    assert answer.json["predictions"][:3] == [2.0, 2.5, 3.0]
    assert len(answer.json["predictions"]) == len(rows)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff",
        b'{"instances": ' + b"[" * 1_000_000,
        b'{"instances": ' + b'{"x":' * 100_000,
        b'{"instances": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"instances": ["' + b"a" * 5_000_000 + b'"]}',
        b'{"instances": [' + b"9" * 100_000 + b"]}",
        b'{"instances": ["\\ud800"]}',
        b'[{"instances": [1]}]',
    ],
    ids=[
        "empty",
        "bytes",
        "deep",
        "objects",
        "nested",
        "text",
        "digits",
        "half",
        "list",
    ],
)
def test_hostile_bodies(server, body):
    """A malformed, deep or huge body is a 400, and the next call is answered."""
    connection = http.client.HTTPConnection(
        "localhost", server.rest_port, timeout=TIMEOUT_SECONDS
    )
    with closing(connection):
        refused = send_on(connection, "POST", PREDICT, body)
        answered = send_on(connection, "POST", PREDICT, ONE)

    assert refused.status == 400
    assert len(refused.json["error"]) < 1000
    assert answered.json == {"predictions": [2.5]}
