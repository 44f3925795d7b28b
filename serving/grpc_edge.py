"""The edge of the gRPC doors: limits and threads of the server, errors as status codes.

Owns no service: server.py adds them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from serving.errors import ServingError
from serving.settings import Settings

logger = logging.getLogger(__name__)

# Source: TensorFlow Serving's ToGRPCStatus.
_MAX_STATUS_BYTES = 1024
_CUT = "...TRUNCATED"
_MAX_MESSAGE_BYTES = 2**31 - 1
_INT32 = range(-(2**31), 2**31)


def create_grpc_server(settings: Settings) -> grpc.Server:
    """A server without services and ports; it turns ServingError into a status."""
    return grpc.server(
        ThreadPoolExecutor(settings.grpc_max_threads, thread_name_prefix="grpc"),
        interceptors=(ErrorInterceptor(),),
        options=(
            ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", -1),
            # Two servers on one port would share the calls without a word.
            ("grpc.so_reuseport", 0),
            *read_channel_arguments(settings.grpc_channel_arguments),
        ),
    )


def read_channel_arguments(text: str) -> tuple[tuple[str, int | str], ...]:
    """`k=v,k=v` as gRPC options; what reads as an int32 is one."""
    options = []
    for pair in filter(None, text.split(",")):
        name, _, value = pair.partition("=")
        is_number = value.removeprefix("-").isdecimal() and int(value) in _INT32
        options.append((name, int(value) if is_number else value))
    return tuple(options)


def cut_message(message: str) -> str:
    """A status message short enough for the headers it travels in."""
    encoded = message.encode()
    if len(encoded) <= _MAX_STATUS_BYTES:
        return message
    kept = encoded[: _MAX_STATUS_BYTES - len(_CUT)].decode(errors="ignore")
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
