"""A RegressionRequest run on one version: examples in, one value each out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_serving.apis import regression_pb2

from serving.errors import invalid_argument
from serving.examples import (
    EXAMPLES,
    check_kind,
    check_name,
    check_one_input,
    find_signature,
    read_examples,
    write_shape,
)
from serving.servable import Servable
from serving.signatures import Signature

REGRESS_METHOD = "tensorflow/serving/regress"
VALUES = "outputs"


def run_regress(
    servable: Servable,
    request: regression_pb2.RegressionRequest,
    timeout_seconds: float | None,
) -> regression_pb2.RegressionResponse:
    """Check, run and encode, in TensorFlow Serving's order.

    The version in the response is left to the caller.

    Args:
        servable: The version that answers.
        request: Its model name and version are ignored, its signature counts.
        timeout_seconds: What is left of the caller's patience; None is no end.

    Raises:
        ServingError: A signature that does not regress, no examples, a run that
            failed, or an output of another shape than one value a row.
    """
    name = request.model_spec.signature_name
    signature = find_signature(servable, name, REGRESS_METHOD)
    check_value_output(signature)
    rows = read_examples(request.input)
    outputs = servable.run(signature, {EXAMPLES: rows}, (VALUES,), timeout_seconds)
    response = regression_pb2.RegressionResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.signature_name = signature.name
    fill_values(response.result, outputs[VALUES], len(rows))
    return response


def check_value_output(signature: Signature) -> None:
    """Accept a signature from examples to values.

    Raises:
        ServingError: INVALID_ARGUMENT for a wrong number of tensors,
            FAILED_PRECONDITION for wrong names.
    """
    check_one_input(signature)
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    check_name(EXAMPLES, signature.inputs, "regression inputs")
    check_name(VALUES, signature.outputs, "regression outputs")


def fill_values(
    result: regression_pb2.RegressionResult, values: NDArray[Any], count: int
) -> None:
    """Write one value per example into an empty result, in place.

    Args:
        result: The message that is filled.
        values: float32, shape (count,) or (count, 1).
        count: How many examples were sent.

    Raises:
        ServingError: INVALID_ARGUMENT; the values have another shape or dtype.
    """
    if values.ndim not in (1, 2) or values.shape[1:] not in ((), (1,)):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or "
            f"[batch_size, 1] but got {write_shape(values)}"
        )
    if len(values) != count:
        raise invalid_argument(
            f"Input batch size did not match output batch size: {count} vs. "
            f"{len(values)}"
        )
    check_kind(values, "output", np.float32)
    for value in values.ravel().tolist():
        result.regressions.add(value=value)
