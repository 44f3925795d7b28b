"""A JSON value as an array of a declared dtype; nested lists give the shape.

Whole lists are converted in one go where every leaf is of the right kind; what is left
goes leaf by leaf, which finds the first wrong one and says where it is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
from grpc import StatusCode
from numpy.typing import NDArray

from serving.errors import ServingError, invalid_argument
from serving.json_document import format_error, is_base64, kind_name, quote
from serving.tensors import ElementType

# NumPy's limit; TensorFlow's own kernels give up far earlier.
_MAX_RANK = 64
_INT32 = (-(2**31), 2**31 - 1)
# Source: AddValueToTensor; small ints are checked as int32 and then cut to their size.
_INT_RANGES = {
    "int8": _INT32,
    "uint8": _INT32,
    "int16": _INT32,
    "int32": _INT32,
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_FLOATS = frozenset({"float", "double"})
_READABLE = _FLOATS | _INT_RANGES.keys() | {"bool", "string"}


def read_json_tensor(value: object, kind: ElementType | None) -> NDArray[Any]:
    """Turn nested lists of one shape into an array.

    Args:
        value: A leaf, or lists of lists of leaves.
        kind: The dtype the signature declares; None is one without an array form.

    Returns:
        The array in the dtype of kind; strings are an object array of bytes.

    Raises:
        ServingError: INVALID_ARGUMENT for a leaf of another kind, lists of different
            sizes, or nesting that no tensor has; UNIMPLEMENTED for a dtype that JSON
            cannot tell, such as half.
    """
    if kind is None:
        raise ServingError(
            StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {quote(value)} to a type without JSON form",
        )
    shape = _find_shape(value)
    leaves = _flatten(value, shape)
    array = None if leaves is None else _convert_all(leaves, kind)
    if array is None:
        array = convert_leaves(_walk(value, shape, 0), kind)
    return array.reshape(shape)


def _find_shape(value: object) -> tuple[int, ...]:
    """The sizes of the lists on the way to the first leaf."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    if len(shape) > _MAX_RANK:
        raise invalid_argument(
            f"expected at most {_MAX_RANK} nested lists, received {len(shape)}"
        )
    return tuple(shape)


def _flatten(value: object, shape: tuple[int, ...]) -> list[Any] | None:
    """The leaves in order, or None when the lists are not all of that shape."""
    values: list[Any] = [value]
    for size in shape:
        if set(map(type, values)) - {list} or set(map(len, values)) - {size}:
            return None
        values = list(chain.from_iterable(values))
    return values


def _convert_all(leaves: list[Any], kind: ElementType) -> NDArray[Any] | None:
    """All leaves at once; None when one may be wrong or is not plain."""
    found = set(map(type, leaves))
    if kind.name in _FLOATS and found <= {int, float}:
        return _cast_floats(np.array(leaves, np.float64), kind)
    if kind.name in _INT_RANGES and found <= {int}:
        lowest, highest = _INT_RANGES[kind.name]
        if lowest <= min(leaves, default=0) and max(leaves, default=0) <= highest:
            return _cast_ints(leaves, kind)
    if kind.name == "bool" and found <= {bool}:
        return np.array(leaves, np.bool_)
    if kind.name == "string" and found <= {str}:
        return _to_objects(map(str.encode, leaves), len(leaves))
    return None


def _cast_floats(numbers: NDArray[np.float64], kind: ElementType) -> NDArray[Any]:
    """What is too big for float32 becomes infinite, as a C++ cast has it."""
    with np.errstate(over="ignore"):
        return numbers.astype(kind.dtype)


def _cast_ints(numbers: list[int], kind: ElementType) -> NDArray[Any]:
    """Checked ints, of which the small dtypes keep the low bits."""
    wide = np.uint64 if kind.name == "uint64" else np.int64
    return np.array(numbers, wide).astype(kind.dtype)


def _to_objects(texts: Iterable[bytes], count: int) -> NDArray[np.object_]:
    array = np.empty(count, np.object_)
    array[:] = list(texts)
    return array


def convert_leaves(leaves: Iterable[Any], kind: ElementType) -> NDArray[Any]:
    """Convert one leaf after the other, in order.

    Returns:
        The dtype of kind, shape (leaves,).

    Raises:
        ServingError: As read_json_tensor, for the first wrong leaf.
    """
    values = [_read_leaf(leaf, kind) for leaf in leaves]
    if kind.name == "string":
        return _to_objects(values, len(values))
    if kind.name in _FLOATS:
        return _cast_floats(np.array(values, np.float64), kind)
    if kind.name in _INT_RANGES:
        return _cast_ints(values, kind)
    return np.array(values, kind.dtype)


def _read_leaf(leaf: object, kind: ElementType) -> object:
    """The leaf as Python has it, if the dtype takes such a one."""
    if isinstance(leaf, dict) and kind.name == "string":
        return decode_base64(leaf)
    if kind.name not in _READABLE and not isinstance(leaf, dict):
        raise ServingError(
            StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {quote(leaf)} to type: {kind.name}",
        )
    if not _is_taken(leaf, kind.name):
        raise format_error(
            leaf, f"Type: {kind_name(leaf)} is not of expected type: {kind.name}"
        )
    return leaf.encode() if isinstance(leaf, str) else leaf


def _is_taken(leaf: object, name: str) -> bool:
    """Whether the dtype of that name takes the leaf; a bool is no number."""
    if isinstance(leaf, bool):
        return name == "bool"
    if name in _INT_RANGES:
        lowest, highest = _INT_RANGES[name]
        return isinstance(leaf, int) and lowest <= leaf <= highest
    if name in _FLOATS:
        return isinstance(leaf, int | float)
    return name == "string" and isinstance(leaf, str)


def decode_base64(value: object) -> bytes:
    """The bytes of {"b64": "..."}; blanks are skipped, padding may be left out.

    Raises:
        ServingError: INVALID_ARGUMENT; another object, or not base64.
    """
    if not is_base64(value) or not isinstance(value, dict):
        raise format_error(value, "not formatted correctly for base64 data")
    given = b"".join(value["b64"].encode().split())
    text = given.rstrip(b"=")
    padding = -len(text) % 4
    if len(given) - len(text) not in (0, padding):
        raise invalid_argument("Unable to base64 decode")
    try:
        return base64.b64decode(text + b"=" * padding, validate=True)
    except binascii.Error as error:
        raise invalid_argument("Unable to base64 decode") from error


def _walk(value: object, shape: tuple[int, ...], level: int) -> Iterator[object]:
    """The leaves in order; every list must have the size that the first one has."""
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {quote(value)} found at incorrect level: {level + 1} in "
                f"the JSON DOM. Expected at level: {len(shape)}"
            )
        yield value
        return
    if level >= len(shape):
        raise invalid_argument(
            f"Encountered list at unexpected level: {level} expected < {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    for item in value:
        yield from _walk(item, shape, level + 1)
