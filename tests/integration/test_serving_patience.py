"""How long callers wait: those who set no deadline, and those whose time is over."""

from __future__ import annotations

import json
import urllib.request

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    regression_pb2,
)

from tests.integration.example_models import (
    REGRESS,
    build_half_plus_two,
    example,
    write_signatures,
)
from tests.integration.serving_calls import (
    TIMEOUT_SECONDS,
    examples_request,
    fill_input,
    predict_request,
    prediction_stub,
    read_response,
)

HALF = "half_plus_two"
# x / 2 + 2, worked out for the one x that is asked about.
X, Y = 6.0, 5.0
# Nobody else comes: a call waits for its batch until this is over.
WAIT_MICROS = 20_000
LONGEST = 2**63 - 1


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_signatures(folder / "1", build_half_plus_two)
    return folder


@pytest.fixture(name="batching", scope="module")
def _batching(tmp_path_factory):
    """A function that writes the flags of batches that wait so many microseconds."""
    folder = tmp_path_factory.mktemp("batching")

    def write(micros):
        path = folder / str(micros)
        path.write_text(f"batch_timeout_micros {{ value: {micros} }}")
        return {"enable_batching": True, "batching_parameters_file": str(path)}

    return write


@pytest.fixture(name="server", scope="module", params=["at once", "in batches"])
def _server(request, start_model_server, folder, batching):
    """Each call a run, or batches that wait for company."""
    flags = batching(WAIT_MICROS) if request.param == "in batches" else {}
    return start_model_server(folder, HALF, rest_api_timeout_in_ms=LONGEST, **flags)


def ask(stub, method):
    """What a caller without a deadline gets for X."""
    if method == "Predict":
        request = predict_request(HALF, signature="serving_default", x=np.float32([X]))
        return read_response(stub.Predict(request))[1]["y"].item()
    if method == "MultiInference":
        request = inference_pb2.MultiInferenceRequest()
        task = request.tasks.add(method_name=REGRESS)
        task.model_spec.name = HALF
        task.model_spec.signature_name = "regress_x_to_y"
        fill_input(request.input, [example(x=X)])
        (result,) = stub.MultiInference(request).results
        return result.regression_result.regressions[0].value
    kind, signature = {
        "Classify": (classification_pb2.ClassificationRequest, "classify_x_to_y"),
        "Regress": (regression_pb2.RegressionRequest, "regress_x_to_y"),
    }[method]
    request = examples_request(kind, HALF, [example(x=X)], signature=signature)
    result = getattr(stub, method)(request).result
    if method == "Classify":
        return result.classifications[0].classes[0].score
    return result.regressions[0].value


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("method", ["Predict", "Classify", "Regress", "MultiInference"])
def test_no_deadline(server, method):
    """A gRPC client need not set a deadline, whatever its call has to wait for."""
    with prediction_stub(server) as stub:
        assert ask(stub, method) == Y


def test_longest_timeout(server):
    """--rest_api_timeout_in_ms may be as long as the flag can say."""
    url = f"http://localhost:{server.rest_port}/v1/models/{HALF}:predict"
    body = json.dumps({"instances": [X]}).encode()

    with urllib.request.urlopen(url, body, TIMEOUT_SECONDS) as response:
        answer = json.load(response)

    assert answer == {"predictions": [Y]}


def test_deadline_in_queue(start_model_server, folder, batching):
    """Who gives up while waiting for company sees that, and no other code."""
    server = start_model_server(folder, HALF, **batching(10 * 60 * 10**6))
    request = predict_request(HALF, x=np.float32([X]))

    with prediction_stub(server) as stub:
        codes = {refuse(stub, request, 0.02) for _ in range(20)}

    assert codes == {grpc.StatusCode.DEADLINE_EXCEEDED}


def refuse(stub, request, seconds):
    """The code of a call that its caller waits for in place, without a timer."""
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(request, timeout=seconds)
    return caught.value.code()
