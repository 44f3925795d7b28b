"""Predict over HTTP: rows, columns and dtypes; answers are worked out by hand."""

from __future__ import annotations

import math

import pytest

from tests.integration.example_models import write_signatures
from tests.integration.rest_models import build_shapes
from tests.integration.rest_requests import post, send


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    """One server with the signatures of build_shapes, version 3; runs end in 0.3 s."""
    base_path = tmp_path_factory.mktemp("models") / "shapes"
    write_signatures(base_path / "3", build_shapes)
    return start_model_server(base_path, name="shapes", rest_api_timeout_in_ms=300)


def predict(server, signature, **body):
    """The answer to one predict call."""
    return post(server, "shapes:predict", {"signature_name": signature, **body})


@pytest.mark.parametrize(
    "dtype, values",
    [
        ("float", [0.5, -1.0, 3e38]),
        ("double", [0.1, 1e300]),
        ("int8", [-128, 127]),
        ("uint8", [0, 255]),
        ("int16", [-32768, 32767]),
        ("int32", [-(2**31), 2**31 - 1]),
        ("uint32", [0, 2**32 - 1]),
        ("int64", [-(2**63), 2**63 - 1]),
        ("uint64", [0, 2**64 - 1]),
        ("bool", [True, False]),
        ("string", ["é", "", 'a"\\\n\u0000']),
    ],
)
def test_dtypes(server, dtype, values):
    """Every dtype that JSON can tell comes back as it went, as rows and as columns."""
    rows = predict(server, dtype, instances=values)
    nested = predict(server, dtype, instances=[[value, value] for value in values])
    columns = predict(server, dtype, inputs=values)
    scalar = predict(server, dtype, inputs={"x": values[0]})

    assert rows.json == {"predictions": values}
    assert nested.json == {"predictions": [[value, value] for value in values]}
    assert columns.json == {"outputs": values}
    assert scalar.json == {"outputs": values[0]}
    assert {type(value) for value in rows.json["predictions"]} == {type(values[0])}


@pytest.mark.parametrize("dtype", ["half", "bfloat16", "uint16", "complex64"])
def test_other_dtypes(server, dtype):
    """A dtype that JSON cannot tell is 501 as a column, 400 as a row."""
    columns = predict(server, dtype, inputs=[1.5])
    rows = predict(server, dtype, instances=[1.5])

    message = f"Conversion of JSON Value: 1.5 to type: {dtype}"
    assert (columns.status, columns.json) == (501, {"error": message})
    assert rows.status == 400
    assert message in rows.json["error"]


@pytest.mark.parametrize("form", ["instances", "inputs"])
def test_other_outputs(server, form):
    """So is an output, after the run."""
    answer = predict(server, "to_half", **{form: [1.5]})

    assert answer.status == 400
    assert answer.json == {"error": "Failed to write JSON value for tensor type: half"}


def test_not_finite(server):
    """NaN and infinities go in and out bare; a float too big is infinite."""
    body = '{"instances": [NaN, Infinity, -Infinity, 1e39]} and text behind it'

    answer = send(server, "POST", "/v1/models/shapes:predict", body)

    assert answer.text == (
        '{\n    "predictions": [NaN, Infinity, -Infinity, Infinity\n    ]\n}'
    )
    assert math.isnan(answer.json["predictions"][0])


def test_several_tensors(server):
    """Several inputs and outputs are objects by name."""
    rows = [
        {"left": "a", "right": {"b64": "eA=="}, "number": 1},
        {"number": 2, "right": "", "left": "b"},
    ]
    columns = {"left": ["a"], "right": ["b"], "number": [4], "more": "ignored"}

    by_rows = predict(server, "join", instances=rows)
    by_columns = predict(server, "join", inputs=columns)

    assert by_rows.json == {
        "predictions": [{"text": "ax", "total": 2}, {"text": "b", "total": 3}]
    }
    assert by_columns.json == {"outputs": {"text": ["ab"], "total": [5]}}


def test_bytes(server):
    """Bytes go in as base64; out they do where the name says so."""
    answer = predict(server, "raw", instances=[{"b64": "w6k="}, "x"])

    assert answer.json == {
        "predictions": [
            {"image_bytes": {"b64": "w6k="}, "text": "é"},
            {"image_bytes": {"b64": "eA=="}, "text": "x"},
        ]
    }


@pytest.mark.parametrize(
    "signature, body, told",
    [
        ("scalar", {"instances": [1]}, "Tensor name: y has no shape information"),
        ("uneven", {"instances": [1]}, "z has inconsistent batch size: 2 expecting: 1"),
        ("join", {"instances": [1]}, "instances is a plain list"),
        ("join", {"instances": [{"left": "a"}]}, "must be equal to: left,number,right"),
        ("join", {"inputs": {"left": ["a"]}}, "Missing named input: number"),
        ("float", {"instances": []}, "No values in 'instances' array"),
        ("float", {"instances": [1], "inputs": 1}, "expecting only one of"),
        ("float", {}, "Missing 'inputs' or 'instances' key"),
        ("float", {"inputs": ["1"]}, "is not of expected type: float"),
        ("float", {"inputs": [[1], [2, 3]]}, "unexpected size: 2"),
        ("nope", {"inputs": 1}, 'Serving signature name: "nope" not found in'),
        (7, {"inputs": 1}, "'signature_name' key must be a string value"),
    ],
)
def test_refused(server, signature, body, told):
    """What does not fit is a 400 that says why."""
    answer = predict(server, signature, **body)

    assert answer.status == 400
    assert told in answer.json["error"]


def test_columns_need_no_batch(server):
    """Columns may be scalars or of different sizes."""
    assert predict(server, "scalar", inputs=[3]).json == {"outputs": 1.0}
    assert predict(server, "uneven", inputs=[3]).json == {
        "outputs": {"y": [3.0], "z": [3.0, 3.0]}
    }


@pytest.mark.parametrize(
    "path, status, told",
    [
        ("nobody:predict", 404, "Servable not found for request: Latest(nobody)"),
        ("shapes/versions/4:predict", 404, "for request: Specific(shapes, 4)"),
        ("shapes/labels/new:predict", 400, "Unrecognized servable version label: new"),
    ],
)
def test_order_of_checks(server, path, status, told):
    """The document is parsed before the model is looked for, its keys after."""
    parsed = send(server, "POST", f"/v1/models/{path}", '{"signature_name": ')
    named = post(server, path, {"signature_name": 1})
    keyed = post(server, path, {"signature_name": "nope"})

    assert "JSON Parse error" in parsed.json["error"]
    assert "must be a string" in named.json["error"]
    assert (keyed.status, told in keyed.json["error"]) == (status, True)


def test_versions(server):
    """A version may be named, with zeros in front as well."""
    for version in ("3", "00003"):
        answer = post(server, f"shapes/versions/{version}:predict", {"inputs": 1})
        assert answer.json == {"outputs": 1.0}


def test_time_limit(server):
    """A run that takes longer than the flag says is a 504."""
    short = predict(server, "loop", inputs=3)
    endless = predict(server, "loop", inputs=2**62)

    assert short.json == {"outputs": 3}
    assert endless.status == 504
    assert endless.json["error"]
