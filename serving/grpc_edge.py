"""The edge of the gRPC doors: limits and threads of the server, errors as status codes.

Owns no service: server.py adds them. Every call of theirs is noted here, once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from serving.call_threads import CallThreads
from serving.calls import Call, NoteCall, ignore_call
from serving.errors import ServingError
from serving.settings import Settings

logger = logging.getLogger(__name__)

# Source: TensorFlow Serving's ToGRPCStatus.
_MAX_STATUS_BYTES = 1024
_CUT = "...TRUNCATED"
_MAX_MESSAGE_BYTES = 2**31 - 1
_LOOKAHEAD_BYTES = 4 * 2**20
# Clocks differ, and a caller's deadline travels in whole milliseconds.
_LATE_SECONDS = 0.01
_INT32 = range(-(2**31), 2**31)
_OUR_SERVICES = "/tensorflow.serving."
_UNREADABLE = object()


def create_grpc_server(settings: Settings, edge: GrpcEdge) -> grpc.Server:
    """A server without services and ports; it turns ServingError into a status."""
    return grpc.server(
        edge.threads,
        interceptors=(edge,),
        options=(
            # Of two with one name gRPC takes the first.
            *read_channel_arguments(settings.grpc_channel_arguments),
            ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", -1),
            # The usual window is 64 KB: a picture of 150 KB would wait for its second
            # half to be asked for.
            ("grpc.http2.lookahead_bytes", _LOOKAHEAD_BYTES),
            # Two servers on one port would share the calls without a word.
            ("grpc.so_reuseport", 0),
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


class GrpcEdge(grpc.ServerInterceptor):
    """Wraps every method, so that services only raise."""

    def __init__(self, threads: CallThreads, note_call: NoteCall = ignore_call) -> None:
        """threads: The server's own; note_call: Told of each call of our services."""
        self.threads = threads
        self._note_call = note_call
        # gRPC asks at every call; methods are few, and unknown ones are not kept.
        self._wrapped: dict[str, grpc.RpcMethodHandler] = {}
        self._lock = threading.Lock()
        self._streams: set[grpc.ServicerContext] = set()
        self._is_ending = False

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """The method's own handler inside the translation; of a stream, the reading."""
        method = handler_call_details.method
        if method not in self._wrapped:
            handler = continuation(handler_call_details)
            if handler is None:
                return None
            self._wrapped[method] = self._wrap(method, handler)
        return self._wrapped[method]

    def _wrap(
        self, method: str, handler: grpc.RpcMethodHandler
    ) -> grpc.RpcMethodHandler:
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(
                partial(self._answer_stream, handler.stream_stream),
                partial(_read_message, handler.request_deserializer),
                handler.response_serializer,
            )
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                partial(self._watch, handler.unary_stream),
                partial(_read_message, handler.request_deserializer),
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            partial(self._answer, method, handler.unary_unary),
            partial(_read_message, handler.request_deserializer),
            handler.response_serializer,
        )

    def _answer(
        self,
        method: str,
        behavior: Callable[[Any, grpc.ServicerContext], Any],
        request: Any,
        context: grpc.ServicerContext,
    ) -> Any:
        self.threads.arrive()
        if request is _UNREADABLE:
            _refuse(context)
        code, message, response = grpc.StatusCode.OK, "", None
        started = time.perf_counter()
        try:
            response = behavior(request, context)
        except ServingError as error:
            code, message = error.code, cut_message(error.message)
        except Exception:  # pylint: disable=broad-exception-caught  # edge of the doors
            logger.exception("event=bug method=%s", method)
            code, message = grpc.StatusCode.INTERNAL, "internal error"
        if method.startswith(_OUR_SERVICES):
            call = Call(
                entrypoint="GRPC",
                method=method.rpartition("/")[2],
                model=_read_model_name(request),
                code=code,
                seconds=time.perf_counter() - started,
            )
            self._note_call(call)
        if code is not grpc.StatusCode.OK:
            context.abort(_choose_code(code, context), message)
        return response

    def _watch(
        self,
        behavior: Callable[[Any, grpc.ServicerContext], Iterator[Any]],
        request: Any,
        context: grpc.ServicerContext,
    ) -> Iterator[Any]:
        """Tells as long as the caller listens, and takes nobody's place."""
        self.threads.leave()
        if request is _UNREADABLE:
            _refuse(context)
        yield from behavior(request, context)

    def _answer_stream(
        self,
        behavior: Callable[[Iterator[Any], grpc.ServicerContext], Iterator[Any]],
        requests: Iterator[Any],
        context: grpc.ServicerContext,
    ) -> Iterator[Any]:
        """Reads as long as the caller asks and nobody ends it; takes nobody's place."""
        self.threads.leave()

        def readable() -> Iterator[Any]:
            for request in requests:
                if request is _UNREADABLE:
                    _refuse(context)
                yield request

        with self._lock:
            self._streams.add(context)
            is_ending = self._is_ending
        context.add_callback(lambda: self._forget(context))
        if not is_ending:
            yield from behavior(readable(), context)

    def _forget(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            self._streams.discard(context)

    def end_streams(self) -> None:
        """Cancel what is read as long as the caller asks; a drain would wait for it."""
        with self._lock:
            self._is_ending = True
            streams = tuple(self._streams)
        for context in streams:
            context.cancel()


def _choose_code(
    code: grpc.StatusCode, context: grpc.ServicerContext
) -> grpc.StatusCode:
    """The code for the caller, who may be gone by the time TensorFlow Serving answers.

    It tells of a call that waited too long when its batch is run, and this server at
    the deadline: what the caller saw was a matter of luck.
    """
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        seconds = context.time_remaining()
        if seconds is not None and seconds < _LATE_SECONDS:
            return grpc.StatusCode.DEADLINE_EXCEEDED
    return code


def _read_message(read: Callable[[bytes], Any], data: bytes) -> Any:
    """The message, or _UNREADABLE: gRPC would log a traceback for each one, and a
    stream with one would count as under way until the server is killed."""
    try:
        return read(data)
    except (DecodeError, ValueError):
        return _UNREADABLE


def _refuse(context: grpc.ServicerContext) -> None:
    # The code is that of gRPC's own libraries.
    context.abort(
        grpc.StatusCode.INTERNAL,
        "expected the method's request message, received other bytes",
    )


def _read_model_name(request: Any) -> str:
    """The model a request names; of several tasks the first one's."""
    fields = request.DESCRIPTOR.fields_by_name
    if "tasks" in fields:
        return request.tasks[0].model_spec.name if request.tasks else ""
    return request.model_spec.name if "model_spec" in fields else ""
