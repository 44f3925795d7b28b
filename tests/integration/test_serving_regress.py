"""Regress over gRPC: values worked out by hand, and every refusal."""

from __future__ import annotations

import grpc
import pytest
from tensorflow_serving.apis import classification_pb2, regression_pb2

from serving.served_model import ModelConfig
from tests.integration.example_models import (
    build_colors,
    build_half_plus_two,
    example,
    write_signatures,
    write_tf2_regressor,
)
from tests.integration.serving_calls import call, examples_request

INVALID = grpc.StatusCode.INVALID_ARGUMENT
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


def write_models(folder):
    """The configs of half_plus_two, colors and the TF2 model times_ten."""
    write_signatures(folder / "half_plus_two" / "123", build_half_plus_two)
    write_signatures(folder / "colors" / "1", build_colors)
    write_tf2_regressor(folder / "times_ten" / "1")
    names = ("half_plus_two", "colors", "times_ten")
    return [ModelConfig(name=name, base_path=str(folder / name)) for name in names]


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    return start_model_server(configs=write_models(tmp_path_factory.mktemp("models")))


@pytest.fixture(name="strict_server", scope="module")
def _strict_server(start_model_server, tmp_path_factory):
    """The same models, called only as what their authors said they are for."""
    return start_model_server(
        configs=write_models(tmp_path_factory.mktemp("models")),
        enable_signature_method_name_check=True,
    )


def regress(server, name, *rows, **parts):
    """The response to examples, or its (code, details)."""
    request = examples_request(regression_pb2.RegressionRequest, name, rows, **parts)
    return call(server, "Regress", request)


def values(response):
    """The value of each example."""
    return [entry.value for entry in response.result.regressions]


@pytest.mark.parametrize(
    "signature, expected",
    [
        ("regress_x_to_y", [3.0, 7.0]),
        ("regress_x_to_y2", [4.0, 8.0]),
        ("regress_x2_to_y3", [3.0, 5.0]),
    ],
)
def test_half_plus_two(server, signature, expected):
    """Every signature of the sample model gives its values, row by row."""
    rows = [example(x=2.0), example(x=10.0, x2=4.0)]

    response = regress(server, "half_plus_two", *rows, signature=signature)

    assert values(response) == expected
    assert response.model_spec.name == "half_plus_two"
    assert response.model_spec.signature_name == signature
    assert response.model_spec.version.value == 123


def test_context(server):
    """An example's own value wins over the context's."""
    rows, context = [example(), example(x=6.0)], example(x=2.0)

    response = regress(
        server, "half_plus_two", *rows, signature="regress_x_to_y", context=context
    )

    assert values(response) == [3.0, 5.0]


def test_vector(server):
    """One value a row may come without a second dimension."""
    assert values(regress(server, "colors", example(v=1.5), signature="regress")) == [
        1.5
    ]


def test_tf2_signature(server):
    """A TF2 export, whose method name is always predict, regresses."""
    response = regress(server, "times_ten", example(v=0.5))

    assert values(response) == [5.0]
    assert response.model_spec.signature_name == "serving_default"


@pytest.mark.parametrize(
    "signature, code, part",
    [
        ("nobody", INVALID, "No signature was found with the name: nobody"),
        ("regress_two_inputs", INVALID, "Expected one input Tensor."),
        ("regress_two_outputs", INVALID, "Expected one output Tensor."),
        ("regress_other_input", PRECONDITION, "No regression inputs found"),
        ("regress_other_output", PRECONDITION, "No regression outputs found"),
        ("regress_pairs", INVALID, "[batch_size, 1] but got [2,2]"),
        ("regress_scalar", INVALID, "[batch_size, 1] but got []"),
        ("regress_one_row", INVALID, "output batch size: 2 vs. 1"),
        ("regress_double", INVALID, "DT_FLOAT. Got: DT_DOUBLE"),
    ],
)
def test_wrong_signatures(server, signature, code, part):
    """Every signature that does not regress is refused for its own reason."""
    rows = [example(v=1.0), example(v=1.0)]

    received, details = regress(server, "colors", *rows, signature=signature)

    assert received is code
    assert part in details


def test_no_examples(server):
    """An input without examples is refused."""
    assert regress(server, "times_ten") == (INVALID, "Input is empty.")


def test_missing_feature(server):
    """An example without what the model needs is refused by the graph."""
    code, details = regress(
        server, "half_plus_two", example(), signature="regress_x_to_y"
    )

    assert code is INVALID
    assert "Feature: x" in details


def test_method_names(strict_server):
    """Where the flag asks for it, only a signature of the method is run."""
    right = regress(
        strict_server, "half_plus_two", example(x=2.0), signature="regress_x_to_y"
    )
    code, details = regress(strict_server, "times_ten", example(v=0.5))

    assert values(right) == [3.0]
    assert code is INVALID
    assert "tensorflow/serving/regress" in details


def test_method_name_of_classify(strict_server):
    """The flag tells a classifier from a regressor, too."""
    request = examples_request(
        classification_pb2.ClassificationRequest,
        "colors",
        [example(v=1.0)],
        signature="regress",
    )

    code, details = call(strict_server, "Classify", request)

    assert code is INVALID
    assert "tensorflow/serving/classify" in details
