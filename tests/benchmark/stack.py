"""The product as its users run it: model server and gateway, each its own process."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager

from tests.benchmark import closed_loop

READY_SECONDS = 90


@contextmanager
def running_stack(base_path, name, *flags):
    """Both servers on free loopback ports; gives the gateway's port.

    flags: further ones of the model server.
    """
    grpc_port, http_port = free_port(), free_port()
    serving = [
        f"--port={grpc_port}",
        f"--model_name={name}",
        f"--model_base_path={base_path}",
        "--enable_batching=true",
        "--batching_parameters_file=serving/batching.config",
        *flags,
    ]
    settings = {
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(http_port),
        "GATEWAY_MODEL_ADDRESS": f"localhost:{grpc_port}",
        "GATEWAY_MODELS": name,
    }
    with ExitStack() as stack:
        for package, flags in (("serving", serving), ("gateway", [])):
            process = subprocess.Popen(
                [sys.executable, "-m", package, *flags],
                env={**os.environ, **settings},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
        wait_until_ready(http_port)
        yield http_port


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(port):
    """Ask /readyz until it says 200."""
    ends_at = time.monotonic() + READY_SECONDS
    pause = threading.Event()
    while time.monotonic() < ends_at:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        pause.wait(0.3)
    raise TimeoutError("the stack was not ready in time")


def images_per_second(port, pictures, clients, seconds):
    """Closed loop: each client sends its next photo when the last was answered.

    Raises:
        AssertionError: An answer that is not 200.
    """
    with ExitStack() as stack:
        connections = [
            stack.enter_context(
                closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60))
            )
            for _ in range(clients)
        ]

        def make_step(client):
            def step(round_number):
                position = round_number * clients + client
                post(connections[client], pictures[position % len(pictures)])
                return 1

            return step

        return closed_loop.images_per_second(make_step, clients, seconds)


def post(connection, picture):
    """One photo as a raw body on a connection that stays open."""
    connection.request(
        "POST", "/predict", body=picture, headers={"Content-Type": "image/jpeg"}
    )
    reply = connection.getresponse()
    body = reply.read()
    assert reply.status == 200, body
