"""Predict bodies as arrays: rows, columns, and what each refuses."""

from __future__ import annotations

import numpy as np
import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import ServingError
from serving.json_predict import (
    read_predict_inputs,
    read_row_by_row,
    read_signature_name,
)
from serving.signatures import TensorSpec
from serving.tensors import find_element_type

FLOAT, INT32, STRING, INT64, HALF = map(find_element_type, (1, 3, 7, 9, 19))
ONE = {"x": TensorSpec("x:0", FLOAT, None)}
TEXT = {"t": TensorSpec("t:0", STRING, None)}
HALVES = {"h": TensorSpec("h:0", HALF, None)}
TWO = {"a": TensorSpec("a:0", INT32, None), "b": TensorSpec("b:0", STRING, None)}


def read(document, specs):
    """The arrays as lists by name."""
    sent = read_predict_inputs(document, specs)
    for name, array in sent.arrays.items():
        assert array.dtype == specs[name].kind.dtype
    return {name: array.tolist() for name, array in sent.arrays.items()}


@pytest.mark.parametrize(
    "rows, specs, expected",
    [
        ([1, 2.5], ONE, {"x": [1.0, 2.5]}),
        ([[1], [2]], ONE, {"x": [[1.0], [2.0]]}),
        ([[[1, 2]], [[3, 4]]], ONE, {"x": [[[1.0, 2.0]], [[3.0, 4.0]]]}),
        ([{"x": 1}, {"x": 2}], ONE, {"x": [1.0, 2.0]}),
        ([[], []], ONE, {"x": [[], []]}),
        (["a", {"b64": "eA=="}], TEXT, {"t": [b"a", b"x"]}),
        ([{"b64": "eA=="}, "a"], TEXT, {"t": [b"x", b"a"]}),
        ([{"t": {"b64": "eA=="}}], TEXT, {"t": [b"x"]}),
        ([[{"b64": "eA=="}, "a"]], TEXT, {"t": [[b"x", b"a"]]}),
        (
            [{"a": 1, "b": ["x"]}, {"b": ["y"], "a": 2}],
            TWO,
            {"a": [1, 2], "b": [[b"x"], [b"y"]]},
        ),
    ],
)
def test_rows(rows, specs, expected):
    """Rows are stacked; an only input may come without its name."""
    sent = read_predict_inputs({"instances": rows}, specs)

    assert sent.has_rows
    assert read({"instances": rows}, specs) == expected


@pytest.mark.parametrize(
    "columns, specs, expected",
    [
        (1, ONE, {"x": 1.0}),
        ([[1], [2]], ONE, {"x": [[1.0], [2.0]]}),
        ({"x": [1], "other": "ignored"}, ONE, {"x": [1.0]}),
        ({"b64": "eA=="}, TEXT, {"t": b"x"}),
        ({"a": 7, "b": ["x", "y"]}, TWO, {"a": 7, "b": [b"x", b"y"]}),
        ({"h": []}, HALVES, {"h": []}),
    ],
)
def test_columns(columns, specs, expected):
    """Columns come whole, each of its own shape; unknown names are ignored."""
    sent = read_predict_inputs({"inputs": columns}, specs)

    assert not sent.has_rows
    assert read({"inputs": columns}, specs) == expected


ROW = "Failed to process element: "


@pytest.mark.parametrize(
    "document, specs, told",
    [
        ({}, ONE, "Missing 'inputs' or 'instances' key"),
        ({"inputs": 1, "instances": [1]}, ONE, "expecting only one of 'inputs' or"),
        ({"instances": 1}, ONE, "Expecting 'instances' to be an list/array"),
        ({"instances": {"x": 1}}, ONE, "Expecting 'instances' to be an list/array"),
        ({"instances": []}, ONE, "No values in 'instances' array"),
        ({"instances": [[1, 2], [1, 2, 3]]}, ONE, ROW + "1 of 'instances' list. "),
        (
            {"instances": [[1, 2], [1, 2, 3]]},
            ONE,
            "INVALID_ARGUMENT: Expecting tensor size: 2 but got: 3",
        ),
        ({"instances": [[1, 2], [[1, 2]]]}, ONE, "shape [2] but got: [1,2]"),
        ({"instances": [1, "a"]}, ONE, ROW + "1 of 'instances' list. Error: INVALID"),
        ({"instances": [1, {"x": 2}]}, ONE, "got object at item 1 of input list"),
        ({"instances": [{"x": 2}, 1]}, ONE, "object but got list at item 1 of input"),
        ({"instances": [{"y": 2}]}, ONE, ROW + "0 key: y of 'instances' list. Error: "),
        ({"instances": [{"y": 2}]}, ONE, "JSON object: does not have named input: y"),
        ({"instances": [{"x": 1}, {}]}, ONE, "keys must be equal to: x"),
        ({"instances": [{"a": 1}]}, TWO, "keys must be equal to: a,b"),
        ({"instances": [{"a": 1.5, "b": ""}]}, TWO, ROW + "0 key: a of "),
        ({"instances": [1]}, TWO, "instances is a plain list, but expecting"),
        ({"instances": [{"b64": "eA=="}]}, TWO, "instances is a plain list"),
        ({"instances": [1.5]}, HALVES, "Error: UNIMPLEMENTED: Conversion of JSON"),
        ({"inputs": [1]}, TWO, "inputs is a plain value/list, but expecting"),
        ({"inputs": {"a": 1}}, TWO, "Missing named input: b in 'inputs' object."),
        ({"inputs": {"y": 1}}, ONE, "Missing named input: x in 'inputs' object."),
        ({"inputs": [[1], 2]}, ONE, "found at incorrect level"),
    ],
)
def test_refused(document, specs, told):
    """A body that does not fit is INVALID_ARGUMENT and says where."""
    with pytest.raises(ServingError) as refusal:
        read_predict_inputs(document, specs)

    assert refusal.value.code is StatusCode.INVALID_ARGUMENT
    assert told in refusal.value.message


def test_untellable_column():
    """A column of a dtype that JSON leaves out is UNIMPLEMENTED; a row is not."""
    with pytest.raises(ServingError) as refusal:
        read_predict_inputs({"inputs": [1.5]}, HALVES)

    assert refusal.value.code is StatusCode.UNIMPLEMENTED


def test_signature_name():
    """The name is a string or absent."""
    assert read_signature_name({"signature_name": "s"}) == "s"
    assert read_signature_name({}) == ""
    for wrong in (1, None, ["s"]):
        with pytest.raises(ServingError, match="key must be a string value"):
            read_signature_name({"signature_name": wrong})


LEAVES = st.integers(-2, 2) | st.floats(width=16) | st.sampled_from(["s", True, None])
NESTED = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2), max_leaves=4)
ROWS = st.lists(
    NESTED | st.fixed_dictionaries({}, optional={"a": NESTED, "b": NESTED}), min_size=1
)


@given(rows=ROWS, count=st.integers(1, 2))
def test_both_ways_agree(rows, count):
    """Whole columns give what row after row gives, arrays and refusals alike."""
    specs = {name: TensorSpec("n:0", FLOAT, None) for name in ("a", "b")[:count]}

    def outcome(convert):
        try:
            arrays = convert()
        except ServingError as error:
            return error.code, error.message
        return {name: (a.shape, repr(a.tolist())) for name, a in arrays.items()}

    assert outcome(
        lambda: read_predict_inputs({"instances": rows}, specs).arrays
    ) == outcome(lambda: read_row_by_row(rows, specs))


def test_many_rows():
    """An image as nested lists keeps every number in its place."""
    image = np.arange(2 * 224 * 224 * 3).reshape(2, 224, 224, 3)

    sent = read_predict_inputs({"instances": image.tolist()}, ONE)

    assert (sent.arrays["x"] == image.astype(np.float32)).all()
