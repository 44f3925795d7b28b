"""How the gateway starts and ends: settings, ports, signals, missing model servers."""

from __future__ import annotations

import http.client
import select
import signal
import socket
import time

import urllib3

from tests.integration.gateway_process import running_gateway, start_to_the_end


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


def test_unready_while_draining(encode_picture):
    """While the last request finishes, probes and new callers are sent elsewhere."""
    photo = encode_picture()
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(photo)}\r\n\r\n"
    with socket.create_server(("localhost", 0)) as silent:
        address = f"localhost:{silent.getsockname()[1]}"
        settings = {"model_address": address, "model_timeout_seconds": 15}
        with running_gateway(**settings, models="tiny", workers=2) as gateway:
            place = ("127.0.0.1", gateway.port)
            with socket.create_connection(place, timeout=30) as client:
                client.sendall(head.encode() + photo)
                # The model server is asked: the request is in its thread.
                silent.settimeout(30)
                asked, _ = silent.accept()
                gateway.process.send_signal(signal.SIGTERM)
                wait_until_refused(place)
                is_answered = bool(select.select([client], [], [], 0)[0])
                silent.close()
                asked.close()
                reply = http.client.HTTPResponse(client)
                reply.begin()

                assert not is_answered
                assert reply.status == 503
                assert reply.headers["Connection"] == "close"
            assert gateway.process.wait(30) == 0


def wait_until_refused(place):
    """Ask until nobody listens; until then each caller gets an answer, no silence."""
    ends_at = time.monotonic() + 30
    while time.monotonic() < ends_at:
        probe = http.client.HTTPConnection(*place, timeout=30)
        try:
            probe.request("GET", "/livez")
            assert probe.getresponse().status == 200
        except (ConnectionError, http.client.RemoteDisconnected):
            return
        finally:
            probe.close()
    raise AssertionError("the gateway goes on listening")


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


def test_told_to_stay(tiny_server, encode_picture):
    """A client that goes on asking is answered each time, at last told of the end."""
    photo = encode_picture()
    address = f"localhost:{tiny_server.grpc_port}"
    with running_gateway(model_address=address, models="tiny") as gateway:
        kept = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        first = ask(kept, photo)
        gateway.process.send_signal(signal.SIGTERM)
        # No pause: who says nothing for three seconds is hung up on.
        answers = [ask(kept, photo)]
        ends_at = time.monotonic() + 30
        while answers[-1] != (200, "close") and time.monotonic() < ends_at:
            answers.append(ask(kept, photo))

        assert {first, *answers[:-1]} == {(200, "keep-alive")}
        assert answers[-1] == (200, "close")
        # With the last connection the worker ends; the idle are given seconds.
        assert gateway.process.wait(30) == 0
    kept.close()


def ask(connection, photo):
    """Status of an answer, and what it says of its connection."""
    connection.request("POST", "/predict", photo)
    reply = connection.getresponse()
    assert reply.read()
    return reply.status, reply.headers["Connection"]


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


def test_bad_settings():
    """Bad settings end the start with code 2 and all of them in the message."""
    result = start_to_the_end(port="http", threads="0")

    assert result.returncode == 2
    assert "GATEWAY_PORT" in result.stderr and "GATEWAY_THREADS" in result.stderr
    assert "Traceback" not in result.stderr


def test_busy_port():
    """A port that is taken ends the start with a message that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = start_to_the_end(host="127.0.0.1", port=port)

    assert result.returncode == 1
    assert "Connection in use" in result.stdout and str(port) in result.stdout
