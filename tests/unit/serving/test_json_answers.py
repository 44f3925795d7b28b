"""The answers of the REST API as text; layouts are TensorFlow Serving's, by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_status_pb2,
    model_pb2,
    regression_pb2,
)

from serving.errors import ServingError
from serving.json_answers import (
    write_classes,
    write_error,
    write_metadata,
    write_outputs,
    write_predictions,
    write_statuses,
    write_values,
)

Y = np.array([[0.5, 1.0], [2.0, 3.5]], np.float32)
LABELS = np.array([b"a", b"b"], np.object_)


@pytest.mark.parametrize(
    "outputs, text",
    [
        (
            {"y": Y[:, 0]},
            '{\n    "predictions": [0.5, 2.0\n    ]\n}',
        ),
        (
            {"y": Y},
            '{\n    "predictions": [[0.5, 1.0], [2.0, 3.5]\n    ]\n}',
        ),
        (
            {"y": Y[:1], "z": LABELS[:1]},
            '{\n    "predictions": [\n        {\n            "y": [0.5, 1.0],\n'
            '            "z": "a"\n        }\n    ]\n}',
        ),
        (
            {"y_bytes": LABELS[:1]},
            '{\n    "predictions": [{\n            "b64": "YQ=="\n        }\n    ]\n}',
        ),
        ({"y": Y[:0]}, '{\n    "predictions": []\n}'),
        ({"y": Y[:0], "z": LABELS[:0]}, '{\n    "predictions": []\n}'),
    ],
)
def test_predictions(outputs, text):
    """One output gives values, several give objects, a row is one line."""
    assert write_predictions(outputs) == text


@pytest.mark.parametrize(
    "outputs, told",
    [
        ({}, "Cannot convert empty tensor map to JSON"),
        ({"y": np.float32([1])[0:1].reshape(())}, "y has no shape information"),
        ({"y": Y, "z": LABELS[:1]}, "z has inconsistent batch size: 1 expecting: 2"),
        ({"y": Y.astype(np.float16)}, "tensor type: half"),
    ],
)
def test_no_predictions(outputs, told):
    """Outputs that are no rows are refused."""
    with pytest.raises(ServingError, match=told):
        write_predictions(outputs)


@pytest.mark.parametrize(
    "outputs, text",
    [
        ({"y": np.array(7, np.int32)}, '{\n    "outputs": 7\n}'),
        (
            {"y": Y[0]},
            '{\n    "outputs": [\n        0.5,\n        1.0\n    ]\n}',
        ),
        (
            {"y": np.array(1.0), "z": LABELS},
            '{\n    "outputs": {\n        "y": 1.0,\n        "z": [\n'
            '            "a",\n            "b"\n        ]\n    }\n}',
        ),
        ({"y": Y[:0]}, '{\n    "outputs": []\n}'),
    ],
)
def test_outputs(outputs, text):
    """Columns are whole arrays, one element a line."""
    assert write_outputs(outputs) == text


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", ["y", "y_bytes"])
def test_valid_json(rank, count, name):
    """Whatever the shape, the text is JSON with the array's nesting."""
    array = np.full((2,) * rank, b"x", np.object_)
    outputs = {name: array, "z": array} if count == 2 else {name: array}
    leaf = {"b64": "eA=="} if name == "y_bytes" else "x"
    value = np.full(array.shape, leaf, np.object_).tolist()

    columns = json.loads(write_outputs(outputs))["outputs"]

    assert columns == ({name: value, "z": columns["z"]} if count == 2 else value)
    if rank:
        rows = json.loads(write_predictions(outputs))["predictions"]
        assert ([row[name] for row in rows] if count == 2 else rows) == value


def test_no_outputs():
    """Nothing has no form."""
    with pytest.raises(ServingError, match="empty tensor map"):
        write_outputs({})


def test_classes():
    """An example is a list of pairs; a label may be empty."""
    result = classification_pb2.ClassificationResult()
    first = result.classifications.add().classes
    first.add(label="a", score=0.5)
    first.add(score=2)
    result.classifications.add()

    text = write_classes(result)

    assert text == '{\n    "results": [[["a", 0.5], ["", 2.0]], []\n    ]\n}'


def test_values():
    """An example is a number; all are on one line."""
    result = regression_pb2.RegressionResult()
    for value in (3.5, 4.0):
        result.regressions.add(value=value)

    assert write_values(result) == '{\n    "results": [3.5, 4.0]\n}'


def test_no_results():
    """Without examples there is no answer."""
    with pytest.raises(ServingError, match="empty ClassificationResults"):
        write_classes(classification_pb2.ClassificationResult())
    with pytest.raises(ServingError, match="empty RegressionResults"):
        write_values(regression_pb2.RegressionResult())


def test_statuses():
    """A status is proto3 JSON with every field, int64 as text."""
    response = get_model_status_pb2.GetModelStatusResponse()
    entry = response.model_version_status.add(version=123, state=30)
    entry.status.error_code = 0

    assert write_statuses(response) == (
        '{\n "model_version_status": [\n  {\n   "version": "123",\n'
        '   "state": "AVAILABLE",\n   "status": {\n    "error_code": "OK",\n'
        '    "error_message": ""\n   }\n  }\n ]\n}\n'
    )


def test_metadata():
    """Metadata is the request's spec and every signature, with every field."""
    spec = model_pb2.ModelSpec(name="m")
    spec.version.value = 123
    definition = meta_graph_pb2.SignatureDef(method_name="p")
    definition.inputs["x"].dtype = 1
    definition.inputs["x"].name = "x:0"
    definition.inputs["x"].tensor_shape.dim.add(size=-1)
    definition.outputs["y"].dtype = 7
    definition.outputs["y"].tensor_shape.unknown_rank = True

    document = json.loads(write_metadata(spec, {"s": definition}))

    side = {"size": "-1", "name": ""}
    x = {
        "dtype": "DT_FLOAT",
        "name": "x:0",
        "tensor_shape": {"dim": [side], "unknown_rank": False},
    }
    y = {"dtype": "DT_STRING", "tensor_shape": {"dim": [], "unknown_rank": True}}
    assert document["model_spec"] == {
        "name": "m",
        "signature_name": "",
        "version": "123",
    }
    assert document["metadata"]["signature_def"]["signature_def"] == {
        "s": {
            "inputs": {"x": x},
            "outputs": {"y": y},
            "method_name": "p",
            "defaults": {},
        }
    }


def test_errors():
    """An error is an object with its message; no message is no body."""
    assert write_error('a "b"\n') == '{\n    "error": "a \\"b\\"\\n"\n}'
    assert write_error("") == ""
