"""The edge of the gRPC doors: errors become status codes, bugs become INTERNAL."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import grpc

from serving.errors import ServingError

logger = logging.getLogger(__name__)

# Source: TensorFlow Serving's ToGRPCStatus.
_MAX_MESSAGE_BYTES = 1024
_CUT = "...TRUNCATED"


def cut_message(message: str) -> str:
    """A status message short enough for the headers it travels in."""
    encoded = message.encode()
    if len(encoded) <= _MAX_MESSAGE_BYTES:
        return message
    kept = encoded[: _MAX_MESSAGE_BYTES - len(_CUT)].decode(errors="ignore")
    return kept + _CUT


class ErrorInterceptor(grpc.ServerInterceptor):
    """Wraps every method, so that services only raise."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """The method's own handler inside the translation; streams pass as they are."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = handler_call_details.method
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: _answer(
                method, handler.unary_unary, request, context
            ),
            handler.request_deserializer,
            handler.response_serializer,
        )


def _answer(
    method: str,
    behavior: Callable[[Any, grpc.ServicerContext], Any],
    request: Any,
    context: grpc.ServicerContext,
) -> Any:
    try:
        return behavior(request, context)
    except ServingError as error:
        code, message = error.code, cut_message(error.message)
    except Exception:  # pylint: disable=broad-exception-caught  # the edge of the doors
        logger.exception("event=bug method=%s", method)
        code, message = grpc.StatusCode.INTERNAL, "internal error"
    context.abort(code, message)
    return None
