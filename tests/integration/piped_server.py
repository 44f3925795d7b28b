"""A server process whose calls wait at named pipes, and calls to it while it ends."""

from __future__ import annotations

import http.client
import json
import os
from contextlib import contextmanager

import grpc
import numpy as np
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from tests.integration.forked_server import fork_server
from tests.integration.serving_calls import predict_request
from tests.integration.serving_models import build_pipes, write_graph
from tests.integration.serving_process import TIMEOUT_SECONDS


@contextmanager
def start_piped_server(folder, *flags, start=fork_server, **options):
    """A running server whose calls wait at two named pipes: (process, fields, pipes).

    The graph of a call waits for a reader of the first one, which tells that the call
    is running, then for a reader of the second one, which lets it end. start is
    fork_server or start_server.
    """
    pipes = folder / "first", folder / "second"
    for pipe in pipes:
        os.mkfifo(pipe)
    write_graph(folder / "m" / "1", build_pipes(*pipes))
    with start(
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


def post(port):
    """The answer of an HTTP call."""
    connection = http.client.HTTPConnection("localhost", port, timeout=TIMEOUT_SECONDS)
    connection.request("POST", "/v1/models/m:predict", body='{"instances": [1, 2]}')
    return json.load(connection.getresponse())


def refuses(port):
    """Whether the port takes no more connections, at the latest after many tries."""
    for _ in range(10_000):
        connection = http.client.HTTPConnection("localhost", port, timeout=5)
        try:
            connection.connect()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            # In the very moment in which the port closed.
            continue
        finally:
            connection.close()
    return False
