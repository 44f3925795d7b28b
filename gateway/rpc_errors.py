"""Every gRPC status and what a client of the gateway is told of it; one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import grpc

from gateway.errors import (
    GatewayError,
    ModelFailed,
    ModelMismatch,
    ModelTimeout,
    ModelUnavailable,
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


def gateway_error(model: str, code: grpc.StatusCode) -> GatewayError:
    """The error of one failed call; the server's own words stay in the log."""
    kind, sentence = ERRORS[code]
    return kind(f"model '{model}': {sentence} ({code.name})")
