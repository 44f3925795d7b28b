"""Batching behind the gRPC door: concurrent callers get their own answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from serving.served_model import ModelConfig
from tests.integration.serving_calls import (
    TIMEOUT_SECONDS,
    predict,
    predict_request,
    prediction_stub,
    read_response,
)
from tests.integration.serving_models import (
    build_check,
    build_half_plus,
    build_join,
    write_graph,
)
from tests.tiny_model import write_tiny_model

CALLERS = 8
CALLS = 200


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    """Two models that must not be confused, one that refuses, one without rows."""
    folder = tmp_path_factory.mktemp("batched")
    builds = {
        "plus_two": build_half_plus(2),
        "plus_three": build_half_plus(3),
        "check": build_check,
        "join": build_join,
    }
    for name, build in builds.items():
        write_graph(folder / name / "1", build)
    parameters = folder / "batching.config"
    parameters.write_text("""
        max_batch_size { value: 8 }
        batch_timeout_micros { value: 2000 }
        max_enqueued_batches { value: 100 }
        """)
    return start_model_server(
        configs=[
            ModelConfig(name=name, base_path=str(folder / name)) for name in builds
        ],
        enable_batching=True,
        batching_parameters_file=str(parameters),
    )


def test_own_answers(server):
    """Two models under load: every answer is the one worked out for that call."""

    def call(stub, index):
        name, amount = (("plus_two", 2), ("plus_three", 3))[index % 2]
        request = predict_request(name, x=np.float32([[index], [index + 0.5]]))
        _, outputs = read_response(stub.Predict(request, timeout=TIMEOUT_SECONDS))
        expected = [[index / 2 + amount], [index / 2 + 0.25 + amount]]
        return outputs["y"].tolist() == expected

    with ThreadPoolExecutor(CALLERS) as pool, prediction_stub(server) as stub:
        are_right = list(pool.map(lambda index: call(stub, index), range(CALLS)))

    assert are_right == [True] * CALLS


def test_bad_member(server):
    """Calls that the graph refuses fail alone, whoever they were merged with."""

    def call(stub, value):
        request = predict_request("check", x=np.float32([value]))
        future = stub.Predict.future(request, timeout=TIMEOUT_SECONDS)
        error = future.exception()
        return error.code() if error else read_response(future.result())[1]["y"].item()

    values = [float(index % 5 - 1) for index in range(CALLS)]
    with ThreadPoolExecutor(CALLERS) as pool, prediction_stub(server) as stub:
        answers = list(pool.map(lambda value: call(stub, value), values))

    assert answers == [
        value if value > 0 else grpc.StatusCode.INVALID_ARGUMENT for value in values
    ]


def test_scalar_output(server):
    """An output without rows cannot be batched, as in TensorFlow Serving."""
    texts = np.array([b"a"], np.object_)
    request = predict_request("join", left=texts, right=texts)

    with prediction_stub(server) as stub:
        error = stub.Predict.future(request, timeout=TIMEOUT_SECONDS).exception()
        request.output_filter.append("joined")
        response = stub.Predict(request, timeout=TIMEOUT_SECONDS)

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert read_response(response)[1]["joined"].tolist() == [b"aa"]


def test_too_many_rows(server):
    """More rows than a batch takes are refused."""
    request = predict_request("plus_two", x=np.zeros((9, 1), np.float32))

    with prediction_stub(server) as stub:
        error = stub.Predict.future(request, timeout=TIMEOUT_SECONDS).exception()

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "larger than maximum input batch size 8" in error.details()


def test_no_inputs(start_model_server, tmp_path):
    """A signature without inputs is run by itself."""

    write_tiny_model(tmp_path / "tiny")
    server = start_model_server(tmp_path / "tiny", enable_batching=True)

    _, outputs = predict(server, "tiny", signature="contract")

    assert outputs["contract"].item().startswith(b"{")
