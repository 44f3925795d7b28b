"""What a signature refuses before the graph sees it, and in which words."""

from __future__ import annotations

import numpy as np
import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.signatures import Signature, TensorSpec
from serving.tensors import find_element_type

FLOAT, UINT8 = find_element_type(1), find_element_type(4)


def signature(is_strict=False, defaults=(), **inputs):
    """A signature with the given inputs and the outputs y and z."""
    outputs = {name: TensorSpec(f"{name}:0", FLOAT, (-1,)) for name in ("y", "z")}
    values = dict.fromkeys(defaults)
    return Signature("s", inputs, outputs, is_strict, defaults=values)


IMAGES = TensorSpec("images:0", UINT8, (-1, 8, 10, 3))
MATRIX = TensorSpec("x:0", FLOAT, (-1, 1))
OTHER = TensorSpec("w:0", FLOAT, (-1, 1))


@pytest.mark.parametrize(
    "sent, message",
    [
        (
            ["a"],
            "input size does not match signature: 1!=2 len({a}) != len({a,b}). "
            "Sent extra: {}. Missing but required: {b}.",
        ),
        (
            ["a", "b", "c"],
            "input size does not match signature: 3!=2 len({a,b,c}) != len({a,b}). "
            "Sent extra: {c}. Missing but required: {}.",
        ),
        (
            ["a", "z"],
            "Signature input alias: b(feed name: x:0) not found in request and no "
            "default value provided. Inputs expected to be in the request {a,z}, or "
            "default input alias set: .",
        ),
    ],
)
def test_names(sent, message):
    """Missing and unknown inputs are told with what was expected."""
    with pytest.raises(ServingError) as caught:
        signature(a=MATRIX, b=MATRIX).check_names(sent)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == message


@pytest.mark.parametrize(
    "sent, message",
    [
        (
            ["a", "b", "c"],
            "input size does not match signature: 3!=2 len({a,b,c}) != len({a,b}). "
            "Sent extra: {c}. Missing but required: {}.",
        ),
        (
            ["b"],
            "Signature input alias: a(feed name: x:0) not found in request and no "
            "default value provided. Inputs expected to be in the request {b}, or "
            "default input alias set: b.",
        ),
        (
            ["a", "z"],
            "Inputs contains invalid name. Used request inputs: a, request input: a,z",
        ),
    ],
)
def test_names_with_default(sent, message):
    """An input with a default excuses its own absence and nothing else."""
    with pytest.raises(ServingError) as caught:
        signature(a=MATRIX, b=MATRIX, defaults=["b"]).check_names(sent)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == message


@pytest.mark.parametrize("sent", [["a"], ["a", "b"]])
def test_default(sent):
    """An input with a default may be left out or sent."""
    signature(a=MATRIX, b=MATRIX, defaults=["b"]).check_names(sent)


def test_right_names():
    """Exactly the inputs, in any order; a signature without inputs takes none."""
    signature(a=MATRIX, b=MATRIX).check_names(["b", "a"])
    signature().check_names([])


def test_outputs():
    """No filter is all outputs, a filter keeps its order."""
    both = signature()

    assert both.select_outputs([]) == ("y", "z")
    assert both.select_outputs(["z", "y"]) == ("z", "y")


@pytest.mark.parametrize(
    "wanted, message",
    [
        (
            ["q"],
            "output tensor alias not found in signature: q Outputs expected to be in "
            "the set {y,z}.",
        ),
        (["y", "y"], "duplicate output tensor alias: y"),
    ],
)
def test_wrong_outputs(wanted, message):
    """Unknown and repeated outputs are INVALID_ARGUMENT."""
    with pytest.raises(ServingError) as caught:
        signature().select_outputs(wanted)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == message


def test_tensor_twice():
    """A signature that feeds one tensor twice can only be refused."""
    same = {"a": TensorSpec("t:0", FLOAT, (-1,)), "b": TensorSpec("t:0", FLOAT, (-1,))}
    values = np.zeros(1, np.float32)

    with pytest.raises(ServingError) as caught:
        signature(**same).check_inputs({"a": values, "b": values})

    assert caught.value.code is StatusCode.INVALID_ARGUMENT


def test_wrong_dtype():
    """The message has TensorFlow's dtype names and the input's place."""
    inputs = {"a": np.zeros((1, 1), np.float32), "b": np.zeros((1, 1))}

    with pytest.raises(ServingError) as caught:
        signature(a=MATRIX, b=OTHER).check_inputs(inputs)

    assert caught.value.message == "Expects arg[1] to be float but double is provided"


@pytest.mark.parametrize(
    "is_strict, spec, shape",
    [
        (False, IMAGES, (8, 10, 3)),
        (False, IMAGES, ()),
        (False, IMAGES, (1, 1, 8, 10, 3)),
        (True, MATRIX, (1,)),
        (True, MATRIX, (1, 1, 1)),
    ],
)
def test_wrong_rank(is_strict, spec, shape):
    """Images of another rank never reach the graph, nor anything where it could end
    the process."""
    array = np.zeros(shape, spec.kind.dtype)

    with pytest.raises(ServingError) as caught:
        signature(is_strict, a=spec).check_inputs({"a": array})

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert f"received rank {len(shape)}" in caught.value.message


@pytest.mark.parametrize(
    "is_strict, spec, shape",
    [
        (False, IMAGES, (1, 8, 10, 3)),
        (False, IMAGES, (2, 99, 99, 1)),
        (False, MATRIX, (3,)),
        (False, MATRIX, ()),
        (True, TensorSpec("x:0", FLOAT, None), (3, 1, 1)),
    ],
)
def test_left_to_graph(is_strict, spec, shape):
    """Sizes, and the rank of vectors and matrices, are the graph's own business."""
    array = np.zeros(shape, spec.kind.dtype)

    signature(is_strict, a=spec).check_inputs({"a": array})
