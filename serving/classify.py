"""A ClassificationRequest run on one version: examples in, labels and scores out."""

from __future__ import annotations

import numpy as np
from tensorflow_serving.apis import classification_pb2

from serving.batch_rows import Arrays
from serving.errors import failed_precondition, invalid_argument
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

CLASSIFY_METHOD = "tensorflow/serving/classify"
CLASSES, SCORES = "classes", "scores"
_DTYPES = {CLASSES: np.object_, SCORES: np.float32}


def run_classify(
    servable: Servable,
    request: classification_pb2.ClassificationRequest,
    timeout_seconds: float | None,
) -> classification_pb2.ClassificationResponse:
    """Check, run and encode, in TensorFlow Serving's order.

    The version in the response is left to the caller.

    Args:
        servable: The version that answers.
        request: Its model name and version are ignored, its signature counts.
        timeout_seconds: What is left of the caller's patience; None is no end.

    Raises:
        ServingError: A signature that does not classify, no examples, a run that
            failed, or outputs of another shape than rows of classes.
    """
    name = request.model_spec.signature_name
    signature = find_signature(servable, name, CLASSIFY_METHOD)
    wanted = select_class_outputs(signature)
    rows = read_examples(request.input)
    outputs = servable.run(signature, {EXAMPLES: rows}, wanted, timeout_seconds)
    response = classification_pb2.ClassificationResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.signature_name = signature.name
    fill_classes(response.result, outputs, len(rows))
    return response


def select_class_outputs(signature: Signature) -> tuple[str, ...]:
    """The outputs with labels and scores, of which a model may lack one.

    Raises:
        ServingError: INVALID_ARGUMENT for a wrong number of tensors,
            FAILED_PRECONDITION for wrong names.
    """
    check_one_input(signature)
    count = len(signature.outputs)
    if count not in (1, 2):
        raise invalid_argument(f"Expected one or two output Tensors, found {count}")
    check_name(EXAMPLES, signature.inputs, "classification inputs")
    wanted = tuple(name for name in _DTYPES if name in signature.outputs)
    if not wanted:
        raise failed_precondition(
            f'expected signature {signature.name} to have an output "{CLASSES}" or '
            f'"{SCORES}", found {", ".join(sorted(signature.outputs))}'
        )
    return wanted


def fill_classes(
    result: classification_pb2.ClassificationResult, outputs: Arrays, count: int
) -> None:
    """Write one list of classes per example into an empty result, in place.

    Args:
        result: The message that is filled.
        outputs: CLASSES (bytes) and SCORES (float32) or one of them, both of shape
            (count, classes).
        count: How many examples were sent.

    Raises:
        ServingError: INVALID_ARGUMENT; an output has another shape or dtype.
    """
    width = _check_classes(outputs, count)
    # An output the model lacks is left empty in every class.
    labels = outputs.get(CLASSES, np.full((count, width), b"", np.object_))
    scores = outputs.get(SCORES, np.zeros((count, width), np.float32))
    for row_labels, row_scores in zip(labels.tolist(), scores.tolist(), strict=True):
        classes = result.classifications.add().classes
        for label, score in zip(row_labels, row_scores, strict=True):
            # A label is text in the answer; bytes that are none would break it whole.
            classes.add(label=label.decode(errors="replace"), score=score)


def _check_classes(outputs: Arrays, count: int) -> int:
    """The number of classes, once every output has that many for each example."""
    for name, array in outputs.items():
        if array.ndim != 2:
            raise invalid_argument(
                "Expected Tensor shape: [batch_size num_classes] but got "
                f"{write_shape(array)}"
            )
        check_kind(array, name, _DTYPES[name])
        if len(array) != count:
            raise invalid_argument(
                f"Expected {name} output batch size of {count}. Got: {len(array)}"
            )
    widths = [array.shape[1] for array in outputs.values()]
    if len(set(widths)) != 1:
        raise invalid_argument(
            f"expected as many {CLASSES} as {SCORES}, received {widths[0]} and "
            f"{widths[1]}"
        )
    return widths[0]
