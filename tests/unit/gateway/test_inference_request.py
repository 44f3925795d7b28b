"""The JSON of a request: what is none, what is of another kind, how much is read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gateway.app import create_app
from gateway.settings import Settings
from tests.tiny_model import tiny_contract
from tests.unit.gateway.inferring import (
    INFER,
    json_pictures,
    json_pixels,
    outputs_of,
    refusal,
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b'{"inputs": [NaN',
        b"[" * 100_000,
        b'{"a":' * 9_000,
        b'{"inputs": ' + b"9" * 5_000 + b"}",
    ],
)
def test_no_json(web, body):
    """What is not JSON, however deep it goes, is a sentence."""
    status, error = refusal(web.post(INFER, data=body))

    assert (status, error) == (
        400,
        f"expected {len(body)} bytes of valid JSON, received something else",
    )


@pytest.mark.parametrize("document", [[], "text", 1, None, True])
def test_no_object(web, document):
    """JSON that is no object says what it is."""
    reply = web.post(INFER, data=json.dumps(document))

    assert "expected an object as the request" in refusal(reply)[1]


@pytest.mark.parametrize(
    "fields, message",
    [
        ({}, "a list as 'inputs', received nothing"),
        ({"inputs": {}}, "a list as 'inputs', received an object"),
        ({"inputs": [1]}, "an object as input"),
        ({"inputs": [{}]}, "text as 'name', received nothing"),
        ({"inputs": [{"name": 1}]}, "text as 'name', received a number"),
        ({"inputs": [{}], "parameters": 1}, "an object as 'parameters'"),
        ({"inputs": [{}], "parameters": {"binary_data_output": 1}}, "true or false"),
        ({"inputs": [{}], "outputs": {}}, "a list as 'outputs'"),
        ({"inputs": [{}], "id": 1}, "text as 'id'"),
        ({"inputs": [{}], "id": None}, "text as 'id', received null"),
    ],
)
def test_bad_fields(web, fields, message):
    """A field of another kind is named, with what came instead."""
    status, error = refusal(web.post(INFER, json=fields))

    assert status == 400 and message in error


@pytest.mark.parametrize("timeout", [0, -1, 2**64, 1.5, "1", True, None])
def test_bad_timeout(web, red, timeout):
    """A time to wait that is none, or before now, is refused."""
    request = json_pictures(red, parameters={"timeout": timeout})

    status, error = refusal(web.post(INFER, json=request))

    assert status == 400 and "'timeout'" in error


@pytest.mark.parametrize("timeout", [10_000_000, 2**64 - 1])
def test_timeout(web, red, timeout):
    """A time to wait that is long enough changes nothing."""
    request = json_pictures(red, parameters={"timeout": timeout})

    assert outputs_of(web.post(INFER, json=request))["label"] == ["red"]


@pytest.mark.parametrize(
    "mark, count, name",
    [
        ("[],", 200_001, "lists"),
        ("{},", 10_001, "objects"),
        ('"",', 10_001, "quotation marks"),
        ("0,", 2_000_001, "commas"),
    ],
)
def test_most_values(web, mark, count, name):
    """JSON that would take a multiple of its size in memory is not parsed."""
    body = '{"inputs": [' + mark * count + "0]}"

    status, error = refusal(web.post(INFER, data=body))

    assert status == 400 and name in error and "binary" in error


def test_many_pixels(client):
    """Thirteen pictures of 224 x 224 fit into JSON."""
    client.versions[1] = tiny_contract(size=(224, 224))
    web = create_app(Settings(models=("tiny",)), client).test_client()
    batch = np.full((13, 224, 224, 3), 51, np.uint8)

    reply = web.post(INFER, json=json_pixels(batch))

    assert outputs_of(reply)["scores"] == [0.2] * 39
