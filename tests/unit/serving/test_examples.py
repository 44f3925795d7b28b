"""From Input messages to the bytes that a graph parses."""

from __future__ import annotations

import numpy as np
import pytest
from grpc import StatusCode
from tensorflow_serving.apis import input_pb2

from serving.errors import ServingError
from serving.examples import check_kind, read_examples, write_shape

# Example { features { feature { key: "a" value { int64_list { value: N } } } } }:
# each level is its field's key byte and its length.
A_IS_1 = bytes.fromhex("0a0c 0a0a 0a01 61 1205 1a03 0a01 01")
A_IS_2 = bytes.fromhex("0a0c 0a0a 0a01 61 1205 1a03 0a01 02")


def rows_of(kind, *examples, context=b""):
    """The rows of an Input of that kind, parsed from bytes as a request is."""
    message = input_pb2.Input()
    part = getattr(message, kind)
    for example in examples:
        part.examples.add().ParseFromString(example)
    if context:
        part.context.ParseFromString(context)
    if not examples:
        part.SetInParent()
    return read_examples(message)


def test_list():
    """Examples without context are their own bytes, in order."""
    rows = rows_of("example_list", A_IS_1, A_IS_2, b"")

    assert rows.dtype == np.object_
    assert rows.tolist() == [A_IS_1, A_IS_2, b""]


def test_context():
    """The context's bytes come first, so that an example's own win."""
    rows = rows_of("example_list_with_context", A_IS_2, b"", context=A_IS_1)

    assert rows.tolist() == [A_IS_1 + A_IS_2, A_IS_1]


@pytest.mark.parametrize(
    "kind, context",
    [
        ("example_list", b""),
        ("example_list_with_context", b""),
        ("example_list_with_context", A_IS_1),
    ],
)
def test_none(kind, context):
    """No examples are INVALID_ARGUMENT, whatever they would share."""
    with pytest.raises(ServingError) as caught:
        rows_of(kind, context=context)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == "Input is empty."


def test_unset():
    """An Input of no kind is empty, too."""
    with pytest.raises(ServingError):
        read_examples(input_pb2.Input())


def test_wrong_dtype():
    """Both dtypes are told by their names in the protocol."""
    with pytest.raises(ServingError) as caught:
        check_kind(np.zeros(1), "scores", np.float32)

    assert caught.value.message == "Expected scores Tensor of DT_FLOAT. Got: DT_DOUBLE"


@pytest.mark.parametrize("shape, text", [((), "[]"), ((2,), "[2]"), ((2, 3), "[2,3]")])
def test_shapes(shape, text):
    """Shapes are written as TensorFlow writes them."""
    assert write_shape(np.zeros(shape)) == text
