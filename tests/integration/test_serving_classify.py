"""Classify over gRPC: labels and scores worked out by hand, and every refusal."""

from __future__ import annotations

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2

from tests.integration.example_models import build_colors, example, write_signatures
from tests.integration.serving_calls import call, examples_request

INVALID = grpc.StatusCode.INVALID_ARGUMENT
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
NOT_FOUND = grpc.StatusCode.NOT_FOUND


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    """The signatures of build_colors, version 7."""
    base_path = tmp_path_factory.mktemp("models") / "colors"
    write_signatures(base_path / "7", build_colors)
    return start_model_server(base_path, name="colors")


def classify(server, *rows, name="colors", **parts):
    """The response to examples, or its (code, details)."""
    request = examples_request(
        classification_pb2.ClassificationRequest, name, rows, **parts
    )
    return call(server, "Classify", request)


def table(response):
    """[[(label, score), ...] per example]."""
    return [
        [(entry.label, entry.score) for entry in row.classes]
        for row in response.result.classifications
    ]


def test_classes(server):
    """Each example has its labels and scores; the spec says what answered."""
    response = classify(server, example(v=1.0), example(v=3.0))

    assert table(response) == [
        [("red", 1.0), ("blue", 2.0)],
        [("red", 3.0), ("blue", 6.0)],
    ]
    assert response.model_spec.name == "colors"
    assert response.model_spec.signature_name == "serving_default"
    assert response.model_spec.version.value == 7


@pytest.mark.parametrize(
    "signature, classes",
    [
        ("labels", [("red", 0.0), ("blue", 0.0)]),
        ("scores", [("", 1.5), ("", 3.0)]),
        ("scores_and_more", [("", 1.5), ("", 3.0)]),
        ("latin", [("caf\ufffd", 1.5), ("\0", 3.0)]),
    ],
)
def test_half_an_answer(server, signature, classes):
    """A model may lack labels or scores, and its labels may be no text."""
    response = classify(server, example(v=1.5), signature=signature)

    assert table(response) == [classes]
    assert response.model_spec.signature_name == signature


def test_context(server):
    """What the context says is true for each example that says nothing else."""
    response = classify(server, example(), example(v=4.0), context=example(v=2.0))

    assert [row[0] for row in table(response)] == [("red", 2.0), ("red", 4.0)]


@pytest.mark.parametrize(
    "signature, code, part",
    [
        ("nobody", INVALID, "No signature was found with the name: nobody"),
        ("two_inputs", INVALID, "Expected one input Tensor."),
        ("three_outputs", INVALID, "Expected one or two output Tensors, found 3"),
        ("other_input", PRECONDITION, "No classification inputs found"),
        ("other_output", PRECONDITION, '"classes" or "scores", found y'),
        ("vector", INVALID, "[batch_size num_classes] but got [2]"),
        ("double", INVALID, "DT_FLOAT. Got: DT_DOUBLE"),
        ("numbers_as_labels", INVALID, "DT_STRING. Got: DT_FLOAT"),
        ("one_row", INVALID, "output batch size of 2. Got: 1"),
        ("widths", INVALID, "received 2 and 1"),
        ("floats", INVALID, "Expects arg[0] to be float but string is provided"),
    ],
)
def test_wrong_signatures(server, signature, code, part):
    """Every signature that does not classify is refused for its own reason."""
    received, details = classify(
        server, example(v=1.0), example(v=1.0), signature=signature
    )

    assert received is code
    assert part in details


@pytest.mark.parametrize("context", [None, example(v=1.0)])
def test_no_examples(server, context):
    """An input without examples is refused, whatever they would share."""
    assert classify(server, context=context) == (INVALID, "Input is empty.")


def test_unset_input(server):
    """A request without an input is refused like an empty one."""
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "colors"

    assert call(server, "Classify", request) == (INVALID, "Input is empty.")


def test_signature_before_input(server):
    """A wrong signature is told before a missing input."""
    _, details = classify(server, signature="two_inputs")

    assert details == "Expected one input Tensor."


@pytest.mark.parametrize(
    "request_message, answer",
    [
        (classification_pb2.ClassificationRequest(), (INVALID, "Missing ModelSpec")),
        (
            examples_request(classification_pb2.ClassificationRequest, "", []),
            (INVALID, "ModelSpec has no name specified."),
        ),
        (
            examples_request(classification_pb2.ClassificationRequest, "x", []),
            (NOT_FOUND, "Servable not found for request: Latest(x)"),
        ),
        (
            examples_request(
                classification_pb2.ClassificationRequest, "colors", [], version=8
            ),
            (NOT_FOUND, "Servable not found for request: Specific(colors, 8)"),
        ),
    ],
)
def test_wrong_model(server, request_message, answer):
    """The model is looked for before anything else."""
    assert call(server, "Classify", request_message) == answer


def test_missing_feature(server):
    """An example without what the model needs is refused by the graph."""
    code, details = classify(server, example(w=1.0))

    assert code is INVALID
    assert "Feature: v" in details


def test_wrong_feature_kind(server):
    """An example with whole numbers where the model needs floats is refused."""
    message = tf.train.Example()
    message.features.feature["v"].int64_list.value.append(1)

    code, details = classify(server, message)

    assert code is INVALID
    assert "Key: v" in details


def test_batching(start_model_server, tmp_path):
    """Batched, the answers are the same; outputs of another length are the model's."""
    write_signatures(tmp_path / "colors" / "7", build_colors)
    server = start_model_server(
        tmp_path / "colors", name="colors", enable_batching=True
    )
    rows = [example(v=1.0), example(v=3.0)]

    code, _ = classify(server, *rows, signature="one_row")

    assert [row[0] for row in table(classify(server, *rows))] == [
        ("red", 1.0),
        ("red", 3.0),
    ]
    assert code is PRECONDITION
