"""Classify and regress bodies as tf.Example messages."""

from __future__ import annotations

import math

import pytest
from grpc import StatusCode
from tensorflow_serving.apis import input_pb2

from serving.errors import ServingError
from serving.json_examples import fill_input


def fill(document):
    """The Input message of a body."""
    message = input_pb2.Input()
    fill_input(message, document)
    return message


@pytest.mark.parametrize(
    "value, field, values",
    [
        (1, "int64_list", [1]),
        ([1, -2], "int64_list", [1, -2]),
        (-(2**63), "int64_list", [-(2**63)]),
        (True, "int64_list", [1]),
        ([True, 5, False], "int64_list", [1, 5, 0]),
        (1.5, "float_list", [1.5]),
        ([1.0, 2.5], "float_list", [1.0, 2.5]),
        ([1e39, -math.inf], "float_list", [math.inf, -math.inf]),
        ("é", "bytes_list", ["é".encode()]),
        (["a", {"b64": "/w=="}], "bytes_list", [b"a", b"\xff"]),
        ({"b64": "eA=="}, "bytes_list", [b"x"]),
    ],
)
def test_features(value, field, values):
    """A value or a list of one kind fills the list of that kind."""
    message = fill({"examples": [{"f": value}]})

    feature = message.example_list.examples[0].features.feature["f"]
    assert feature.WhichOneof("kind") == field
    assert list(getattr(feature, field).value) == values


def test_examples():
    """Every object is an example; an empty list is a feature without a kind."""
    message = fill({"examples": [{"a": 1, "b": []}, {}]})

    first, second = message.example_list.examples
    assert set(first.features.feature) == {"a", "b"}
    assert first.features.feature["b"].WhichOneof("kind") is None
    assert not second.features.feature


@pytest.mark.parametrize("context", [{}, {"c": "x"}])
def test_context(context):
    """With a context, also an empty one, the message is the one with a context."""
    message = fill({"context": context, "examples": [{"a": 1}]})

    assert message.WhichOneof("kind") == "example_list_with_context"
    listed = message.example_list_with_context
    assert set(listed.context.features.feature) == set(context)
    assert len(listed.examples) == 1


@pytest.mark.parametrize(
    "document, told",
    [
        ({}, "When method is classify, key 'examples' is expected and was not found"),
        ({"examples": {}}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"context": [], "examples": [{}]}, "must be JSON object but got JSON Array"),
        ({"examples": [{"f": None}]}, "Feature: f has element with unexpected JSON "),
        ({"examples": [{"f": [[1]]}]}, "unexpected JSON type: Array"),
        ({"examples": [{"f": {"a": 1}}]}, "unexpected JSON type: Object"),
        ({"examples": [{"f": [1, 2.5]}]}, "in feature: f expecting type: int64"),
        ({"examples": [{"f": [2.5, 1]}]}, "in feature: f expecting type: float"),
        ({"examples": [{"f": ["a", 1]}]}, "in feature: f expecting type: bytes"),
        ({"examples": [{"f": 2**63}]}, "Feature: f has uint64 element."),
        ({"examples": [{"f": {"b64": "?"}}]}, "Unable to base64 decode"),
    ],
)
def test_refused(document, told):
    """What no example can hold is INVALID_ARGUMENT and says where."""
    with pytest.raises(ServingError) as refusal:
        fill(document)

    assert refusal.value.code is StatusCode.INVALID_ARGUMENT
    assert told in refusal.value.message
