"""Values as JSON text: numbers, strings, layout; expected texts are written by hand."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import ServingError
from serving.json_writer import (
    encode_text,
    write_floats,
    write_leaves,
    write_lists,
    write_string,
)


@pytest.mark.parametrize(
    "dtype, value, text",
    [
        (np.float32, 0.2, "0.2"),
        (np.float32, 1.0, "1.0"),
        (np.float32, -3.0, "-3.0"),
        (np.float32, 0.0, "0.0"),
        (np.float32, -0.0, "-0.0"),
        (np.float32, 123456.0, "123456.0"),
        (np.float32, 1234567.0, "1234567.0"),
        (np.float32, 9000000.0, "9e+06"),
        (np.float32, 0.00003, "3e-05"),
        (np.float32, 1 / 3, "0.333333343"),
        (np.float32, 16777217.0, "16777216.0"),
        (np.float32, 1e20, "1e+20"),
        (np.float32, 3.4028234663852886e38, "3.40282347e+38"),
        (np.float32, math.nan, "NaN"),
        (np.float32, math.inf, "Infinity"),
        (np.float32, -math.inf, "-Infinity"),
        (np.float64, 0.1, "0.1"),
        (np.float64, 0.25, "0.25"),
        (np.float64, 1 / 3, "0.33333333333333331"),
        (np.float64, 1e300, "1e+300"),
        (np.float64, 2.0**53, "9007199254740992.0"),
        (np.float64, 1.7976931348623157e308, "1.7976931348623157e+308"),
    ],
)
def test_floats(dtype, value, text):
    """Six digits where they are enough, else all; whole numbers keep a point."""
    assert write_floats(np.array([value], dtype)) == [text]


@given(bits=st.integers(0, 2**32 - 1))
def test_floats_round_trip(bits):
    """Whoever reads the text as float32 gets the very number back."""
    value = np.frombuffer(struct.pack("<I", bits), np.float32)

    (text,) = write_floats(value)

    assert np.array_equal(np.float32(json.loads(text)), value[0], equal_nan=True)


@pytest.mark.parametrize(
    "name, array, texts",
    [
        ("y", np.array([-128, 127], np.int8), ["-128", "127"]),
        ("y", np.array([255], np.uint8), ["255"]),
        ("y", np.array([-5], np.int16), ["-5"]),
        ("y", np.array([[1], [2]], np.int32), ["1", "2"]),
        ("y", np.array([4294967295], np.uint32), ["4294967295"]),
        ("y", np.array([-(2**63)], np.int64), ["-9223372036854775808"]),
        ("y", np.array([2**64 - 1], np.uint64), ["18446744073709551615"]),
        ("y", np.array([True, False]), ["true", "false"]),
        ("y", np.array([b"a", b'"\\/'], np.object_), ['"a"', '"\\"\\\\/"']),
        ("y", np.array([], np.float16), []),
        (
            "y_bytes",
            np.array([b"\xff"], np.object_),
            ['{\n        "b64": "/w=="\n    }'],
        ),
        ("y_bytes", np.array([1], np.int32), ["1"]),
    ],
)
def test_leaves(name, array, texts):
    """Each dtype has its form; only strings care how the name ends."""
    assert write_leaves(name, array, 1) == texts


@pytest.mark.parametrize("dtype", [np.float16, np.uint16, np.complex64])
def test_untellable(dtype):
    """Dtypes that the JSON form leaves out are refused by name."""
    with pytest.raises(ServingError, match="write JSON value for tensor type: "):
        write_leaves("y", np.array([1], dtype), 0)


@pytest.mark.parametrize(
    "value", [b"\xff\xfe", "é".encode(), b'\x00\x1f\n\t"\\', b"\xc3(", b""]
)
def test_strings(value):
    """A model's string is sent byte for byte, only what JSON forbids is escaped."""
    sent = encode_text(write_string(value))

    assert json.loads(sent.decode(errors="surrogateescape"), strict=True) == (
        value.decode(errors="surrogateescape")
    )


@pytest.mark.parametrize(
    "shape, is_one_line, texts",
    [
        ((), True, ["0"]),
        ((2,), True, ["0", "1"]),
        ((2, 2), True, ["[0, 1]", "[2, 3]"]),
        ((1, 2, 1), True, ["[[0], [1]]"]),
        ((2, 0), True, ["[]", "[]"]),
        ((0, 2), True, []),
        ((1, 0, 2), True, ["[]"]),
        ((1, 2), False, ["[\n        0,\n        1\n    ]"]),
        ((1, 1, 1), False, ["[\n        [\n            0\n        ]\n    ]"]),
    ],
)
def test_lists(shape, is_one_line, texts):
    """Every element of the first dimension is nested lists of the rest."""
    array = np.arange(math.prod(shape), dtype=np.int32).reshape(shape)

    assert write_lists("y", array, 1, is_one_line) == texts
