"""Every gRPC status and what a client of the gateway is told of it; one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import grpc
from google.protobuf.message import Message

from gateway.contract import CONTRACT_SIGNATURE
from gateway.errors import (
    GatewayError,
    ModelFailed,
    ModelMismatch,
    ModelTimeout,
    ModelUnavailable,
    UnknownVersion,
)

_FAILED = (ModelFailed, "the model server failed")

ERRORS: Mapping[grpc.StatusCode, tuple[type[GatewayError], str]] = MappingProxyType(
    {
        grpc.StatusCode.UNAVAILABLE: (
            ModelUnavailable,
            "the model server cannot be reached now",
        ),
        # A server that is told to stop cancels calls it has not begun; we cancel none.
        grpc.StatusCode.CANCELLED: (
            ModelUnavailable,
            "the model server is stopping",
        ),
        grpc.StatusCode.RESOURCE_EXHAUSTED: (
            ModelUnavailable,
            "the model server is too busy now",
        ),
        grpc.StatusCode.DEADLINE_EXCEEDED: (
            ModelTimeout,
            "the model server did not answer in time",
        ),
        grpc.StatusCode.NOT_FOUND: (
            ModelMismatch,
            "the model server has not loaded this model or version",
        ),
        grpc.StatusCode.INVALID_ARGUMENT: (
            ModelMismatch,
            "the model does not take what its contract says",
        ),
        grpc.StatusCode.FAILED_PRECONDITION: (
            ModelMismatch,
            "the model lacks a signature that the gateway needs",
        ),
        grpc.StatusCode.UNKNOWN: _FAILED,
        grpc.StatusCode.ALREADY_EXISTS: _FAILED,
        grpc.StatusCode.PERMISSION_DENIED: _FAILED,
        grpc.StatusCode.UNAUTHENTICATED: _FAILED,
        grpc.StatusCode.ABORTED: _FAILED,
        grpc.StatusCode.OUT_OF_RANGE: _FAILED,
        grpc.StatusCode.UNIMPLEMENTED: _FAILED,
        grpc.StatusCode.INTERNAL: _FAILED,
        grpc.StatusCode.DATA_LOSS: _FAILED,
    }
)


def gateway_error(spec: Message, code: grpc.StatusCode) -> GatewayError:
    """The error of one failed call; the server's own words stay in the log.

    Args:
        spec: The call's ModelSpec.
    """
    if _names_unknown_version(spec, code):
        label = spec.version_label
        named = f"label '{label}'" if label else f"version {spec.version.value}"
        return UnknownVersion(
            f"model '{spec.name}': expected a version that is loaded, received {named}"
        )
    kind, sentence = ERRORS[code]
    return kind(f"model '{spec.name}': {sentence} ({code.name})")


def _names_unknown_version(spec: Message, code: grpc.StatusCode) -> bool:
    """True if the version or label that a call named is the reason it failed."""
    if code is grpc.StatusCode.NOT_FOUND:
        return spec.WhichOneof("version_choice") is not None
    # The contract takes no input, so nothing else of the call can be invalid.
    is_contract = spec.signature_name == CONTRACT_SIGNATURE
    is_invalid = code is grpc.StatusCode.INVALID_ARGUMENT
    return is_invalid and is_contract and bool(spec.version_label)
