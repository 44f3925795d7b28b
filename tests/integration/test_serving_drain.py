"""The end of a server process: calls in flight are finished, new ones refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from serving.settings import ANY_FREE_PORT
from tests.integration.serving_calls import predict_request, read_response
from tests.integration.serving_models import build_pipes, write_graph
from tests.integration.serving_process import TIMEOUT_SECONDS, start_server


@contextmanager
def start_piped_server(folder):
    """A running server whose calls wait at two named pipes: (process, port, pipes)."""
    pipes = folder / "first", folder / "second"
    for pipe in pipes:
        os.mkfifo(pipe)
    write_graph(folder / "m" / "1", build_pipes(*pipes))
    with start_server(
        f"--model_base_path={folder}/m",
        "--model_name=m",
        "--enable_grpc_healthcheck_service=true",
    ) as (process, fields):
        yield process, fields["grpc_port"], pipes


def call_until_refused(channel):
    """Ask for the status until the server is UNAVAILABLE; how often that was, or 0.

    The port closes a moment after the health has changed, and gRPC cancels a call that
    arrives in that very moment.
    """
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "m"
    for count in range(1, 10_000):
        error = stub.GetModelStatus.future(request, timeout=TIMEOUT_SECONDS).exception()
        if error is not None and error.code() is grpc.StatusCode.UNAVAILABLE:
            return count
    return 0


def test_drain(tmp_path):
    """SIGTERM: NOT_SERVING, no new calls, the call in flight is answered, exit 0.

    The graph of the call waits for a reader of one named pipe, then of another: the
    first one tells that the call is running, the second one lets it end.
    """
    request = predict_request("m", x=np.float32([1, 2]))
    with (
        start_piped_server(tmp_path) as (process, port, pipes),
        grpc.insecure_channel(f"localhost:{port}") as channel,
    ):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest()
        )
        health = [next(watch).status]
        call = stub.Predict.future(request, timeout=TIMEOUT_SECONDS)
        assert pipes[0].read_text() == "begun"

        process.terminate()
        health.append(next(watch).status)
        watch.cancel()
        is_refused = call_until_refused(channel) > 0
        was_running = not call.done()
        assert pipes[1].read_text() == "ended"
        _, outputs = read_response(call.result())
        code = process.wait(TIMEOUT_SECONDS)

    answer = health_pb2.HealthCheckResponse
    assert health == [answer.SERVING, answer.NOT_SERVING]
    assert is_refused
    assert was_running
    assert outputs["y"].tolist() == [1.0, 2.0]
    assert code == 0


def test_stop_while_waiting(tmp_path):
    """A server that still waits for its base path ends at once, without an error."""
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "serving",
            f"--port={ANY_FREE_PORT}",
            f"--model_base_path={tmp_path}/none",
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert any("event=model_not_found" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        code = process.wait(TIMEOUT_SECONDS)

    assert code == 0
