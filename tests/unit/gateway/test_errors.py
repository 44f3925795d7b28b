"""Every error a client may see has its row, and so has every gRPC status."""

from __future__ import annotations

from http import HTTPStatus

import grpc
import pytest

from gateway import wire
from gateway.contract import CONTRACT_SIGNATURE
from gateway.errors import (
    GatewayError,
    ModelFailed,
    ModelMismatch,
    UnknownVersion,
)
from gateway.rpc_errors import ERRORS, gateway_error

# Class name: (HTTP status, code, whether Retry-After is sent); house style, section 6.
ROWS = {
    "InvalidRequest": (400, "invalid_request", False),
    "MissingImage": (400, "missing_image", False),
    "TooManyImages": (413, "too_many_images", False),
    "RequestTooLarge": (413, "request_too_large", False),
    "InvalidImage": (400, "invalid_image", False),
    "UnsupportedImage": (415, "unsupported_image", False),
    "UnsupportedContentType": (415, "unsupported_content_type", False),
    "ImageTooLarge": (413, "image_too_large", False),
    "ForbiddenUrl": (400, "forbidden_url", False),
    "FetchFailed": (400, "fetch_failed", False),
    "KeyRequired": (401, "key_required", False),
    "TooManyRequests": (429, "too_many_requests", True),
    "NoReport": (404, "no_report", False),
    "FeedbackOff": (404, "feedback_off", False),
    "GatewayBusy": (503, "gateway_busy", True),
    "UnknownModel": (404, "unknown_model", False),
    "UnknownVersion": (404, "unknown_version", False),
    "NoExplanation": (404, "no_explanation", False),
    "ModelUnavailable": (503, "model_unavailable", True),
    "ModelTimeout": (504, "model_timeout", False),
    "ModelMismatch": (502, "model_mismatch", False),
    "ModelFailed": (502, "model_failed", False),
}
RPC_ROWS = {
    "CANCELLED": 503,
    "UNAVAILABLE": 503,
    "RESOURCE_EXHAUSTED": 503,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 502,
    "INVALID_ARGUMENT": 502,
    "FAILED_PRECONDITION": 502,
}


def test_rows():
    """No error class without a row here, no row without a class."""
    rows = {
        kind.__name__: (kind.status, kind.code, kind.retry_after_seconds is not None)
        for kind in GatewayError.__subclasses__()
    }

    assert rows == ROWS


@pytest.mark.parametrize("kind", GatewayError.__subclasses__())
def test_summary(kind):
    """Each class explains itself in one sentence."""
    assert kind.summary().endswith(".")
    assert "\n" not in kind.summary()
    assert isinstance(kind.status, HTTPStatus)


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c.name != "OK"])
def test_rpc_status(code):
    """Every gRPC status but OK becomes the error that the table says."""
    error = gateway_error(wire.ModelSpec(name="pizza"), code)

    assert error.status == RPC_ROWS.get(code.name, 502)
    assert str(error).startswith("model 'pizza': ") and code.name in str(error)


def test_rpc_kinds():
    """Ours to repair and failed for other reasons are told apart."""
    mismatches = {code.name for code, row in ERRORS.items() if row[0] is ModelMismatch}
    failures = {code for code, row in ERRORS.items() if row[0] is ModelFailed}

    assert mismatches == {"NOT_FOUND", "INVALID_ARGUMENT", "FAILED_PRECONDITION"}
    assert len(failures) == len(list(grpc.StatusCode)) - 1 - len(RPC_ROWS)


def spec(signature=CONTRACT_SIGNATURE, **choice):
    """A call's ModelSpec; choice is version or version_label."""
    made = wire.ModelSpec(name="pizza", signature_name=signature)
    if "version" in choice:
        made.version.value = choice["version"]
    else:
        made.version_label = choice["version_label"]
    return made


@pytest.mark.parametrize(
    "made, code, named",
    [
        (spec(version=7), grpc.StatusCode.NOT_FOUND, "version 7"),
        (spec("serving_default", version=0), grpc.StatusCode.NOT_FOUND, "version 0"),
        (spec(version_label="old"), grpc.StatusCode.NOT_FOUND, "label 'old'"),
        (spec(version_label="old"), grpc.StatusCode.INVALID_ARGUMENT, "label 'old'"),
    ],
)
def test_unknown_version(made, code, named):
    """What a caller named and the server lacks is told as 404 with that name."""
    error = gateway_error(made, code)

    assert isinstance(error, UnknownVersion)
    assert str(error) == (
        f"model 'pizza': expected a version that is loaded, received {named}"
    )


@pytest.mark.parametrize(
    "made, code",
    [
        (spec(version=7), grpc.StatusCode.INVALID_ARGUMENT),
        (
            spec("serving_default", version_label="old"),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
    ],
)
def test_named_version_and_bad_pixels(made, code):
    """Pixels that are refused are not blamed on the version that was named."""
    assert isinstance(gateway_error(made, code), ModelMismatch)
