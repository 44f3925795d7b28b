"""The end of a server process: calls in flight are finished, new ones refused."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
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

IMPATIENT = (
    "import sys; from serving.__main__ import end_process, main; "
    "end_process(main(sys.argv[1:], drain_seconds=0.2))"
)


@contextmanager
def start_piped_server(folder, *flags, **options):
    """A running server whose calls wait at two named pipes: (process, fields, pipes).

    The graph of a call waits for a reader of the first one, which tells that the call
    is running, then for a reader of the second one, which lets it end.
    """
    pipes = folder / "first", folder / "second"
    for pipe in pipes:
        os.mkfifo(pipe)
    write_graph(folder / "m" / "1", build_pipes(*pipes))
    with start_server(
        f"--model_base_path={folder}/m",
        "--model_name=m",
        "--enable_grpc_healthcheck_service=true",
        *flags,
        **options,
    ) as (process, fields):
        yield process, fields, pipes


def ask_status(channel):
    """A GetModelStatus that is under way."""
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "m"
    return stub.GetModelStatus.future(request, timeout=TIMEOUT_SECONDS)


def call_until_refused(channel):
    """Ask for the status until the server is UNAVAILABLE; how often that was, or 0.

    The port closes a moment after the health has changed, and gRPC cancels a call that
    arrives in that very moment.
    """
    for count in range(1, 10_000):
        error = ask_status(channel).exception()
        if error is not None and error.code() is grpc.StatusCode.UNAVAILABLE:
            return count
    return 0


def ask(channel):
    """A Predict that is under way."""
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = predict_request("m", x=np.float32([1, 2]))
    return stub.Predict.future(request, timeout=TIMEOUT_SECONDS)


@pytest.mark.parametrize("flags", [(), ("--enable_batching",)])
def test_drain(tmp_path, flags):
    """SIGTERM: NOT_SERVING, no new calls, the call in flight is answered, exit 0.

    Further signals change nothing.
    """
    with (
        start_piped_server(tmp_path, *flags) as (process, fields, pipes),
        grpc.insecure_channel(f"localhost:{fields['grpc_port']}") as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest()
        )
        health = [next(watch).status]
        call = ask(channel)
        assert pipes[0].read_text() == "begun"

        process.terminate()
        health.append(next(watch).status)
        watch.cancel()
        is_refused = call_until_refused(channel) > 0
        process.terminate()
        process.send_signal(signal.SIGINT)
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


def test_drain_of_queue(tmp_path):
    """A call that waits in the batcher's queue when the signal comes is answered."""
    (tmp_path / "batching.config").write_text(
        "num_batch_threads { value: 1 } max_batch_size { value: 2 }"
    )
    with (
        start_piped_server(
            tmp_path,
            "--enable_batching",
            f"--batching_parameters_file={tmp_path}/batching.config",
        ) as (process, fields, pipes),
        grpc.insecure_channel(f"localhost:{fields['grpc_port']}") as channel,
    ):
        calls = [ask(channel)]
        assert pipes[0].read_text() == "begun"
        calls.append(ask(channel))
        # On the same connection: when this is answered the call before has arrived.
        assert ask_status(channel).result()

        process.terminate()
        assert call_until_refused(channel)
        assert pipes[1].read_text() == "ended"
        assert [pipe.read_text() for pipe in pipes] == ["begun", "ended"]
        values = [read_response(call.result())[1]["y"].tolist() for call in calls]
        code = process.wait(TIMEOUT_SECONDS)

    assert values == [[1.0, 2.0]] * 2
    assert code == 0


def post(port):
    """The answer of an HTTP call."""
    connection = http.client.HTTPConnection("localhost", port, timeout=TIMEOUT_SECONDS)
    connection.request("POST", "/v1/models/m:predict", body='{"instances": [1, 2]}')
    return json.load(connection.getresponse())


def test_drain_of_http(tmp_path):
    """An HTTP call in flight is answered as well, and new ones are refused."""
    with (
        start_piped_server(tmp_path) as (process, fields, pipes),
        grpc.insecure_channel(f"localhost:{fields['grpc_port']}") as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        call = pool.submit(post, fields["rest_port"])
        assert pipes[0].read_text() == "begun"

        process.terminate()
        assert call_until_refused(channel)
        is_refused = refuses(fields["rest_port"])
        was_running = not call.done()
        assert pipes[1].read_text() == "ended"
        answer = call.result(TIMEOUT_SECONDS)
        code = process.wait(TIMEOUT_SECONDS)

    assert is_refused
    assert was_running
    assert answer == {"predictions": [1.0, 2.0]}
    assert code == 0


def refuses(port):
    """Whether the port takes no more connections, at the latest after many tries."""
    for _ in range(10_000):
        connection = http.client.HTTPConnection("localhost", port, timeout=5)
        try:
            connection.connect()
        except ConnectionRefusedError:
            return True
        finally:
            connection.close()
    return False


def test_late_call(tmp_path):
    """A call that outlasts the drain is cut, and the process ends like the signal."""
    with (
        start_piped_server(tmp_path, program=("-c", IMPATIENT)) as started,
        grpc.insecure_channel(f"localhost:{started[1]['grpc_port']}") as channel,
    ):
        process, _, pipes = started
        call = ask(channel)
        assert pipes[0].read_text() == "begun"

        process.terminate()
        code = process.wait(TIMEOUT_SECONDS)
        error = call.exception()

    assert error is not None
    assert code == 128 + signal.SIGTERM


def test_late_http_call(tmp_path):
    """An HTTP call that outlasts the drain holds the process no longer either."""
    with (
        start_piped_server(tmp_path, program=("-c", IMPATIENT)) as started,
        ThreadPoolExecutor(1) as pool,
    ):
        process, fields, pipes = started
        call = pool.submit(post, fields["rest_port"])
        assert pipes[0].read_text() == "begun"

        process.send_signal(signal.SIGINT)
        code = process.wait(TIMEOUT_SECONDS)

    assert call.exception() is not None
    assert code == 128 + signal.SIGINT


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
