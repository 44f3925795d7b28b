"""Requests of any kind from many clients at once, over connections that stay open.

Made for a process of its own (own_process.py); imports nothing but the standard
library and the clock's loop, so that the load itself is cheap.
"""

from __future__ import annotations

import http.client
import time
import uuid
from contextlib import ExitStack, closing
from dataclasses import dataclass

from tests.benchmark import closed_loop

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Requests:
    """What is sent, one after the other; each body holds so many images."""

    port: int
    bodies: tuple[bytes, ...]
    content_type: str = "image/jpeg"
    images: int = 1
    paths: tuple[str, ...] = ("/predict",)


@dataclass(frozen=True)
class Answered:
    """What came of it; images are all, speed and times only those on the clock."""

    images_per_second: float
    times: tuple[float, ...]
    images: int
    cpu_seconds: float


def send(requests, clients, seconds):
    """Closed loop; each client's first request is sent before the clock starts.

    Raises:
        RuntimeError: An answer that is not 200.
    """
    began_at = time.process_time()
    times = [[] for _ in range(clients)]
    with ExitStack() as stack:

        def make_step(client):
            connection = http.client.HTTPConnection(
                "127.0.0.1", requests.port, timeout=TIMEOUT_SECONDS
            )
            stack.enter_context(closing(connection))

            def step(round_number):
                start = time.perf_counter()
                post(connection, requests, round_number * clients + client)
                times[client].append(time.perf_counter() - start)
                return requests.images

            return step

        speed = closed_loop.images_per_second(make_step, clients, seconds)
    return Answered(
        images_per_second=speed,
        times=tuple(each for client in times for each in client[1:]),
        images=requests.images * sum(map(len, times)),
        cpu_seconds=time.process_time() - began_at,
    )


def post(connection, requests, number):
    """The request of that number and its answer.

    Raises:
        RuntimeError: An answer that is not 200.
    """
    connection.request(
        "POST",
        requests.paths[number % len(requests.paths)],
        requests.bodies[number % len(requests.bodies)],
        {"Content-Type": requests.content_type},
    )
    reply = connection.getresponse()
    answer = reply.read()
    if reply.status != 200:
        raise RuntimeError(f"expected 200, received {reply.status}: {answer[:300]!r}")


def in_one_form(photos):
    """Photos as one multipart form: (body, its content type)."""
    boundary = uuid.uuid4().hex
    parts = [
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="image"; filename="{number}.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode() + photo + b"\r\n"
        for number, photo in enumerate(photos)
    ]
    ending = f"--{boundary}--\r\n".encode()
    return b"".join(parts) + ending, f"multipart/form-data; boundary={boundary}"
