"""--prefer_tflite_model: model.tflite answers in place of the SavedModel beside it."""

from __future__ import annotations

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.tflite_model import TfliteModel
from tests.integration.serving_calls import TIMEOUT_SECONDS, predict, refusal
from tests.integration.serving_models import build_half_plus, write_graph
from tests.integration.tflite_models import (
    convert_line,
    convert_pick,
)

PREDICT = "tensorflow/serving/predict"
# What converters call the tensors of a signature; y is the name of neither.
X, Y = "serving_default_x", "StatefulPartitionedCall"


@pytest.fixture(name="line", scope="module")
def _line():
    """The file of y = x / 2 + 2."""
    return convert_line()


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory, line):
    """Version 1: a SavedModel of y = x / 2 + 5 and, beside it, the line; 2: none."""
    folder = tmp_path_factory.mktemp("models") / "both"
    write_graph(folder / "1", build_half_plus(5))
    (folder / "1" / "model.tflite").write_bytes(line)
    return folder


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, folder):
    return start_model_server(
        folder, "both", prefer_tflite_model=True, num_tflite_pools=2
    )


def post(server, path, document):
    """The parsed answer of one REST call."""
    url = f"http://localhost:{server.rest_port}{path}"
    body = json.dumps(document).encode()
    with urllib.request.urlopen(url, body, TIMEOUT_SECONDS) as response:
        return json.load(response)


@pytest.mark.parametrize("rows", [1, 3, 0, 1])
def test_predict(server, rows):
    """Any number of rows, under the names the converter gave."""
    values = np.arange(rows, dtype=np.float32).reshape(rows, 1)

    version, outputs = predict(server, "both", **{X: values})

    assert version == 1
    assert outputs[Y].tolist() == [[row / 2 + 2] for row in range(rows)]


def test_rest(server):
    """The same over REST."""
    answer = post(server, "/v1/models/both:predict", {"instances": [[2.0], [4.0]]})

    assert answer == {"predictions": [[3.0], [4.0]]}


def test_metadata(server):
    """The made-up signature is told with the shape that the file has."""
    url = f"http://localhost:{server.rest_port}/v1/models/both/metadata"
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        told = json.load(response)["metadata"]["signature_def"]["signature_def"]

    assert list(told) == ["serving_default"]
    assert told["serving_default"]["method_name"] == PREDICT
    taken = told["serving_default"]["inputs"][X]
    assert (taken["dtype"], taken["name"]) == ("DT_FLOAT", f"{X}:0")
    assert [dim["size"] for dim in taken["tensor_shape"]["dim"]] == ["1", "1"]


@pytest.mark.parametrize(
    "inputs, part",
    [
        ({"x": np.float32([[1]])}, f"Signature input alias: {X}(feed name: {X}:0)"),
        ({X: np.float64([[1]])}, "Expects arg[0] to be float but double is provided"),
    ],
)
def test_wrong_inputs(server, inputs, part):
    """Names and dtypes are checked as they are for any model."""
    code, details = refusal(server, "both", **inputs)

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert part in details


@pytest.mark.parametrize("flags", [{}, {"prefer_tflite_model": False}])
def test_without_flag(start_model_server, folder, flags):
    """Who did not ask for it is answered by the SavedModel."""
    server = start_model_server(folder, "both", **flags)

    _, outputs = predict(server, "both", x=np.float32([[2]]))

    assert outputs["y"].tolist() == [[6]]


def test_without_file(start_model_server, tmp_path):
    """A version that has no such file is served from its SavedModel all the same."""
    write_graph(tmp_path / "m" / "1", build_half_plus(5))
    server = start_model_server(tmp_path / "m", "m", prefer_tflite_model=True)

    _, outputs = predict(server, "m", x=np.float32([[2]]))

    assert outputs["y"].tolist() == [[6]]


def test_batching(start_model_server, folder):
    """Merged calls get their own rows back."""
    server = start_model_server(
        folder, "both", prefer_tflite_model=True, enable_batching=True
    )

    def ask(number):
        _, outputs = predict(server, "both", **{X: np.float32([[number]])})
        return outputs[Y].tolist()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(24)))

    assert answers == [[[number / 2 + 2]] for number in range(24)]


def test_texts():
    """Texts of any bytes go in and come out, as many as are asked for."""
    model = TfliteModel(convert_pick(), 1)
    signature = model.signature("")
    texts = np.array([b"a", b"b\x00\xff", b""], np.object_)
    (picked,) = signature.outputs

    def pick(*places):
        inputs = {"serving_default_texts": texts}
        inputs["serving_default_places"] = np.array(places, np.int64)
        return model.run(signature, inputs, [picked])[picked].tolist()

    assert pick(2, 1, 0, 1) == [b"", b"b\x00\xff", b"a", b"b\x00\xff"]
    with pytest.raises(ServingError) as caught:
        pick(7)
    assert caught.value.code is StatusCode.INTERNAL
    # The interpreter that failed is not used again.
    assert pick(0) == [b"a"]


def test_more_callers_than_interpreters(line):
    """Callers wait for an interpreter; none is in two hands at once."""
    model = TfliteModel(line, 2)
    signature = model.signature("")

    def ask(number):
        rows = np.full((number % 3 + 1, 1), number, np.float32)
        return model.run(signature, {X: rows}, [Y], TIMEOUT_SECONDS)[Y].tolist()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(200)))

    assert answers == [[[number / 2 + 2]] * (number % 3 + 1) for number in range(200)]


@pytest.mark.parametrize("seconds", [0.01, 0.0, -1.0])
def test_no_interpreter_in_time(line, seconds):
    """Who has no more patience is told that his time is over."""
    model = TfliteModel(line, 1)
    signature = model.signature("")
    # Nothing is left to wait for, as while all of them are at work.
    model.close()

    with pytest.raises(ServingError) as caught:
        model.run(signature, {X: np.float32([[1]])}, [Y], seconds)

    assert caught.value.code is StatusCode.DEADLINE_EXCEEDED
