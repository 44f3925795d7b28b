"""Clients of Predict that cost little: requests are bytes made before the clock starts.

Made for a process of its own (own_process.py).
"""

from __future__ import annotations

import functools
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
from tensorflow_serving.apis import predict_pb2

from serving.tensors import fill_tensor
from tests.benchmark import closed_loop

_METHOD = "/tensorflow.serving.PredictionService/Predict"
TIMEOUT_SECONDS = 60.0


def serialize_request(name, images, key="images"):
    """A PredictRequest as bytes; its one input as tensor_content."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    fill_tensor(request.inputs[key], np.asarray(images), as_content=True)
    return request.SerializeToString()


@functools.cache
def open_call(address):
    """A function bytes -> bytes on a channel that lives as long as the process."""
    channel = grpc.insecure_channel(
        address, options=[("grpc.use_local_subchannel_pool", 1)]
    )
    call = channel.unary_unary(_METHOD)
    return functools.partial(call, timeout=TIMEOUT_SECONDS)


def images_per_second(address, requests, clients, seconds):
    """Closed loop: each client sends its next image when the last was answered.

    Raises:
        grpc.RpcError: An answer that is not OK.
    """
    call = open_call(address)

    def make_step(client):
        def step(round_number):
            call(requests[(round_number * clients + client) % len(requests)])
            return 1

        return step

    return closed_loop.images_per_second(make_step, clients, seconds)


def call_seconds(address, request, count):
    """The times of that many calls, one after the other."""
    call, times = open_call(address), []
    for _ in range(count):
        start = time.perf_counter()
        call(request)
        times.append(time.perf_counter() - start)
    return times


def check_answers(address, cases, clients, count):
    """Send cases from many clients at once until that many answers have come.

    Args:
        address: The server's.
        cases: (request, name of its model, the values of output y), each.
        clients: How many call at once, each through the cases in its own order.
        count: At least so many calls are made.

    Returns:
        How many answers were right, and how many not: another model's name or values.
    """
    call = open_call(address)

    def work(client):
        right = wrong = 0
        for number in range(-(-count // clients)):
            request, name, values = cases[(number * (client + 1) + client) % len(cases)]
            response = predict_pb2.PredictResponse.FromString(call(request))
            received = list(response.outputs["y"].float_val)
            if (response.model_spec.name, received) == (name, values):
                right += 1
            else:
                wrong += 1
        return right, wrong

    with ThreadPoolExecutor(clients) as pool:
        totals = list(pool.map(work, range(clients)))
    return tuple(sum(column) for column in zip(*totals))
