"""JSON values as arrays, dtype by dtype; expected values are worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import ServingError
from serving.json_tensors import convert_leaves, decode_base64, read_json_tensor
from serving.tensors import find_element_type

KINDS = {kind.name: kind for kind in map(find_element_type, range(1, 24)) if kind}


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("float", 1, 1.0),
        ("float", [1, 2.5, -3e2], [1.0, 2.5, -300.0]),
        ("float", [1e39, -1e39], [math.inf, -math.inf]),
        ("float", [16777217], [16777216.0]),
        ("float", [math.inf, -math.inf], [math.inf, -math.inf]),
        ("float", 2**64 - 1, 2.0**64),
        ("double", [0.1, 2**53 + 1], [0.1, 2.0**53]),
        ("int8", [127, -128, 128, 300], [127, -128, -128, 44]),
        ("uint8", [0, 255, 256, 300, -1], [0, 255, 0, 44, 255]),
        ("int16", [32768], [-32768]),
        ("int32", [2147483647, -2147483648], [2147483647, -2147483648]),
        ("uint32", [4294967295, 0], [4294967295, 0]),
        ("int64", [2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]),
        ("uint64", [2**64 - 1, 0], [2**64 - 1, 0]),
        ("bool", [[True], [False]], [[True], [False]]),
        ("string", "é", "é".encode()),
        ("string", ["a", ""], [b"a", b""]),
        ("string", [{"b64": "/w=="}, "b"], [b"\xff", b"b"]),
        ("string", {"b64": "eA"}, b"x"),
        ("float", [], []),
        ("float", [[], []], [[], []]),
        ("string", [[[]]], [[[]]]),
        ("int32", [[[1, 2]], [[3, 4]]], [[[1, 2]], [[3, 4]]]),
    ],
)
def test_values(name, value, expected):
    """A dtype takes its kinds of JSON values; the shape is the nesting."""
    kind = KINDS[name]

    array = read_json_tensor(value, kind)

    wanted = np.array(expected, kind.dtype)
    assert array.dtype == kind.dtype
    assert array.shape == wanted.shape
    assert array.tolist() == wanted.tolist()


def test_not_a_number():
    """NaN stays NaN."""
    assert np.isnan(read_json_tensor([math.nan], KINDS["float"])).all()


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("float", "x", '"x" Type: String'),
        ("float", [1.0, True], "true Type: True"),
        ("float", [None], "null Type: Null"),
        ("float", {"b64": "eA=="}, "Type: Object"),
        ("double", [False], "false Type: False"),
        ("int32", 1.0, "1.0 Type: Number"),
        ("int32", 2147483648, "2147483648 Type: Number"),
        ("int32", [1, True], "true Type: True"),
        ("int8", -2147483649, "-2147483649 Type: Number"),
        ("uint8", 2**40, "1099511627776 Type: Number"),
        ("uint32", -1, "-1 Type: Number"),
        ("uint32", 4294967296, "4294967296 Type: Number"),
        ("int64", 2**63, "9223372036854775808 Type: Number"),
        ("int64", [1, 2.0], "2.0 Type: Number"),
        ("uint64", -1, "-1 Type: Number"),
        ("uint64", "1", '"1" Type: String'),
        ("bool", [True, 1], "1 Type: Number"),
        ("bool", "true", '"true" Type: String'),
        ("string", ["a", 1], "1 Type: Number"),
        ("string", [None], "null Type: Null"),
        ("half", {"a": 1}, "Type: Object"),
    ],
)
def test_wrong_kinds(name, value, told):
    """The first wrong leaf is named with what it is and what it should have been."""
    with pytest.raises(ServingError) as refusal:
        read_json_tensor(value, KINDS[name])

    assert refusal.value.code is StatusCode.INVALID_ARGUMENT
    assert f"{told} is not of expected type: {name}" in refusal.value.message


@pytest.mark.parametrize(
    "value, told",
    [
        ([[1, 2], [3]], "list at unexpected size: 1 at level: 1 expected size: 2"),
        ([[1], [2, 3]], "list at unexpected size: 2 at level: 1 expected size: 1"),
        ([1, [2]], "list at unexpected level: 1 expected < 1"),
        ([[1], 2], "JSON Value: 2 found at incorrect level: 2"),
        ([[], 2], "JSON Value: 2 found at incorrect level: 2"),
        ([[], [1]], "list at unexpected size: 1 at level: 1 expected size: 0"),
    ],
)
def test_ragged(value, told):
    """Lists of different sizes are no tensor."""
    with pytest.raises(ServingError) as refusal:
        read_json_tensor(value, KINDS["float"])

    assert refusal.value.code is StatusCode.INVALID_ARGUMENT
    assert told in refusal.value.message


@pytest.mark.parametrize(
    "name", ["half", "bfloat16", "complex64", "complex128", "uint16"]
)
def test_untellable(name):
    """Dtypes that the JSON form leaves out are UNIMPLEMENTED, as there."""
    with pytest.raises(ServingError) as refusal:
        read_json_tensor([1.5], KINDS[name])

    assert refusal.value.code is StatusCode.UNIMPLEMENTED
    assert refusal.value.message == f"Conversion of JSON Value: 1.5 to type: {name}"


def test_without_array_form():
    """So is a dtype that no array has."""
    with pytest.raises(ServingError) as refusal:
        read_json_tensor([], None)

    assert refusal.value.code is StatusCode.UNIMPLEMENTED


def test_deep():
    """Nesting that no array has is refused, up to what the parser lets through."""
    value = 1.0
    for _ in range(990):
        value = [value]

    with pytest.raises(ServingError) as refusal:
        read_json_tensor(value, KINDS["float"])

    assert refusal.value.code is StatusCode.INVALID_ARGUMENT
    assert "990" in refusal.value.message


def test_deep_elsewhere():
    """Deep nesting beside the first leaf is found as well."""
    value = 1.0
    for _ in range(980):
        value = [value]

    with pytest.raises(ServingError) as refusal:
        read_json_tensor([[1.0], value], KINDS["float"])

    assert "unexpected level: 2" in refusal.value.message


@pytest.mark.parametrize(
    "text, data",
    [
        ("", b""),
        ("eA==", b"x"),
        ("eA", b"x"),
        ("eHk=", b"xy"),
        ("e H\n k", b"xy"),
        ("eHl6", b"xyz"),
        ("+/+/", b"\xfb\xff\xbf"),
    ],
)
def test_base64(text, data):
    """Padding may be left out, blanks are skipped."""
    assert decode_base64({"b64": text}) == data


@pytest.mark.parametrize(
    "text", ["e", "eA=", "eHk==", "eHl6=", "-_-_", "é", "e=A=", "="]
)
def test_bad_base64(text):
    """Another alphabet, wrong padding or half a byte is refused."""
    with pytest.raises(ServingError, match="Unable to base64 decode"):
        decode_base64({"b64": text})


def test_not_base64():
    """An object that is not bytes has no place in a tensor of strings."""
    with pytest.raises(ServingError, match="not formatted correctly for base64 data"):
        read_json_tensor([{"b64": 1}], KINDS["string"])


LEAVES = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.integers(-300, 300),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.just({"b64": "eA=="}),
)
MIXED = st.lists(LEAVES, max_size=6)
OF_ONE_KIND = st.one_of(
    *(
        st.lists(leaf, max_size=6)
        for leaf in (
            st.integers(-(2**31), 2**64 - 1),
            st.integers(-300, 300),
            st.floats() | st.integers(-(2**63), 2**64 - 1),
            st.booleans(),
            st.text(max_size=3),
        )
    )
)


def outcome(convert, *arguments):
    """The dtype and elements, or the code and message of the refusal."""
    try:
        array = convert(*arguments)
    except ServingError as error:
        return error.code, error.message
    # By their text, so that NaN equals NaN and 0.0 differs from -0.0.
    return array.dtype, repr(array.tolist())


@given(leaves=MIXED | OF_ONE_KIND, name=st.sampled_from(sorted(KINDS)))
def test_both_ways_agree(leaves, name):
    """All leaves in one go give what they give one by one."""
    kind = KINDS[name]

    assert outcome(read_json_tensor, leaves, kind) == outcome(
        convert_leaves, leaves, kind
    )
