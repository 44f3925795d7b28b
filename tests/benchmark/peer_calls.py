"""What each peer is sent and what it says; a client loop that keeps its latencies."""

from __future__ import annotations

import base64
import functools
import http.client
import json
import threading
import time
from dataclasses import dataclass

import grpc
import numpy as np
from tensorflow_serving.apis import predict_pb2

from serving.tensors import read_tensor
from tests.benchmark import closed_loop
from tests.benchmark.grpc_callers import serialize_request

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Target:
    """Where calls go: gRPC when path is a method of a service, else HTTP POST."""

    port: int
    path: str
    content_type: str = ""

    @property
    def is_grpc(self):
        """gRPC methods are named service.Name/Method."""
        return not self.content_type


_threads = threading.local()


@functools.cache
def _open_call(target):
    channel = grpc.insecure_channel(f"127.0.0.1:{target.port}")
    return channel.unary_unary(target.path)


def _connection(port):
    """This thread's open connection to a port."""
    if not hasattr(_threads, "connections"):
        _threads.connections = {}
    if port not in _threads.connections:
        _threads.connections[port] = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=TIMEOUT_SECONDS
        )
    return _threads.connections[port]


def call(target, body):
    """One call; the body of the answer.

    Raises:
        AssertionError: No answer, or one that is an error.
    """
    if target.is_grpc:
        try:
            return _open_call(target)(body, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            # A gRPC error cannot travel to the process that asked for the call.
            raise AssertionError(str(error)) from None
    connection = _connection(target.port)
    fields = {"Content-Type": target.content_type}
    try:
        connection.request("POST", target.path, body=body, headers=fields)
        reply = connection.getresponse()
        answer = reply.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise AssertionError(f"no answer from port {target.port}") from error
    assert reply.status == 200, (reply.status, answer[:500])
    return answer


def measure(target, bodies, clients, seconds):
    """Closed loop: (images a second, seconds of each call); call 0 is not counted."""
    times = [[] for _ in range(clients)]

    def make_step(client):
        def step(round_number):
            body = bodies[(round_number * clients + client) % len(bodies)]
            start = time.perf_counter()
            call(target, body)
            if round_number:
                times[client].append(time.perf_counter() - start)
            return 1

        return step

    speed = closed_loop.images_per_second(make_step, clients, seconds)
    return speed, [each for client in times for each in client]


def pixels(image):
    """The bytes as they are."""
    return image.tobytes()


def predict_request(image):
    """TensorFlow Serving's PredictRequest, uint8 as tensor_content."""
    return serialize_request("classifier", image[None])


def instances(image):
    """TensorFlow Serving's row format."""
    return json.dumps({"instances": [image.tolist()]}).encode()


def base64_list(image):
    """Pixels in base64 in a list of one, as BentoML merges lists."""
    return json.dumps({"pixels": [base64.b64encode(image.tobytes()).decode()]}).encode()


def base64_pixels(image):
    """Pixels in base64, with their shape."""
    text = base64.b64encode(image.tobytes()).decode()
    return json.dumps({"pixels": text, "shape": image.shape}).encode()


def read_json(answer):
    """The scores, shape (1, classes), wherever the peer puts them."""
    found = json.loads(answer)
    if isinstance(found, dict):
        (found,) = found.values()
    return np.array(found, np.float32)


def read_predict_response(answer):
    """The scores of a PredictResponse."""
    response = predict_pb2.PredictResponse.FromString(answer)
    return read_tensor("scores", response.outputs["scores"])


def read_last_bytes(answer):
    """The scores of two classes: raw tensors are the last field of the message."""
    return np.frombuffer(answer[-8:], np.float32).reshape(1, 2)
