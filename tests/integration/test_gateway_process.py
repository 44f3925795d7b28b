"""The gateway as it is deployed: gunicorn, real sockets, memory."""

from __future__ import annotations

import base64
import http.client
import socket
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import urllib3

from gateway.worker import MAX_HELD_BYTES
from tests.integration.gateway_process import running_gateway
from tests.integration.raw_http import connect, read_reply, write_head
from tests.integration.tiny_answers import expected_scores, received_scores
from tests.unit.gateway.drawing import draw_png_bomb

MEGABYTE = 1024 * 1024


@pytest.fixture(name="gateway", scope="module")
def _gateway(tiny_server):
    """One gateway for all tests that only ask."""
    address = f"localhost:{tiny_server.grpc_port}"
    with running_gateway(model_address=address, models="tiny") as gateway:
        yield gateway


@pytest.fixture(name="http_pool", scope="module")
def _http_pool():
    with urllib3.PoolManager(retries=False, timeout=30.0) as pool:
        yield pool


def post_forms(photo):
    """Name to keyword arguments of urllib3's request: each way to send a photo."""
    return {
        "multipart": {"fields": {"image": ("a.jpg", photo, "image/jpeg")}},
        "raw": {"body": photo, "headers": {"Content-Type": "image/jpeg"}},
        "base64": {"json": {"image": base64.b64encode(photo).decode()}},
        "chunked": {
            "body": iter([photo[:1000], photo[1000:]]),
            "headers": {"Content-Type": "image/jpeg"},
        },
    }


@pytest.mark.parametrize("form", post_forms(b""))
def test_predict(gateway, http_pool, encode_picture, form):
    """Each way to send a photo gives the scores worked out by hand."""
    photo = encode_picture("RGB", "JPEG", size=(512, 384))

    reply = http_pool.request(
        "POST", f"{gateway.url}/predict", **post_forms(photo)[form]
    )

    assert reply.status == 200
    received = received_scores(reply.json()["predictions"][0])
    # float32 through a softmax in another order of additions: six digits.
    assert received == pytest.approx(expected_scores(photo), rel=1e-6)


def test_refused_url(gateway, http_pool):
    """The running gateway fetches nothing from its own network."""
    url = f"{gateway.url}/livez"

    reply = http_pool.request("POST", f"{gateway.url}/predict", json={"url": url})

    assert (reply.status, reply.json()["code"]) == (400, "forbidden_url")


def test_unknown_model(gateway, http_pool):
    """A model that is not served is a 404."""
    reply = http_pool.request("POST", f"{gateway.url}/predict?model=cats", body=b"x")

    assert (reply.status, reply.json()["code"]) == (404, "unknown_model")


@pytest.mark.parametrize("form", post_forms(b""))
@pytest.mark.parametrize("path", ["/predict", "/nowhere"])
def test_huge_body(gateway, http_pool, path, form):
    """A client gets its answer, not a reset, beyond what the worker takes in ahead."""
    arguments = post_forms(bytes(MAX_HELD_BYTES + 16 * MEGABYTE))[form]

    reply = http_pool.request("POST", gateway.url + path, **arguments)

    assert reply.status == (413 if path == "/predict" else 404)
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_huge_body_of_a_leaver(gateway):
    """Who says that it leaves after the answer has its body read to the end as well."""
    size = MAX_HELD_BYTES + 16 * MEGABYTE
    fields = f"Content-Length: {size}", "Connection: close"
    with connect(gateway.port) as client:
        client.sendall(write_head("POST /nowhere HTTP/1.1", *fields))
        for _ in range(size // MEGABYTE):
            client.sendall(bytes(MEGABYTE))

        assert read_reply(client).status == 404


def test_endless_body(gateway):
    """A client that never stops is answered and then left."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as client:
        head = "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n"
        client.sendall(f"{head}Content-Length: {10**12}\r\n\r\n".encode())
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                client.sendall(bytes(MEGABYTE))


@pytest.mark.parametrize(
    "request_bytes, status",
    [
        (b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX0\r\n\r\n", 400),
        (b"Content-Length: 5\r\n\r\nab", 400),
    ],
    ids=["bad-chunk", "bad-chunk-end", "cut-body"],
)
def test_broken_bodies(gateway, request_bytes, status):
    """A body that breaks off or lies about its length is a 4xx, not a 5xx."""
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as client:
        client.sendall(head + request_bytes)
        client.shutdown(socket.SHUT_WR)
        reply = http.client.HTTPResponse(client)
        reply.begin()

        assert reply.status == status
        assert reply.headers["Content-Type"] == "application/problem+json"


def test_memory(gateway, http_pool, encode_picture):
    """Fifty photos of a phone's size leave the worker below 100 MB."""
    photo = encode_picture("RGB", "JPEG", size=(2000, 1500))
    for _ in range(50):
        arguments = post_forms(photo)["raw"]
        assert (
            http_pool.request("POST", f"{gateway.url}/predict", **arguments).status
            == 200
        )

    workers = psutil.Process(gateway.process.pid).children()

    assert [worker.memory_info().rss < 100 * MEGABYTE for worker in workers] == [True]


def test_memory_returns(gateway, http_pool):
    """Huge pictures at once leave no memory behind: in all, 2 GB are decoded here."""
    photo = draw_png_bomb(7000, 7000)
    arguments = post_forms(photo)["raw"]

    with ThreadPoolExecutor(8) as clients:
        replies = clients.map(
            lambda _: http_pool.request("POST", f"{gateway.url}/predict", **arguments),
            range(10),
        )
        # What waits for a decoder for too long is told so; nothing else may happen.
        assert {reply.status for reply in replies} <= {200, 503, 504}

    workers = psutil.Process(gateway.process.pid).children()
    assert [worker.memory_info().rss < 150 * MEGABYTE for worker in workers] == [True]


def test_log(gateway, http_pool, encode_picture):
    """Each request leaves one line in the one format, and gunicorn's are in it too."""
    arguments = post_forms(encode_picture())["raw"]
    arguments["headers"]["X-Request-ID"] = "find-me"

    http_pool.request("POST", f"{gateway.url}/predict", **arguments)

    # Lines are written before the reply, and read by a thread of this process.
    gateway.wait_for_line("find-me")
    found = [line for line in gateway.lines if "find-me" in line]
    assert len(found) == 1 and "status=200" in found[0]
    assert all(line.startswith("time=") for line in gateway.lines if "level=" in line)
