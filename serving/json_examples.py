"""The body of a classify or regress call as the Input message of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow_serving.apis import input_pb2

from serving.errors import invalid_argument
from serving.json_document import format_error, is_base64, kind_name
from serving.json_tensors import decode_base64

CONTEXT_KEY = "context"
EXAMPLES_KEY = "examples"
_INT64 = range(-(2**63), 2**63)
# The list of a Feature that takes a kind of JSON value, and the list's name in errors.
_BYTES, _FLOATS, _INTS = "bytes_list", "float_list", "int64_list"
_NAMES = {_BYTES: "bytes", _FLOATS: "float", _INTS: "int64"}


def fill_input(message: input_pb2.Input, document: Mapping[str, Any]) -> None:
    """Write the examples of a body into an empty Input, in place.

    Args:
        message: With a context in the body it gets an example_list_with_context.
        document: The root object.

    Raises:
        ServingError: INVALID_ARGUMENT; no examples, or a value no feature can hold.
    """
    if CONTEXT_KEY in document:
        target = message.example_list_with_context
        _fill_example(target.context, document[CONTEXT_KEY])
    else:
        target = message.example_list
    if EXAMPLES_KEY not in document:
        raise format_error(
            document,
            f"When method is classify, key '{EXAMPLES_KEY}' is expected and was not "
            "found",
        )
    examples = document[EXAMPLES_KEY]
    if not isinstance(examples, list):
        raise format_error(
            document, f"Expecting '{EXAMPLES_KEY}' value to be an list/array"
        )
    if not examples:
        raise format_error(document, f"'{EXAMPLES_KEY}' value is an empty array")
    for example in examples:
        _fill_example(target.examples.add(), example)


def _fill_example(message: example_pb2.Example, features: object) -> None:
    if not isinstance(features, dict):
        raise invalid_argument(
            f"Example must be JSON object but got JSON {kind_name(features)}"
        )
    for name, value in features.items():
        values = value if isinstance(value, list) else [value]
        _fill_feature(message.features.feature[name], name, values)


def _fill_feature(
    message: feature_pb2.Feature, name: str, values: list[object]
) -> None:
    """Values of one kind; an empty list leaves the feature without a kind."""
    if not values:
        return
    fields = [_field_of(name, value) for value in values]
    first = fields[0]
    if set(fields) != {first}:
        raise invalid_argument(
            f"Unexpected element type in feature: {name} expecting type: "
            f"{_NAMES[first]}"
        )
    getattr(message, first).value.extend(_read(first, name, values))


def _field_of(name: str, value: object) -> str:
    """The list of a Feature that the value goes into."""
    if isinstance(value, int):
        return _INTS
    if isinstance(value, float):
        return _FLOATS
    if isinstance(value, str) or is_base64(value):
        return _BYTES
    raise invalid_argument(
        f"Feature: {name} has element with unexpected JSON type: {kind_name(value)}"
    )


def _read(field: str, name: str, values: list[Any]) -> list[Any]:
    """The values as the list takes them; a bool is 0 or 1."""
    if field == _BYTES:
        return [
            value.encode() if isinstance(value, str) else decode_base64(value)
            for value in values
        ]
    if field == _FLOATS:
        # What is too big for float32 becomes infinite, as a C++ cast has it.
        with np.errstate(over="ignore"):
            return np.array(values, np.float64).astype(np.float32).tolist()
    if not all(value in _INT64 for value in values):
        raise invalid_argument(
            f"Feature: {name} has uint64 element. Only int64 is supported."
        )
    return list(map(int, values))
