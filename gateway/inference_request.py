"""The JSON of an inference request becomes one input tensor and the outputs asked for.

Knows the Open Inference Protocol's fields, not what a model takes or gives.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.errors import InvalidRequest
from gateway.inference_body import HEADER_LENGTH, InferenceBody
from gateway.query import describe_kind

# Measured: parsed, a list of numbers takes up to nine times its text, one of empty
# lists twenty; within these limits 110 MB. 13 pictures of 224 x 224 have 2 M commas.
_MOST = (
    (b",", "commas", 2_000_000),
    (b"[", "lists", 200_000),
    (b"{", "objects", 10_000),
    (b'"', "quotation marks", 20_000),
)
_KINDS = {
    str: "text",
    dict: "an object",
    list: "a list",
    bool: "true or false",
    int: "a whole number",
}
# Source: the protocol: its integers are representable as unsigned 64-bit values.
_LARGEST_INTEGER = 2**64 - 1
_Value = TypeVar("_Value", str, dict, list, bool, int)


@dataclass(frozen=True)
class InputTensor:
    """One tensor as it was sent: a JSON list of any depth, or little-endian bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | memoryview


@dataclass(frozen=True)
class RequestedOutput:
    """One output by name; with classes, its so many best as text instead of numbers."""

    name: str
    is_binary: bool
    classes: int | None = None


@dataclass(frozen=True)
class InferenceRequest:
    """What a caller wants; no outputs means all of them, and is_binary how.

    timeout_seconds is how long the caller waits, from now on; infinite if not told.
    """

    id: str | None
    input: InputTensor
    outputs: tuple[RequestedOutput, ...]
    is_binary: bool
    timeout_seconds: float


def read_request(body: InferenceBody) -> InferenceRequest:
    """Read and check one request.

    Raises:
        InvalidRequest: Not JSON, a field missing or of another kind, several inputs,
            or tensors that do not fill the body's binary part.
    """
    document = _parse(body.text)
    inputs = _field(document, "inputs", list)
    if len(inputs) != 1:
        raise InvalidRequest(f"expected one input tensor, received {len(inputs)}")
    parameters = _field(document, "parameters", dict, {})
    is_binary = _field(parameters, "binary_data_output", bool, False)
    outputs = tuple(
        _read_output(entry, is_binary)
        for entry in _field(document, "outputs", list, [])
    )
    names = [output.name for output in outputs]
    if len(set(names)) != len(names):
        raise InvalidRequest("expected each output once, received one twice")
    return InferenceRequest(
        id=_field(document, "id", str) if "id" in document else None,
        input=_read_input(inputs[0], body.binary),
        outputs=outputs,
        is_binary=is_binary,
        timeout_seconds=_read_timeout(parameters),
    )


def _read_timeout(parameters: dict[str, Any]) -> float:
    """Source: Triton's "Schedule Policy Extension": timeout is in microseconds."""
    if "timeout" not in parameters:
        return math.inf
    microseconds = _field(parameters, "timeout", int)
    if not 1 <= microseconds <= _LARGEST_INTEGER:
        raise InvalidRequest(
            f"expected 1 to {_LARGEST_INTEGER} microseconds as 'timeout', received "
            f"{ascii(microseconds)[:30]}"
        )
    return microseconds / 1e6


def _parse(text: bytes) -> dict[str, Any]:
    for mark, name, most in _MOST:
        if text.count(mark) > most:
            raise InvalidRequest(
                f"expected at most {most} {name} in the JSON, received more; send the "
                "data as binary"
            )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"expected {len(text)} bytes of valid JSON, received something else"
        ) from error
    return _object(document, "the request")


def _object(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest(
            f"expected an object as {place}, received {describe_kind(value)}"
        )
    return value


def _field(
    document: dict[str, Any],
    name: str,
    kind: type[_Value],
    default: _Value | None = None,
) -> _Value:
    """One field of a kind; without a default it must be there."""
    value = document.get(name, default)
    # To Python, true is an int.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        received = describe_kind(value) if name in document else "nothing"
        raise InvalidRequest(
            f"expected {_KINDS[kind]} as '{name}', received {received}"
        )
    return value


def _read_input(entry: object, binary: memoryview | None) -> InputTensor:
    fields = _object(entry, "input")
    return InputTensor(
        name=_field(fields, "name", str),
        datatype=_field(fields, "datatype", str),
        shape=_read_shape(_field(fields, "shape", list)),
        data=_read_data(fields, binary),
    )


def _read_shape(lengths: list[Any]) -> tuple[int, ...]:
    for length in lengths:
        is_whole = isinstance(length, int) and not isinstance(length, bool)
        if not is_whole or not 1 <= length <= _LARGEST_INTEGER:
            raise InvalidRequest(
                f"expected whole numbers from 1 to {_LARGEST_INTEGER} as 'shape', "
                "received others"
            )
    return tuple(lengths)


def _read_data(
    fields: dict[str, Any], binary: memoryview | None
) -> list[Any] | memoryview:
    """What stands in the JSON, or the whole binary part: there is one input."""
    parameters = _field(fields, "parameters", dict, {})
    if "shared_memory_region" in parameters:
        raise InvalidRequest("expected data in the request, received shared memory")
    if "binary_data_size" not in parameters:
        if binary:
            raise InvalidRequest(
                f"expected an input with 'binary_data_size', received {len(binary)} "
                "bytes behind the JSON that belong to none"
            )
        return _field(fields, "data", list)
    size = _field(parameters, "binary_data_size", int)
    if "data" in fields:
        raise InvalidRequest("expected 'data' or 'binary_data_size', received both")
    if binary is None:
        raise InvalidRequest(
            f"expected the header {HEADER_LENGTH} with binary data, received none"
        )
    if size != len(binary):
        raise InvalidRequest(
            f"expected {len(binary)} as 'binary_data_size', the bytes behind the JSON, "
            f"received {ascii(size)[:30]}"
        )
    return binary


def _read_output(entry: object, is_binary: bool) -> RequestedOutput:
    fields = _object(entry, "output")
    parameters = _field(fields, "parameters", dict, {})
    if "shared_memory_region" in parameters:
        raise InvalidRequest("expected outputs in the reply, received shared memory")
    classes = None
    if "classification" in parameters:
        classes = _field(parameters, "classification", int)
        if classes < 1:
            raise InvalidRequest("expected 'classification' from 1, received less")
    return RequestedOutput(
        name=_field(fields, "name", str),
        is_binary=_field(parameters, "binary_data", bool, is_binary),
        classes=classes,
    )
