"""MultiInference over gRPC: several signatures over the same examples."""

from __future__ import annotations

import grpc
import pytest
from tensorflow_serving.apis import inference_pb2

from serving.served_model import ModelConfig
from tests.integration.example_models import (
    CLASSIFY,
    PREDICT,
    REGRESS,
    build_colors,
    build_half_plus_two,
    example,
    write_signatures,
)
from tests.integration.serving_calls import call, fill_input

INVALID = grpc.StatusCode.INVALID_ARGUMENT
HALF = "half_plus_two"


@pytest.fixture(name="server", scope="module", params=[False, True])
def _server(request, start_model_server, tmp_path_factory):
    """Both models, without and with batching."""
    folder = tmp_path_factory.mktemp("models")
    write_signatures(folder / HALF / "123", build_half_plus_two)
    write_signatures(folder / "colors" / "1", build_colors)
    return start_model_server(
        configs=[
            ModelConfig(name=name, base_path=str(folder / name))
            for name in (HALF, "colors")
        ],
        enable_batching=request.param,
    )


def infer(server, tasks, *rows, context=None):
    """The response to (model, signature, method) tasks, or its (code, details)."""
    request = inference_pb2.MultiInferenceRequest()
    for name, signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name = name
        task.model_spec.signature_name = signature
    fill_input(request.input, rows, context)
    return call(server, "MultiInference", request)


def test_three_tasks(server):
    """Each task has its result, in the order asked, with its own kind and spec."""
    tasks = [
        (HALF, "regress_x_to_y2", REGRESS),
        (HALF, "classify_x_to_y", CLASSIFY),
        (HALF, "regress_x_to_y", REGRESS),
    ]

    response = infer(server, tasks, example(x=2.0), example(x=4.0))

    first, second, third = response.results
    assert [entry.value for entry in first.regression_result.regressions] == [4.0, 5.0]
    scores = [
        row.classes[0].score for row in second.classification_result.classifications
    ]
    assert scores == [3.0, 4.0]
    assert [entry.value for entry in third.regression_result.regressions] == [3.0, 4.0]
    for (name, signature, _), result in zip(tasks, response.results, strict=True):
        assert result.model_spec.name == name
        assert result.model_spec.signature_name == signature
        assert result.model_spec.version.value == 123


def test_default_signature(server):
    """A task without a signature means serving_default, and its answer says so."""
    response = infer(server, [("colors", "", CLASSIFY)], example(v=1.0))

    (result,) = response.results
    labels = [
        entry.label for entry in result.classification_result.classifications[0].classes
    ]
    assert labels == ["red", "blue"]
    assert result.model_spec.signature_name == "serving_default"


def test_context(server):
    """The context reaches every task."""
    tasks = [(HALF, "regress_x_to_y", REGRESS), (HALF, "regress_x2_to_y3", REGRESS)]

    response = infer(server, tasks, example(x2=2.0), context=example(x=8.0))

    values = [
        result.regression_result.regressions[0].value for result in response.results
    ]
    assert values == [6.0, 4.0]


@pytest.mark.parametrize(
    "tasks, code, part",
    [
        ([], INVALID, "ModelSpec has no name specified."),
        ([("", "", REGRESS)], INVALID, "ModelSpec has no name specified."),
        (
            [("nobody", "", REGRESS)],
            grpc.StatusCode.NOT_FOUND,
            "Servable not found for request: Latest(nobody)",
        ),
        (
            [(HALF, "regress_x_to_y", REGRESS), ("", "", REGRESS)],
            INVALID,
            "Found ModelSpec with an empty model name.",
        ),
        (
            [(HALF, "regress_x_to_y", REGRESS), ("colors", "", CLASSIFY)],
            INVALID,
            "must access the same model name.",
        ),
        (
            [(HALF, "regress_x_to_y", REGRESS)] * 2,
            INVALID,
            "Duplicate evaluation of signature: regress_x_to_y",
        ),
        (
            [("colors", "", CLASSIFY), ("colors", "serving_default", REGRESS)],
            INVALID,
            "Duplicate evaluation of signature: serving_default",
        ),
        (
            [(HALF, "nobody", REGRESS)],
            INVALID,
            "Requested signature not found in model graph: nobody",
        ),
        (
            [(HALF, "serving_default", PREDICT)],
            grpc.StatusCode.UNIMPLEMENTED,
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (
            [(HALF, "regress_x_to_y", REGRESS), (HALF, "regress_given_x2", REGRESS)],
            INVALID,
            "Input tensor must be the same for all Signatures.",
        ),
        (
            [("colors", "two_inputs", CLASSIFY)],
            INVALID,
            "Expected one input Tensor.",
        ),
        (
            [("colors", "regress_other_output", REGRESS)],
            grpc.StatusCode.FAILED_PRECONDITION,
            "No regression outputs found",
        ),
        (
            [("colors", "regress", REGRESS), ("colors", "vector", CLASSIFY)],
            INVALID,
            "[batch_size num_classes] but got [1]",
        ),
    ],
)
def test_refusals(server, tasks, code, part):
    """Tasks that cannot be run together are refused for their own reason."""
    received, details = infer(server, tasks, example(v=1.0, x=1.0))

    assert received is code
    assert part in details


def test_no_examples(server):
    """An input without examples is refused, after the tasks were found right."""
    tasks = [(HALF, "regress_x_to_y", REGRESS)]

    assert infer(server, tasks) == (INVALID, "Input is empty.")
