"""Predict over gRPC: answers worked out by hand, TF1 and TF2 models."""

from __future__ import annotations

import math

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.served_model import ModelConfig
from tests.integration.serving_calls import (
    TIMEOUT_SECONDS,
    predict,
    predict_request,
    prediction_stub,
    refusal,
)
from tests.integration.serving_models import (
    build_check,
    build_convolution,
    build_half_plus,
    build_join,
    write_graph,
    write_tf2_model,
)
from tests.tiny_model import tiny_contract

INVALID = grpc.StatusCode.INVALID_ARGUMENT
IMAGES = np.zeros((1, 8, 10, 3), np.uint8)


@pytest.fixture(name="zoo", scope="module")
def _zoo(start_model_server, tmp_path_factory):
    """One server with several small models."""
    folder = tmp_path_factory.mktemp("zoo")
    builds = {
        "half_plus_two": build_half_plus(2),
        "convolution": build_convolution,
        "join": build_join,
        "check": build_check,
    }
    for name, build in builds.items():
        write_graph(folder / name / "123", build)
    write_tf2_model(folder / "halver" / "5")
    names = [*builds, "halver"]
    return start_model_server(
        configs=[ModelConfig(name=name, base_path=str(folder / name)) for name in names]
    )


def test_scores(tiny_server):
    """The scores are the softmax of the channel means, the version is told."""
    images = np.zeros((2, 8, 10, 3), np.uint8)
    images[1, :, :, 0] = 255

    version, outputs = predict(tiny_server, "tiny", images=images)

    assert version == 1
    assert list(outputs) == ["scores"]
    expected = [[1 / 3] * 3, [math.e / (math.e + 2), *[1 / (math.e + 2)] * 2]]
    np.testing.assert_allclose(outputs["scores"], expected, rtol=1e-6)


def test_contract(tiny_server):
    """A signature without inputs runs."""
    _, outputs = predict(tiny_server, "tiny", signature="contract")

    assert outputs["contract"].item().decode() == tiny_contract().to_json()


def test_output_filter(tiny_server):
    """Only the outputs that were asked for come back."""
    request = predict_request("tiny", signature="explain", images=IMAGES)
    request.output_filter.append("heatmap")

    with prediction_stub(tiny_server) as stub:
        response = stub.Predict(request, timeout=TIMEOUT_SECONDS)

    assert list(response.outputs) == ["heatmap"]
    assert response.model_spec.signature_name == "explain"


def test_metadata(tiny_server):
    """GetModelMetadata tells every signature, and the version that answered."""
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "tiny"
    request.metadata_field.append("signature_def")

    with prediction_stub(tiny_server) as stub:
        response = stub.GetModelMetadata(request, timeout=TIMEOUT_SECONDS)

    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) == {"serving_default", "explain", "contract"}
    images = signatures.signature_def["serving_default"].inputs["images"]
    assert [dim.size for dim in images.tensor_shape.dim] == [-1, 8, 10, 3]
    assert response.model_spec.version.value == 1
    assert response.model_spec.signature_name == ""


@pytest.mark.parametrize("shape", [(4, 4, 1), (), (1, 1, 4, 4, 1)])
def test_wrong_rank_lives(zoo, shape):
    """A rank that would end a process with oneDNN is refused; the next call works."""
    code, _ = refusal(zoo, "convolution", images=np.ones(shape, np.float32))

    _, outputs = predict(zoo, "convolution", images=np.ones((1, 4, 4, 1), np.float32))

    assert code is INVALID
    assert outputs["sums"].tolist() == [16.0]


def test_wrong_size(zoo):
    """A size the graph cannot take is the graph's own INVALID_ARGUMENT."""
    code, details = refusal(
        zoo, "convolution", images=np.ones((1, 4, 4, 2), np.float32)
    )

    assert code is INVALID
    assert "{{node " in details


def test_vector_for_matrix(zoo):
    """As in TensorFlow Serving, [3] and scalars fit where [-1, 1] is declared."""
    _, vector = predict(zoo, "half_plus_two", x=np.float32([1, 2, 5]))
    _, scalar = predict(zoo, "half_plus_two", x=np.float32(4))

    assert vector["y"].tolist() == [2.5, 3.0, 4.5]
    assert scalar["y"].item() == 4.0


def test_strings(zoo):
    """Texts go in and out, beside a number of its own shape."""
    left = np.array([b"a", b""], np.object_)

    version, outputs = predict(zoo, "join", left=left, right=left)

    assert version == 123
    assert outputs["joined"].tolist() == [b"aa", b""]
    assert outputs["count"].item() == 2


def test_tf2_model(zoo):
    """A TF2 export answers under each of its signatures."""
    values = np.float32([2, 6])

    assert predict(zoo, "halver", x=values)[1]["y"].tolist() == [1.0, 3.0]
    doubled = predict(zoo, "halver", signature="double", x=values)
    assert doubled[1]["y"].tolist() == [4.0, 12.0]


def test_graph_error(zoo):
    """What the graph itself refuses comes with its code, message and node."""
    code, details = refusal(zoo, "check", x=np.float32([1, -1]))

    assert code is INVALID
    assert "not positive" in details
    assert "{{node " in details


def test_several_versions_asked(tiny_server):
    """A version that is named is the version that answers."""
    version, _ = predict(tiny_server, "tiny", version=1, images=IMAGES)

    assert version == 1
