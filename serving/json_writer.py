"""Arrays as JSON text, number by number and blank by blank as TensorFlow Serving's.

Owns how values look and how lists are laid out; knows no answers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import invalid_argument
from serving.tensors import name_of_dtype

# Source: RapidJSON's PrettyWriter.
_INDENT = " " * 4
# Source: IsNamedTensorBytes of json_tensor.cc.
_BYTES_SUFFIX = "_bytes"
# Source: std::numeric_limits::max_digits10.
_EXACT_DIGITS = {"float": 9, "double": 17}
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_INTS = frozenset({"int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"})


def write_string(value: bytes | str) -> str:
    """A quoted string; bytes that are not UTF-8 survive encode_text."""
    text = value if isinstance(value, str) else value.decode(errors="surrogateescape")
    return json.dumps(text, ensure_ascii=False)


def encode_text(text: str) -> bytes:
    """What is sent; strings of a model leave byte for byte as they were."""
    return text.encode(errors="surrogateescape")


def write_floats(array: NDArray[Any]) -> list[str]:
    """Each number with six digits, or with all it has where six lose some.

    Args:
        array: float32 or float64, any shape, read in C order.
    """
    flat = array.ravel()
    numbers = flat.tolist()
    texts = [f"{number:.6g}" for number in numbers]
    exact = _EXACT_DIGITS[name_of_dtype(array.dtype)]
    is_same = np.array(list(map(float, texts)), np.float64).astype(array.dtype) == flat
    for index in np.flatnonzero(~is_same).tolist():
        texts[index] = f"{numbers[index]:.{exact}g}"
    # A whole number keeps a point, so that readers see one type in a list.
    return [
        text if "." in text or "e" in text else _NOT_FINITE.get(text, text + ".0")
        for text in texts
    ]


def write_leaves(name: str, array: NDArray[Any], level: int) -> list[str]:
    """Each element of an output as text, in C order.

    Args:
        name: The output's name, whose end says whether strings are bytes.
        array: Any shape; strings are an object array of bytes.
        level: How many lists and objects are open around an element.

    Raises:
        ServingError: INVALID_ARGUMENT; a dtype that JSON cannot tell, such as half.
    """
    kind = name_of_dtype(array.dtype)
    values = array.ravel().tolist()
    if kind in _EXACT_DIGITS:
        return write_floats(array)
    if kind in _INTS:
        return list(map(str, values))
    if kind == "bool":
        return ["true" if value else "false" for value in values]
    if kind != "string" and values:
        raise invalid_argument(f"Failed to write JSON value for tensor type: {kind}")
    if name.endswith(_BYTES_SUFFIX):
        encoded = (base64.b64encode(value).decode() for value in values)
        return [write_object({"b64": f'"{text}"'}, level) for text in encoded]
    return list(map(write_string, values))


def write_lists(
    name: str, array: NDArray[Any], level: int, is_one_line: bool
) -> list[str]:
    """The elements of the first dimension, each as nested lists; a scalar as one.

    Args:
        name: The output's name.
        array: Any shape.
        level: How many lists and objects are open around an element.
        is_one_line: Without line breaks inside lists.

    Raises:
        ServingError: As write_leaves.
    """
    rank = array.ndim
    texts = write_leaves(name, array, level + max(rank - 1, 0))
    for axis in range(rank - 1, 0, -1):
        size = array.shape[axis]
        count = int(np.prod(array.shape[:axis]))
        texts = [
            write_list(
                texts[row * size : (row + 1) * size], level + axis - 1, is_one_line
            )
            for row in range(count)
        ]
    return texts


def write_list(texts: Sequence[str], level: int, is_one_line: bool) -> str:
    """A list with that many lists and objects open around it."""
    if not texts:
        return "[]"
    if is_one_line:
        return f"[{', '.join(texts)}]"
    inner = "\n" + _INDENT * (level + 1)
    return f"[{inner}{f',{inner}'.join(texts)}\n{_INDENT * level}]"


def write_half_open_list(texts: Sequence[str], level: int) -> str:
    """A list in one line but for its end, as TensorFlow Serving has the outer one."""
    if not texts:
        return "[]"
    return f"[{', '.join(texts)}\n{_INDENT * level}]"


def write_object(members: Mapping[str, str], level: int) -> str:
    """An object of written values, with that many lists and objects open around it."""
    inner = "\n" + _INDENT * (level + 1)
    texts = (f"{write_string(name)}: {text}" for name, text in members.items())
    return f"{{{inner}{f',{inner}'.join(texts)}\n{_INDENT * level}}}"
