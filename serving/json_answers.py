"""The REST API's answers as JSON text: outputs, results, status, metadata, errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf import json_format
from google.protobuf.message import Message
from numpy.typing import NDArray
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_status_pb2,
    model_pb2,
    regression_pb2,
)

from serving.errors import invalid_argument
from serving.json_writer import (
    write_floats,
    write_half_open_list,
    write_list,
    write_lists,
    write_object,
    write_string,
)

_PREDICTIONS, _OUTPUTS, _RESULTS = "predictions", "outputs", "results"


def write_predictions(outputs: Mapping[str, NDArray[Any]]) -> str:
    """One row per element of the batch: a value, or an object of several outputs.

    Raises:
        ServingError: INVALID_ARGUMENT; an output has no batch, its batch has another
            size, its dtype has no JSON form, or there is no output.
    """
    _check_batch(outputs)
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        rows = write_lists(name, array, level=2, is_one_line=True)
        text = write_half_open_list(rows, level=1)
    else:
        columns = [
            write_lists(name, array, level=3, is_one_line=True)
            for name, array in outputs.items()
        ]
        objects = [
            write_object(dict(zip(outputs, row, strict=True)), level=2)
            for row in zip(*columns, strict=True)
        ]
        text = write_list(objects, level=1, is_one_line=False)
    return write_object({_PREDICTIONS: text}, level=0)


def _check_batch(outputs: Mapping[str, NDArray[Any]]) -> None:
    """Accept outputs, at least one, whose first dimensions are equal."""
    _check_some(outputs)
    size: int | None = None
    for name, array in outputs.items():
        if not array.ndim:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if size is not None and len(array) != size:
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {size}"
            )
        size = len(array)


def _check_some(outputs: Mapping[str, NDArray[Any]]) -> None:
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")


def write_outputs(outputs: Mapping[str, NDArray[Any]]) -> str:
    """Whole outputs: the only one's value, or an object of several.

    Raises:
        ServingError: INVALID_ARGUMENT; a dtype has no JSON form, or there is no output.
    """
    _check_some(outputs)
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        text = _write_value(name, array, level=1)
    else:
        values = {
            name: _write_value(name, array, level=2) for name, array in outputs.items()
        }
        text = write_object(values, level=1)
    return write_object({_OUTPUTS: text}, level=0)


def _write_value(name: str, array: NDArray[Any], level: int) -> str:
    if not array.ndim:
        return write_lists(name, array, level, is_one_line=False)[0]
    texts = write_lists(name, array, level + 1, is_one_line=False)
    return write_list(texts, level, is_one_line=False)


def write_classes(result: classification_pb2.ClassificationResult) -> str:
    """A list per example of [label, score] pairs.

    Raises:
        ServingError: INVALID_ARGUMENT; no example was classified.
    """
    if not result.classifications:
        raise invalid_argument("Cannot convert empty ClassificationResults to JSON")
    rows = [_write_pairs(row.classes) for row in result.classifications]
    text = write_half_open_list(rows, level=1)
    return write_object({_RESULTS: text}, level=0)


def _write_pairs(classes: Sequence[classification_pb2.Class]) -> str:
    scores = write_floats(np.array([item.score for item in classes], np.float32))
    pairs = (
        f"[{write_string(item.label)}, {score}]"
        for item, score in zip(classes, scores, strict=True)
    )
    return f"[{', '.join(pairs)}]"


def write_values(result: regression_pb2.RegressionResult) -> str:
    """One number per example.

    Raises:
        ServingError: INVALID_ARGUMENT; there is none.
    """
    if not result.regressions:
        raise invalid_argument("Cannot convert empty RegressionResults to JSON")
    values = np.array([item.value for item in result.regressions], np.float32)
    text = write_list(write_floats(values), level=1, is_one_line=True)
    return write_object({_RESULTS: text}, level=0)


def write_statuses(response: get_model_status_pb2.GetModelStatusResponse) -> str:
    """Every version with its state, as proto3 JSON with every field."""
    return _dump(_describe(response))


def write_metadata(
    spec: model_pb2.ModelSpec, signature_defs: Mapping[str, Message]
) -> str:
    """What was asked for, and every signature of it, as proto3 JSON."""
    signatures = {name: _describe(item) for name, item in signature_defs.items()}
    return _dump(
        {
            "model_spec": _describe(spec),
            "metadata": {"signature_def": {"signature_def": signatures}},
        }
    )


def _describe(message: Message) -> dict[str, Any]:
    described: dict[str, Any] = json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    return described


def _dump(document: Mapping[str, Any]) -> str:
    """Laid out as protobuf's own JSON, with one blank a level."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def write_error(message: str) -> str:
    """The one form of an error; no message is no body."""
    if not message:
        return ""
    return write_object({"error": write_string(message)}, level=0)
