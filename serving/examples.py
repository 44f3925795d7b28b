"""The Input of a Classify, Regress or MultiInference request as rows for the graph.

Owns the step from tf.Example messages to their bytes, and what the three calls ask of
every signature and output; knows neither classes nor values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_serving.apis import input_pb2

from serving.errors import failed_precondition, invalid_argument
from serving.servable import Servable
from serving.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from serving.tensors import name_of_dtype

# Source: kClassifyInputs and kRegressInputs of tensorflow/cc/saved_model.
EXAMPLES = "inputs"


def read_examples(message: input_pb2.Input) -> NDArray[np.object_]:
    """Each tf.Example serialized, its context in front.

    Serialized messages that follow each other are one message where the later fields
    win, so an example overrides the context.

    Returns:
        bytes, shape (examples,).

    Raises:
        ServingError: INVALID_ARGUMENT; there are none.
    """
    kind = message.WhichOneof("kind")
    examples = getattr(message, kind).examples if kind else ()
    if not examples:
        raise invalid_argument("Input is empty.")
    context = b""
    if kind == "example_list_with_context":
        context = message.example_list_with_context.context.SerializeToString()
    rows = np.empty(len(examples), np.object_)
    rows[:] = [context + example.SerializeToString() for example in examples]
    return rows


def count_examples(message: input_pb2.Input) -> int:
    """How many examples an Input holds."""
    kind = message.WhichOneof("kind")
    return len(getattr(message, kind).examples) if kind else 0


def find_signature(servable: Servable, name: str, method_name: str) -> Signature:
    """The signature a Classify or Regress request names.

    Args:
        servable: The version that answers.
        name: Empty is serving_default.
        method_name: What the signature must say, where the server was told to look.

    Raises:
        ServingError: INVALID_ARGUMENT; there is none, or it is of another method.
    """
    signature = servable.signatures.get(name or DEFAULT_SIGNATURE)
    if signature is None:
        raise invalid_argument(
            f"No signature was found with the name: {name or DEFAULT_SIGNATURE}"
        )
    check_method(servable, signature, method_name)
    return signature


def check_method(servable: Servable, signature: Signature, method_name: str) -> None:
    """Refuse a signature of another method, where the server was told to look.

    Raises:
        ServingError: INVALID_ARGUMENT; it is of another method.
    """
    if servable.checks_method_names and signature.method_name != method_name:
        raise invalid_argument(
            f"expected signature {signature.name} with method_name {method_name}, "
            f"received {signature.method_name!r}"
        )


def check_one_input(signature: Signature) -> None:
    """Accept a signature with one input, whatever its name.

    Raises:
        ServingError: INVALID_ARGUMENT; it has none or several.
    """
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")


def check_name(name: str, found: Mapping[str, TensorSpec], what: str) -> None:
    """Accept tensors with that name among them.

    Args:
        name: The input or output wanted.
        found: A signature's inputs or outputs.
        what: The same in words, for the message.

    Raises:
        ServingError: FAILED_PRECONDITION; there is none of that name.
    """
    if name not in found:
        raise failed_precondition(
            f"No {what} found in SignatureDef: expected {name}, "
            f"found {', '.join(sorted(found))}"
        )


def check_kind(array: NDArray[Any], name: str, dtype: Any) -> None:
    """Refuse an output of another dtype than the answer takes.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    if array.dtype != dtype:
        raise invalid_argument(
            f"Expected {name} Tensor of {_enum_name(np.dtype(dtype))}. "
            f"Got: {_enum_name(array.dtype)}"
        )


def _enum_name(dtype: np.dtype[Any]) -> str:
    return f"DT_{name_of_dtype(dtype).upper()}"


def write_shape(array: NDArray[Any]) -> str:
    """A shape as TensorFlow's messages print it: [2,3]."""
    return f"[{','.join(map(str, array.shape))}]"
