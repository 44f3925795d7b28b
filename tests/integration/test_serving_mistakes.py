"""Calls that must fail over gRPC: a code and a text for every mistake."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import get_model_metadata_pb2

from tests.integration.serving_calls import (
    predict_request,
    prediction_stub,
    refusal,
    refusal_of,
)

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
IMAGES = np.zeros((1, 8, 10, 3), np.uint8)


@pytest.mark.parametrize("fields", [[], ["other"], ["signature_def", "other"]])
def test_wrong_metadata_field(tiny_server, fields):
    """Metadata fields are checked before the model is looked for."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = "nobody"

    with prediction_stub(tiny_server) as stub:
        error = stub.GetModelMetadata.future(request, timeout=30).exception()

    assert error.code() is INVALID


@pytest.mark.parametrize(
    "name, parts, code, part",
    [
        (
            "x",
            {"images": IMAGES},
            NOT_FOUND,
            "Servable not found for request: Latest(x)",
        ),
        ("tiny", {"images": IMAGES, "version": 9}, NOT_FOUND, "Specific(tiny, 9)"),
        (
            "tiny",
            {"images": IMAGES, "label": "a"},
            INVALID,
            "Unrecognized servable version label: a",
        ),
        (
            "tiny",
            {"images": IMAGES, "signature": "s"},
            PRECONDITION,
            'Serving signature key "s" not found.',
        ),
        ("", {"images": IMAGES}, INVALID, "ModelSpec has no name specified."),
        ("tiny", {"x": IMAGES}, INVALID, "Signature input alias: images"),
        ("tiny", {}, INVALID, "Missing but required: {images}."),
        (
            "tiny",
            {"images": IMAGES.astype(np.float32)},
            INVALID,
            "Expects arg[0] to be uint8 but float is provided",
        ),
        ("tiny", {"images": IMAGES[0]}, INVALID, "received rank 3"),
        (
            "tiny",
            {"images": IMAGES, "signature": "contract"},
            INVALID,
            "Sent extra: {images}.",
        ),
    ],
)
def test_mistakes(tiny_server, name, parts, code, part):
    """Every mistake has TensorFlow Serving's code and says what was wrong."""
    received, details = refusal(tiny_server, name, **parts)

    assert received is code
    assert part in details


def test_no_spec(tiny_server):
    """A request must say which model it is for."""
    request = predict_request("tiny")
    request.ClearField("model_spec")

    assert refusal_of(tiny_server, request) == (INVALID, "Missing ModelSpec")


def test_bad_content(tiny_server):
    """Bytes that do not fit the shape are refused."""
    request = predict_request("tiny", images=IMAGES)
    request.inputs["images"].tensor_content += b"1"

    received = refusal_of(tiny_server, request)

    assert received == (INVALID, "tensor parsing error: images")
