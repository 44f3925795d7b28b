"""TensorProto to array and back: Tensor::FromProto's rules, worked out by hand."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from grpc import StatusCode

from gateway.wire import TensorProto
from serving.errors import ServingError
from serving.tensors import fill_tensor, read_tensor

# Enum numbers of types.proto.
FLOAT, INT32, UINT8, STRING, COMPLEX64, BOOL, BFLOAT16, HALF = 1, 3, 4, 7, 8, 10, 14, 19


def proto(dtype, shape, **fields):
    """A TensorProto with the given shape and value fields."""
    message = TensorProto(dtype=dtype, **fields)
    for side in shape:
        message.tensor_shape.dim.add().size = side
    return message


@pytest.mark.parametrize(
    "message, expected",
    [
        (proto(FLOAT, [3], float_val=[1, 2, 3]), [1, 2, 3]),
        (proto(FLOAT, [4], float_val=[1, 2]), [1, 2, 2, 2]),
        (proto(FLOAT, [2, 2], float_val=[7]), [[7, 7], [7, 7]]),
        (proto(FLOAT, [2]), [0, 0]),
        (proto(FLOAT, [2], float_val=[1, 2, 3]), [1, 2]),
        (proto(FLOAT, [], float_val=[5]), 5),
        (proto(FLOAT, []), 0),
        (proto(FLOAT, [0], float_val=[1]), []),
        (proto(FLOAT, [0, 3]), []),
        (proto(UINT8, [2], int_val=[255, 256]), [255, 0]),
        (proto(BOOL, [3], bool_val=[True, False]), [True, False, False]),
        (proto(STRING, [3], string_val=[b"a", b"bc"]), [b"a", b"bc", b"bc"]),
        (proto(STRING, [2]), [b"", b""]),
        (proto(HALF, [2], half_val=[0x3C00, 0xC000]), [1.0, -2.0]),
        (proto(BFLOAT16, [2], half_val=[0x3F80, 0xC000]), [1.0, -2.0]),
        (proto(COMPLEX64, [2], scomplex_val=[1, 2, 3, 4]), [1 + 2j, 3 + 4j]),
    ],
)
def test_typed_list(message, expected):
    """A short list is continued, an empty one is zeros, a long one is cut."""
    array = read_tensor("x", message)

    assert array.tolist() == expected
    assert array.shape == tuple(dim.size for dim in message.tensor_shape.dim)


def test_content_is_shared():
    """Bytes become an array without a copy."""
    message = proto(UINT8, [2, 2], tensor_content=bytes([1, 2, 3, 255]))

    array = read_tensor("x", message)

    assert array.tolist() == [[1, 2], [3, 255]]
    assert not array.flags.owndata


def test_packed_strings():
    """Strings in tensor_content: all lengths as varints, then all texts."""
    text = b"x" * 300
    message = proto(STRING, [2], tensor_content=b"\x02" + b"\xac\x02" + b"hi" + text)

    assert read_tensor("x", message).tolist() == [b"hi", text]


@pytest.mark.parametrize(
    "message",
    [
        proto(0, [1]),
        proto(20, [1]),
        proto(999, [1]),
        proto(FLOAT, [-1], float_val=[1]),
        proto(FLOAT, [2, -1], float_val=[1]),
        proto(FLOAT, [1], tensor_content=b"123"),
        proto(FLOAT, [1], tensor_content=b"12345678"),
        proto(FLOAT, [0], tensor_content=b"1234"),
        proto(FLOAT, [2**62]),
        proto(FLOAT, [2**32, 2**32], float_val=[1]),
        proto(FLOAT, [0, 2**62]),
        proto(FLOAT, [2**31, 0]),
        proto(FLOAT, [0, 2**26, 2]),
        proto(FLOAT, [1] * 65, float_val=[1]),
        proto(UINT8, [2**30], int_val=[1]),
        proto(STRING, [2], tensor_content=b"\x02"),
        proto(STRING, [1], tensor_content=b"\x05hi"),
        proto(STRING, [1], tensor_content=b"\xff" * 12),
    ],
)
def test_refused(message):
    """No dtype, no countable shape, or bytes that do not fit: INVALID_ARGUMENT."""
    with pytest.raises(ServingError) as caught:
        read_tensor("x", message)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == "tensor parsing error: x"


def test_empty_video():
    """No clips of a plausible size are an array like any other."""
    assert read_tensor("x", proto(FLOAT, [0, 30, 720, 720, 3])).shape[0] == 0


def test_unknown_rank():
    """A tensor must say its shape."""
    message = TensorProto(dtype=FLOAT, float_val=[1])
    message.tensor_shape.unknown_rank = True

    with pytest.raises(ServingError):
        read_tensor("x", message)


@pytest.mark.parametrize("as_content", [False, True])
@pytest.mark.parametrize(
    "dtype",
    [
        np.float32,
        np.float64,
        np.int32,
        np.uint8,
        np.int16,
        np.int8,
        np.complex64,
        np.int64,
        np.bool_,
        ml_dtypes.bfloat16,
        np.uint16,
        np.complex128,
        np.float16,
        np.uint32,
        np.uint64,
    ],
)
def test_round_trip(dtype, as_content):
    """Every dtype comes back as it went, in either encoding."""
    array = np.array([[0, 1, 2], [3, 100, 127]]).astype(dtype)
    message = TensorProto()

    fill_tensor(message, array, as_content)
    back = read_tensor("x", message)

    assert back.dtype == array.dtype
    assert back.tolist() == array.tolist()
    assert bool(message.tensor_content) is as_content


def test_strings_out():
    """Strings are always a list, also where numbers are bytes."""
    message = TensorProto()

    fill_tensor(message, np.array([b"a", b""], np.object_), as_content=True)

    assert list(message.string_val) == [b"a", b""]
    assert message.dtype == STRING


def test_int32_list_field():
    """An int32 travels in int_val with its own dtype number."""
    message = TensorProto()

    fill_tensor(message, np.array([-1], np.int32))

    assert (message.dtype, list(message.int_val)) == (INT32, [-1])


def test_no_form():
    """An output that is neither numbers nor text is refused, not a bug."""
    handle = np.zeros(1, [("resource", "u1", (1,))])

    with pytest.raises(ServingError) as caught:
        fill_tensor(TensorProto(), handle)

    assert caught.value.code is StatusCode.UNIMPLEMENTED
    assert "resource" in caught.value.message
