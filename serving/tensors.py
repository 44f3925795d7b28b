"""TensorProto to array and back, by Tensor::FromProto's rules.

Owns the dtype table; takes any message with TensorProto's fields and imports no
TensorFlow. `tf.make_ndarray` follows other rules and is 30 times slower on lists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from grpc import StatusCode
from numpy.typing import NDArray

from serving.errors import ServingError, invalid_argument

DT_STRING = 7
_MAX_ELEMENTS = 2**31
_MAX_RANK = 64
# A short list continued to its shape: a few bytes must not become gigabytes.
_MAX_FILLED_BYTES = 2**26


@dataclass(frozen=True)
class ElementType:
    """One TensorFlow dtype: its enum number, C++ name, array dtype and typed list."""

    number: int
    name: str
    dtype: np.dtype[Any]
    field: str


# Source: tensorflow/core/framework/types.proto and tensor.proto.
_ELEMENT_TYPES = tuple(
    ElementType(number, name, np.dtype(dtype), field)
    for number, name, dtype, field in (
        (1, "float", np.float32, "float_val"),
        (2, "double", np.float64, "double_val"),
        (3, "int32", np.int32, "int_val"),
        (4, "uint8", np.uint8, "int_val"),
        (5, "int16", np.int16, "int_val"),
        (6, "int8", np.int8, "int_val"),
        (DT_STRING, "string", np.object_, "string_val"),
        (8, "complex64", np.complex64, "scomplex_val"),
        (9, "int64", np.int64, "int64_val"),
        (10, "bool", np.bool_, "bool_val"),
        (14, "bfloat16", ml_dtypes.bfloat16, "half_val"),
        (17, "uint16", np.uint16, "int_val"),
        (18, "complex128", np.complex128, "dcomplex_val"),
        (19, "half", np.float16, "half_val"),
        (22, "uint32", np.uint32, "uint32_val"),
        (23, "uint64", np.uint64, "uint64_val"),
    )
)
_BY_NUMBER = {kind.number: kind for kind in _ELEMENT_TYPES}
_BY_DTYPE = {kind.dtype: kind for kind in _ELEMENT_TYPES}


def find_element_type(number: int) -> ElementType | None:
    """The dtype of one enum number, or None for kinds that have no array form."""
    return _BY_NUMBER.get(number)


def name_of_dtype(dtype: np.dtype[Any]) -> str:
    """TensorFlow's C++ name of an array dtype, as its messages print it."""
    return _BY_DTYPE[dtype].name if dtype in _BY_DTYPE else str(dtype)


def read_tensor(name: str, proto: Any) -> NDArray[Any]:
    """Turn one TensorProto into an array; strings become an object array of bytes.

    A typed list that is shorter than the shape is continued with its last value, an
    empty one means zeros, a longer one is cut.

    Args:
        name: The input's name, for the message.
        proto: Any message with TensorProto's fields.

    Returns:
        Read-only array with the proto's shape and dtype; shares its memory with
        tensor_content where that is used.

    Raises:
        ServingError: INVALID_ARGUMENT; no dtype, an unknown or negative dimension,
            tensor_content of another length than shape and dtype say, or a short list
            for a huge shape.
    """
    kind = _BY_NUMBER.get(proto.dtype)
    if kind is None or proto.tensor_shape.unknown_rank:
        raise _parsing_error(name)
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if min(shape, default=0) < 0 or len(shape) > _MAX_RANK:
        raise _parsing_error(name)
    # An empty array, too, has sides: a graph that multiplies (2**31, 0) by (0, 3) makes
    # 24 GB of nothing, and a softmax over it ends the process.
    limit = _MAX_ELEMENTS if all(shape) else _MAX_FILLED_BYTES
    if math.prod(max(side, 1) for side in shape) > limit:
        raise _parsing_error(name)
    if proto.tensor_content:
        return _read_content(name, kind, shape, proto.tensor_content)
    return _read_list(name, kind, shape, getattr(proto, kind.field))


def _parsing_error(name: str) -> ServingError:
    return invalid_argument(f"tensor parsing error: {name}")


def _read_content(
    name: str, kind: ElementType, shape: tuple[int, ...], content: bytes
) -> NDArray[Any]:
    """The bytes as an array, without a copy."""
    count = math.prod(shape)
    if kind.number == DT_STRING:
        # TensorFlow's own packing: every length as a varint, then every text.
        return _read_packed_strings(name, content, count).reshape(shape)
    if len(content) != count * kind.dtype.itemsize:
        raise _parsing_error(name)
    return np.frombuffer(content, kind.dtype).reshape(shape)


def _read_packed_strings(name: str, content: bytes, count: int) -> NDArray[np.object_]:
    position, lengths = 0, []
    for _ in range(count):
        length, position = _read_varint(name, content, position)
        lengths.append(length)
    if len(content) - position != sum(lengths):
        raise _parsing_error(name)
    texts = np.empty(count, np.object_)
    for index, length in enumerate(lengths):
        texts[index] = content[position : position + length]
        position += length
    return texts


def _read_varint(name: str, content: bytes, position: int) -> tuple[int, int]:
    """The number at the position and the position behind it."""
    value = 0
    for shift in range(0, 64, 7):
        if position >= len(content):
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _parsing_error(name)


def _read_list(
    name: str, kind: ElementType, shape: tuple[int, ...], values: Any
) -> NDArray[Any]:
    """The typed list, cut or continued to the shape."""
    count = math.prod(shape)
    given = _to_array(kind, values)[:count]
    if len(given) == count:
        return given.reshape(shape)
    if count * kind.dtype.itemsize > _MAX_FILLED_BYTES:
        raise _parsing_error(name)
    filled: NDArray[Any] = np.empty(count, kind.dtype)
    filled[: len(given)] = given
    filled[len(given) :] = given[-1] if len(given) else _zero(kind)
    return filled.reshape(shape)


def _zero(kind: ElementType) -> object:
    return b"" if kind.number == DT_STRING else kind.dtype.type(0)


def _to_array(kind: ElementType, values: Any) -> NDArray[Any]:
    """One array element per value; half floats travel as their bits in an int."""
    if kind.field == "half_val":
        return np.array(values, np.int64).astype(np.uint16).view(kind.dtype)
    if kind.field == "int_val":
        return np.array(values, np.int64).astype(kind.dtype)
    if kind.field in ("scomplex_val", "dcomplex_val"):
        parts = np.array(values[: len(values) // 2 * 2], np.float64).reshape(-1, 2)
        return (parts[:, 0] + 1j * parts[:, 1]).astype(kind.dtype)
    if kind.number == DT_STRING:
        texts = np.empty(len(values), np.object_)
        texts[:] = values
        return texts
    return np.array(values, kind.dtype)


def fill_tensor(proto: Any, array: NDArray[Any], as_content: bool = False) -> None:
    """Write an array into an empty TensorProto, in place.

    Args:
        proto: The message that is filled.
        array: Any dtype of the table; object arrays hold bytes.
        as_content: Numbers as tensor_content instead of a typed list.

    Raises:
        ServingError: UNIMPLEMENTED; another dtype, as a handle of a resource has.
    """
    kind = _BY_DTYPE.get(array.dtype)
    if kind is None:
        raise ServingError(
            StatusCode.UNIMPLEMENTED,
            f"expected an output of numbers or text, received {array.dtype}",
        )
    proto.dtype = kind.number
    for side in array.shape:
        proto.tensor_shape.dim.add().size = side
    if as_content and kind.number != DT_STRING:
        proto.tensor_content = array.tobytes()
        return
    getattr(proto, kind.field).extend(_to_list(kind, array.ravel()))


def _to_list(kind: ElementType, flat: NDArray[Any]) -> list[Any]:
    if kind.field == "half_val":
        return flat.view(np.uint16).tolist()
    if kind.field in ("scomplex_val", "dcomplex_val"):
        return np.stack([flat.real, flat.imag], axis=-1).ravel().tolist()
    return flat.tolist()
