"""gRPC callers that begin a call and do not go on hold up nobody else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.integration.serving_calls import (
    open_channel,
    predict_request,
    read_response,
)
from tests.integration.serving_models import build_half_plus, write_graph

PREDICT = "/tensorflow.serving.PredictionService/Predict"
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
WATCH = "/grpc.health.v1.Health/Watch"
TIMEOUT_SECONDS = 30
THREADS = 2
CALLS = 5 * THREADS


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """A model that answers x / 2."""
    folder = tmp_path_factory.mktemp("models")
    write_graph(folder / "1", build_half_plus(0))
    return folder


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, folder):
    """Two threads answer gRPC."""
    return start_model_server(folder, "half", grpc_max_threads=THREADS)


@contextmanager
def unfinished_calls(channel, path, message):
    """Calls whose callers send the message when the event is set: (calls, event)."""
    go_on = threading.Event()

    def messages():
        go_on.wait(TIMEOUT_SECONDS)
        yield message

    method = channel.stream_stream(path)
    calls = [method(messages(), timeout=TIMEOUT_SECONDS) for _ in range(CALLS)]
    yield calls, go_on
    for call in calls:
        call.cancel()
    go_on.set()


def halve(channel, number):
    """One call, behind the unfinished ones on their own connection."""
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = predict_request("half", x=np.float32([number]))
    _, outputs = read_response(stub.Predict(request, timeout=TIMEOUT_SECONDS))
    return outputs["y"].tolist()


def test_late_messages(server):
    """More callers than threads send no message: others go first, they go later."""
    message = predict_request("half", x=np.float32([4])).SerializeToString()

    with (
        open_channel(server) as channel,
        unfinished_calls(channel, PREDICT, message) as (calls, go_on),
    ):
        answer = halve(channel, 1)
        go_on.set()
        replies = [predict_pb2.PredictResponse.FromString(next(each)) for each in calls]

    assert answer == [0.5]
    outputs = [read_response(reply)[1] for reply in replies]
    assert [output["y"].tolist() for output in outputs] == [[2]] * CALLS


@pytest.mark.parametrize("path", [REFLECT, WATCH])
def test_open_streams(server, path):
    """Streams of which nothing comes take no thread from the calls."""
    with open_channel(server) as channel, unfinished_calls(channel, path, b""):
        answer = halve(channel, 1)

    assert answer == [0.5]


def test_watchers(server):
    """However many watch the health, each is told, and calls are answered."""
    with open_channel(server) as channel:
        watch = channel.unary_stream(WATCH)
        watching = [watch(b"", timeout=TIMEOUT_SECONDS) for _ in range(CALLS)]
        told = [health_pb2.HealthCheckResponse.FromString(next(w)) for w in watching]
        answer = halve(channel, 1)
        for call in watching:
            call.cancel()

    assert {each.status for each in told} == {health_pb2.HealthCheckResponse.SERVING}
    assert answer == [0.5]


def test_watch_of_no_message(server):
    """Bytes that are no request to watch are refused like any others."""
    with open_channel(server) as channel:
        call = channel.unary_stream(WATCH)(b"\xff", timeout=TIMEOUT_SECONDS)
        with pytest.raises(grpc.RpcError) as refusal:
            next(call)

    assert refusal.value.code() is grpc.StatusCode.INTERNAL
    assert "received other bytes" in refusal.value.details()


def test_drain(start_model_server, folder):
    """Streams hold up no drain: who watches is told and let go, who asks is cut off."""
    server = start_model_server(folder, "half")
    with open_channel(server) as channel, ThreadPoolExecutor(1) as pool:
        watching = channel.unary_stream(WATCH)(b"", timeout=TIMEOUT_SECONDS)
        told = [next(watching)]
        with unfinished_calls(channel, REFLECT, b"") as (asking, _):
            halve(channel, 1)
            drain = pool.submit(server.drain, 10 * TIMEOUT_SECONDS)
            told.extend(watching)
            is_drained = drain.result(TIMEOUT_SECONDS)
            codes = {call.code() for call in asking}

    answer = health_pb2.HealthCheckResponse
    statuses = [answer.FromString(each).status for each in told]
    assert statuses == [answer.SERVING, answer.NOT_SERVING]
    assert is_drained
    assert grpc.StatusCode.DEADLINE_EXCEEDED not in codes
