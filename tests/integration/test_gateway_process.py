"""The gateway as it is deployed: gunicorn, real sockets, signals, memory."""

from __future__ import annotations

import base64
import http.client
import signal
import socket
import subprocess
import sys

import psutil
import pytest
import urllib3

from tests.integration.gateway_process import gateway_environment, running_gateway
from tests.integration.tiny_answers import expected_scores, received_scores

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
    """A client that sends 50 MB gets its answer: no reset, whatever the path."""
    arguments = post_forms(bytes(50 * MEGABYTE))[form]

    reply = http_pool.request("POST", gateway.url + path, **arguments)

    assert reply.status == (413 if path == "/predict" else 404)
    assert reply.headers["Content-Type"] == "application/problem+json"


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


def test_log(gateway, http_pool, encode_picture):
    """Each request leaves one line in the one format, and gunicorn's are in it too."""
    arguments = post_forms(encode_picture())["raw"]
    arguments["headers"]["X-Request-ID"] = "find-me"

    http_pool.request("POST", f"{gateway.url}/predict", **arguments)
    http_pool.request("GET", f"{gateway.url}/livez")

    # The line is written before the reply; the next reply proves it was flushed.
    found = [line for line in gateway.lines if "find-me" in line]
    assert len(found) == 1 and "status=200" in found[0]
    assert all(line.startswith("time=") for line in gateway.lines if "level=" in line)


def test_drain(tiny_server, encode_picture):
    """SIGTERM lets the request under way finish, then the process ends with 0."""
    photo = encode_picture()
    address = f"localhost:{tiny_server.grpc_port}"
    with running_gateway(model_address=address, models="tiny") as gateway:
        head = (
            "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\n"
            f"Expect: 100-continue\r\nContent-Length: {len(photo)}\r\n\r\n"
        )
        with socket.create_connection(
            ("127.0.0.1", gateway.port), timeout=30
        ) as client:
            client.sendall(head.encode())
            # The worker says this once it has begun the request.
            assert client.recv(100).startswith(b"HTTP/1.1 100")
            gateway.process.send_signal(signal.SIGTERM)
            client.sendall(photo)
            reply = http.client.HTTPResponse(client)
            reply.begin()

            assert reply.status == 200

        assert gateway.process.wait(30) == 0


def test_idle_connection(tiny_server):
    """A client that keeps an idle connection open does not hold up the end."""
    address = f"localhost:{tiny_server.grpc_port}"
    with running_gateway(model_address=address, models="tiny") as gateway:
        idle = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        idle.request("GET", "/livez")
        assert idle.getresponse().read()
        gateway.process.send_signal(signal.SIGTERM)

        # Gunicorn alone takes all of its 20 s; a look around comes every second.
        assert gateway.process.wait(10) == 0

    idle.close()


def test_start_without_model_server():
    """The gateway starts and lives without a model server; it is only not ready."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running_gateway(model_address=f"localhost:{port}", models="tiny") as gateway:
        with urllib3.PoolManager(retries=False, timeout=30.0) as pool:
            live = pool.request("GET", f"{gateway.url}/livez")
            ready = pool.request("GET", f"{gateway.url}/readyz")
            page = pool.request("GET", f"{gateway.url}/")

    assert (live.status, ready.status, page.status) == (200, 503, 200)
    assert "tiny" in ready.json()["detail"]


def start_to_the_end(**settings):
    """Run a gateway that cannot start; its exit code and what it said."""
    return subprocess.run(
        [sys.executable, "-m", "gateway"],
        env=gateway_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_bad_settings():
    """Bad settings end the start with code 2 and all of them in the message."""
    result = start_to_the_end(port="http", threads="0")

    assert result.returncode == 2
    assert "GATEWAY_PORT" in result.stderr and "GATEWAY_THREADS" in result.stderr
    assert "Traceback" not in result.stderr


def test_busy_port(gateway):
    """A port that is taken ends the start with a message that names it."""
    result = start_to_the_end(host="127.0.0.1", port=gateway.port)

    assert result.returncode == 1
    assert "Connection in use" in result.stdout and str(gateway.port) in result.stdout
