"""The body of a predict call as arrays by input name, in either of its two forms.

`instances` is a list of rows, `inputs` holds whole columns. Checks come in TensorFlow
Serving's order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import ServingError, invalid_argument
from serving.examples import write_shape
from serving.json_document import format_error, is_base64, quote
from serving.json_tensors import read_json_tensor
from serving.signatures import TensorSpec

SIGNATURE_KEY = "signature_name"
ROWS_KEY = "instances"
COLUMNS_KEY = "inputs"


@dataclass(frozen=True)
class PredictInputs:
    """What a predict call feeds; has_rows tells the form of its answer."""

    arrays: Mapping[str, NDArray[Any]]
    has_rows: bool


def read_signature_name(document: Mapping[str, Any]) -> str:
    """The signature a body names, or "" where it names none.

    Raises:
        ServingError: INVALID_ARGUMENT; the name is not a string.
    """
    name = document.get(SIGNATURE_KEY, "")
    if not isinstance(name, str):
        raise format_error(
            document,
            f"not formatted correctly. '{SIGNATURE_KEY}' key must be a string value.",
        )
    return name


def read_predict_inputs(
    document: Mapping[str, Any], specs: Mapping[str, TensorSpec]
) -> PredictInputs:
    """Turn a body into one array per input.

    Args:
        document: The root object.
        specs: The signature's inputs by name, at least one.

    Raises:
        ServingError: INVALID_ARGUMENT; the body or a value in it does not fit the
            inputs. UNIMPLEMENTED for a column whose dtype JSON cannot tell.
    """
    has_rows = ROWS_KEY in document
    if has_rows and COLUMNS_KEY in document:
        raise format_error(
            document,
            f"Not formatted correctly expecting only one of '{COLUMNS_KEY}' or "
            f"'{ROWS_KEY}' keys to exist ",
        )
    if has_rows:
        rows = document[ROWS_KEY]
        if not isinstance(rows, list):
            raise format_error(document, f"Expecting '{ROWS_KEY}' to be an list/array")
        if not rows:
            raise format_error(document, f"No values in '{ROWS_KEY}' array")
        return PredictInputs(_read_rows(rows, specs), has_rows)
    if COLUMNS_KEY not in document:
        raise invalid_argument(f"Missing '{COLUMNS_KEY}' or '{ROWS_KEY}' key")
    return PredictInputs(_read_columns(document[COLUMNS_KEY], specs), has_rows)


def _read_columns(
    columns: object, specs: Mapping[str, TensorSpec]
) -> dict[str, NDArray[Any]]:
    """One input may come without its name; keys that are no inputs are ignored."""
    if not isinstance(columns, dict) or is_base64(columns):
        if len(specs) > 1:
            raise invalid_argument(
                f"{COLUMNS_KEY} is a plain value/list, but expecting an object as "
                "multiple input tensors required as per tensorinfo_map"
            )
        ((name, spec),) = specs.items()
        return {name: read_json_tensor(columns, spec.kind)}
    arrays = {}
    for name, spec in specs.items():
        if name not in columns:
            raise invalid_argument(
                f"Missing named input: {name} in '{COLUMNS_KEY}' object."
            )
        arrays[name] = read_json_tensor(columns[name], spec.kind)
    return arrays


def _read_rows(
    rows: list[Any], specs: Mapping[str, TensorSpec]
) -> dict[str, NDArray[Any]]:
    """Whole columns at once where every row is well; else row by row for the error."""
    columns = _turn(rows, specs)
    if columns is not None:
        try:
            return {
                name: read_json_tensor(column, specs[name].kind)
                for name, column in columns.items()
            }
        except ServingError:
            pass  # Row by row says which row is wrong, as TensorFlow Serving does.
    return read_row_by_row(rows, specs)


def _turn(
    rows: list[Any], specs: Mapping[str, TensorSpec]
) -> dict[str, list[Any]] | None:
    """The rows as columns, or None when they need a closer look."""
    if not _is_named(rows[0]):
        return dict.fromkeys(specs, rows) if len(specs) == 1 else None
    if not all(_is_named(row) and row.keys() == specs.keys() for row in rows):
        return None
    return {name: [row[name] for row in rows] for name in specs}


def _is_named(row: object) -> bool:
    """Whether a row holds values by input name; bytes in base64 are a plain value."""
    return isinstance(row, dict) and not is_base64(row)


def read_row_by_row(
    rows: list[Any], specs: Mapping[str, TensorSpec]
) -> dict[str, NDArray[Any]]:
    """Stack row after row; all rows must have the shape of the first.

    Raises:
        ServingError: INVALID_ARGUMENT with the number of the first wrong row.
    """
    if len(specs) > 1 and not _is_named(rows[0]):
        raise invalid_argument(
            f"{ROWS_KEY} is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    has_names = _is_named(rows[0])
    columns: dict[str, list[NDArray[Any]]] = {}
    for index, row in enumerate(rows):
        if _is_named(row) != has_names:
            wanted, got = ("object", "list") if has_names else ("value/list", "object")
            raise invalid_argument(
                f"Expecting {wanted} but got {got} at item {index} of input list"
            )
        if has_names:
            _add_named(columns, index, row, specs)
            continue
        try:
            _add_item(columns, next(iter(specs)), row, specs)
        except ServingError as error:
            raise invalid_argument(
                f"Failed to process element: {index} of '{ROWS_KEY}' list. "
                f"Error: {error}"
            ) from error
    return {name: np.stack(items) for name, items in columns.items()}


def _add_named(
    columns: dict[str, list[NDArray[Any]]],
    index: int,
    row: Mapping[str, Any],
    specs: Mapping[str, TensorSpec],
) -> None:
    """Add every value of one row, in place."""
    for name, value in row.items():
        try:
            _add_item(columns, name, value, specs)
        except ServingError as error:
            raise invalid_argument(
                f"Failed to process element: {index} key: {name} of '{ROWS_KEY}' "
                f"list. Error: {error}"
            ) from error
    if row.keys() != specs.keys():
        raise invalid_argument(
            f"Failed to process element: {index} of '{ROWS_KEY}' list. JSON object: "
            f"{quote(row)} keys must be equal to: {','.join(sorted(specs))}"
        )


def _add_item(
    columns: dict[str, list[NDArray[Any]]],
    name: str,
    value: object,
    specs: Mapping[str, TensorSpec],
) -> None:
    """Add one value to its column, in place."""
    if name not in specs:
        raise invalid_argument(f"JSON object: does not have named input: {name}")
    item = read_json_tensor(value, specs[name].kind)
    column = columns.setdefault(name, [])
    column.append(item)
    first = column[0]
    if item.size != first.size:
        raise invalid_argument(
            f"Expecting tensor size: {first.size} but got: {item.size}"
        )
    if item.shape != first.shape:
        raise invalid_argument(
            f"Expecting shape {write_shape(first)} but got: {write_shape(item)}"
        )
