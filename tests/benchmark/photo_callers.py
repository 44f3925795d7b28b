"""Clients that send photos: over HTTP, or straight to the model server over gRPC.

Made for a process of its own (own_process.py); free of TensorFlow, so that it is there
at once. A client keeps its connection and sends again when it was answered.
"""

from __future__ import annotations

import functools
import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress

import grpc
import numpy as np

from gateway import wire
from gateway.image import decode_image
from gateway.predict_message import write_predict
from gateway.tensors import to_floats
from tests.benchmark import closed_loop
from tests.benchmark.stack import post

TIMEOUT_SECONDS = 30.0
_MOST_SILENCES = 3
_HEADERS = {"Content-Type": "image/jpeg"}


def over_http(port, photos, load, path="/predict", status=200):
    """Photos as raw bodies.

    Args:
        load: (clients, seconds), as for all functions here.

    Returns:
        (photos a second, the seconds of every call), as all functions here do.

    Raises:
        AssertionError: An answer of another status.
    """
    with ExitStack() as stack:

        def make_call():
            connection = stack.enter_context(
                closing(
                    http.client.HTTPConnection(
                        "127.0.0.1", port, timeout=TIMEOUT_SECONDS
                    )
                )
            )

            def call(position):
                photo = photos[position % len(photos)]
                connection.request("POST", path, photo, _HEADERS)
                reply = connection.getresponse()
                answer = reply.read()
                assert reply.status == status, answer

            return call

        return _measure(make_call, load)


def so_many(port, photos, clients, count):
    """That many photos, from many clients at once.

    Raises:
        AssertionError: An answer of another status than 200.
    """

    def send(client):
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=TIMEOUT_SECONDS
        )
        with closing(connection):
            for position in range(client, count, clients):
                post(connection, photos[position % len(photos)])

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(send, range(clients)))


def until_silence(port, photos, count, patience_seconds):
    """One photo after the other, each on a new connection; three silences end it.

    Returns:
        The seconds of the calls that were answered with 200 in time.
    """
    times, silences = [], 0
    for photo in (photos * -(-count // len(photos)))[:count]:
        began_at = time.perf_counter()
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=patience_seconds
        )
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("POST", "/predict", photo, _HEADERS)
            reply = connection.getresponse()
            reply.read()
            if reply.status == 200:
                times.append(time.perf_counter() - began_at)
                continue
        silences += 1
        if silences == _MOST_SILENCES:
            break
    return times


def with_pixels(target, batches, load):
    """Requests written before the clock starts; answers are not even parsed.

    Args:
        target: (address, model's name) of the model server.
    """
    address, name = target
    requests = [_write_request(name, batch) for batch in batches]
    call_server = _open_call(address)

    def call(position):
        call_server(requests[position % len(requests)], timeout=TIMEOUT_SECONDS)

    return _measure(lambda: call, load)


def with_decoding(target, photos, size, load):
    """Photo to scores in the caller: decoded, written, sent, and the answer parsed.

    Args:
        target: (address, model's name) of the model server.
        size: (height, width) in pixels.
    """
    address, name = target
    call_server = _open_call(address)

    def call(position):
        batch = decode_image(photos[position % len(photos)], size)[np.newaxis]
        answer = call_server(_write_request(name, batch), timeout=TIMEOUT_SECONDS)
        to_floats(wire.PredictResponse.FromString(answer).outputs["scores"])

    return _measure(lambda: call, load)


def _measure(make_call, load):
    """Closed loop; each client's first call is made before the clock starts."""
    clients, seconds = load
    times = [[] for _ in range(clients)]

    def make_step(client):
        call = make_call()

        def step(round_number):
            start = time.perf_counter()
            call(round_number * clients + client)
            times[client].append(time.perf_counter() - start)
            return 1

        return step

    speed = closed_loop.images_per_second(make_step, clients, seconds)
    return speed, [each for client in times for each in client]


def _write_request(name, batch):
    request = wire.PredictRequest(model_spec=wire.ModelSpec(name=name))
    return write_predict(request, "images", batch)


@functools.cache
def _open_call(address):
    channel = grpc.insecure_channel(
        address, options=[("grpc.use_local_subchannel_pool", 1)]
    )
    return channel.unary_unary(wire.PREDICT)
