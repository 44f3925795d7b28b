"""POST /v2/models/M/infer: which outputs come, as numbers, texts or bytes."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from tests.unit.gateway.inferring import (
    INFER,
    json_pictures,
    json_pixels,
    refusal,
)

# Channel means of 255, 51 and 0 are scores of 1, 0.2 and 0.
ORANGE = np.full((1, 8, 10, 3), (255, 51, 0), np.uint8)


def test_chosen_outputs(web, red):
    """Only the outputs asked for come, in the order asked."""
    outputs = [{"name": "label"}, {"name": "scores"}]
    both = web.post(INFER, json=json_pictures(red, outputs=outputs)).json
    one = web.post(INFER, json=json_pictures(red, outputs=outputs[:1])).json

    assert [output["name"] for output in both["outputs"]] == ["label", "scores"]
    assert [output["name"] for output in one["outputs"]] == ["label"]


def read_binary(reply):
    """The JSON of a binary reply and the bytes of each output behind it."""
    length = int(reply.headers["Inference-Header-Content-Length"])
    document, rest = json.loads(reply.data[:length]), reply.data[length:]
    parts = {}
    for output in document["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size", 0)
        parts[output["name"]], rest = rest[:size], rest[size:]
    assert rest == b""
    return document, parts


def test_binary_outputs(web, red):
    """All outputs as bytes: little-endian float32, and texts behind their lengths."""
    request = json_pictures(red, parameters={"binary_data_output": True})

    reply = web.post(INFER, json=request)

    document, parts = read_binary(reply)
    assert reply.mimetype == "application/octet-stream"
    assert parts["scores"] == struct.pack("<3f", 1, 0, 0)
    assert parts["label"] == b"\x03\x00\x00\x00red"
    assert all("data" not in output for output in document["outputs"])


def test_one_binary_output(web, red):
    """What an output says of itself counts before what the request says of all."""
    request = json_pictures(
        red,
        parameters={"binary_data_output": True},
        outputs=[
            {"name": "scores", "parameters": {"binary_data": False}},
            {"name": "label"},
        ],
    )

    document, parts = read_binary(web.post(INFER, json=request))

    assert document["outputs"][0]["data"] == [1.0, 0.0, 0.0]
    assert parts == {"scores": b"", "label": b"\x03\x00\x00\x00red"}


@pytest.mark.parametrize(
    "classes, expected",
    [
        (1, ["1.000000:0:red"]),
        (2, ["1.000000:0:red", "0.200000:1:green"]),
        (9, ["1.000000:0:red", "0.200000:1:green", "0.000000:2:blue"]),
    ],
)
def test_classification(web, classes, expected):
    """The best classes as value:index:label, no more than there are."""
    wanted = {"name": "scores", "parameters": {"classification": classes}}

    reply = web.post(INFER, json={**json_pixels(ORANGE), "outputs": [wanted]}).json

    assert reply["outputs"] == [
        {
            "name": "scores",
            "datatype": "BYTES",
            "shape": [1, len(expected)],
            "data": expected,
        }
    ]


@pytest.mark.parametrize(
    "output, message",
    [
        ({"name": "probabilities"}, "'scores' or 'label'"),
        ({}, "text as 'name'"),
        ("scores", "an object as output"),
        ({"name": "scores", "parameters": []}, "an object as 'parameters'"),
        ({"name": "scores", "parameters": {"binary_data": 1}}, "true or false"),
        ({"name": "scores", "parameters": {"classification": 0}}, "from 1"),
        ({"name": "scores", "parameters": {"classification": True}}, "whole number"),
        ({"name": "label", "parameters": {"classification": 1}}, "'label'"),
        ({"name": "scores", "parameters": {"shared_memory_region": "a"}}, "shared"),
    ],
)
def test_bad_outputs(web, red, output, message):
    """An output that is not there, or asked for wrongly, is a sentence."""
    status, error = refusal(web.post(INFER, json=json_pictures(red, outputs=[output])))

    assert status == 400 and message in error


def test_output_twice(web, red):
    """The same output twice is refused: a reply could not tell them apart."""
    request = json_pictures(red, outputs=[{"name": "label"}, {"name": "label"}])

    assert "once" in refusal(web.post(INFER, json=request))[1]
