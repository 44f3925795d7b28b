"""GetModelMetadata and the method-name check over gRPC."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.served_model import ModelConfig
from tests.integration.example_models import (
    CLASSIFY,
    PREDICT,
    REGRESS,
    build_colors,
    build_half_plus_two,
    write_signatures,
)
from tests.integration.format_models import edit_model, write_tf2_table
from tests.integration.serving_calls import call, predict, refusal
from tests.integration.serving_models import build_half_plus, write_graph

NOT_FOUND = grpc.StatusCode.NOT_FOUND
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def rename_method(message):
    """A method name that no server has."""
    signatures = message.meta_graphs[0].signature_def
    signatures["serving_default"].method_name = "tensorflow/serving/dream"


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_signatures(folder / "half_plus_two" / "123", build_half_plus_two)
    write_signatures(folder / "colors" / "4", build_colors)
    write_tf2_table(folder / "table" / "2")
    write_graph(folder / "dreamer" / "1", build_half_plus(1))
    edit_model(folder / "dreamer" / "1", rename_method)
    return folder


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, folder):
    return start_model_server(configs=configs(folder))


@pytest.fixture(name="strict_server", scope="module")
def _strict_server(start_model_server, folder):
    """The same with --enable_signature_method_name_check."""
    return start_model_server(
        configs=configs(folder), enable_signature_method_name_check=True
    )


def configs(folder):
    """Every model of the folder."""
    return [
        ModelConfig(name=path.name, base_path=str(path))
        for path in sorted(folder.iterdir())
    ]


def metadata(server, name, *fields, **spec):
    """(model_spec, {signature: SignatureDef}), or (code, details)."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = name
    if "version" in spec:
        request.model_spec.version.value = spec["version"]
    if "label" in spec:
        request.model_spec.version_label = spec["label"]
    answer = call(server, "GetModelMetadata", request)
    if isinstance(answer, tuple):
        return answer
    assert set(answer.metadata) == {"signature_def"}
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    return answer.model_spec, signatures.signature_def


def test_methods(server):
    """Every signature is told with its method, tensors, dtypes and shapes."""
    spec, signatures = metadata(server, "half_plus_two", "signature_def")

    assert (spec.name, spec.version.value, spec.signature_name) == (
        "half_plus_two",
        123,
        "",
    )
    assert {name: entry.method_name for name, entry in signatures.items()} == {
        "serving_default": PREDICT,
        "classify_x_to_y": CLASSIFY,
        "regress_x_to_y": REGRESS,
        "regress_x_to_y2": REGRESS,
        "regress_x2_to_y3": REGRESS,
        "regress_given_x2": REGRESS,
    }
    examples = signatures["regress_x_to_y"].inputs["inputs"]
    assert examples.name == "tf_example:0"
    assert examples.dtype == types_pb2.DT_STRING
    assert [dim.size for dim in examples.tensor_shape.dim] == [-1]
    assert set(signatures["classify_x_to_y"].outputs) == {"scores"}


def test_init_op(server):
    """The signature that TF2 fills tables with is told like the others."""
    _, signatures = metadata(server, "table", "signature_def")

    assert set(signatures) == {"serving_default", "__saved_model_init_op"}


def test_field_twice(server):
    """A field asked for twice is told once."""
    spec, signatures = metadata(server, "table", "signature_def", "signature_def")

    assert spec.version.value == 2
    assert "serving_default" in signatures


@pytest.mark.parametrize(
    "name, spec, answer",
    [
        ("x", {}, (NOT_FOUND, "Servable not found for request: Latest(x)")),
        (
            "colors",
            {"version": 9},
            (NOT_FOUND, "Servable not found for request: Specific(colors, 9)"),
        ),
        (
            "colors",
            {"label": "a"},
            (INVALID, "Unrecognized servable version label: a"),
        ),
        ("", {}, (INVALID, "ModelSpec has no name specified.")),
    ],
)
def test_wrong_model(server, name, spec, answer):
    """A model that is not there is told as in every other call."""
    assert metadata(server, name, "signature_def", **spec) == answer


def test_no_spec(server):
    """The missing ModelSpec is told before the missing field."""
    request = get_model_metadata_pb2.GetModelMetadataRequest()

    assert call(server, "GetModelMetadata", request) == (INVALID, "Missing ModelSpec")


def test_method_name_of_predict(server, strict_server):
    """With the flag, Predict takes the three methods' signatures and no others."""
    x = np.float32([[2]])

    _, unchecked = predict(server, "dreamer", x=x)
    code, details = refusal(strict_server, "dreamer", x=x)
    _, checked = predict(strict_server, "half_plus_two", x=x)

    assert unchecked["y"].tolist() == [[2.0]]
    assert code is grpc.StatusCode.INTERNAL
    assert "tensorflow/serving/dream" in details
    assert checked["y"].tolist() == [[3.0]]
