"""Calls over gRPC that outlast the pods they are sent to; knows no models.

What is asked here changes nothing in the model server, so that it may be asked again: a
pod that dies or hangs costs a caller time, not the answer. One pod that answers is
enough.
"""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections.abc import Mapping
from types import MappingProxyType

import grpc
from google.protobuf.message import Message

from gateway import trace, wire
from gateway.deadline import Deadline
from gateway.rpc_errors import gateway_error

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
# While a model Deployment rolls, a named version may live in some pods only, also one
# that has a label, and round_robin asks another pod each time; with many callers, any
# other. Of two pods, 8 tries failed one request in a thousand. A try costs less than a
# millisecond.
PODS_TO_ASK = 32
# A pod that hangs is found out after both, and its calls have the rest of the usual
# 5 s for another pod. A ping is sent only while calls wait and nothing is heard.
PING_AFTER_SECONDS = 1.0
PING_PATIENCE_SECONDS = 2.0
# No answer for so long and the pods refuse: the channel is opened anew.
STUCK_SECONDS = 1.0

REPLIES: Mapping[str, type[Message]] = MappingProxyType(
    {
        wire.PREDICT: wire.PredictResponse,
        wire.GET_MODEL_METADATA: wire.GetModelMetadataResponse,
        wire.GET_MODEL_STATUS: wire.GetModelStatusResponse,
    }
)

# Source: gRPC proposal A6, client retries.
_RETRIES = {
    "maxAttempts": 3,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.1s",
    "backoffMultiplier": 2,
    # A server that is told to stop cancels calls it has not begun; we cancel none.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [{"name": [{}], "retryPolicy": _RETRIES}],
    # With no pod left, 50 failures end the asking again, until calls succeed.
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.5},
}
_OPTIONS = (
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # The default is 256 KB: two pictures of 224 x 224 would be sent once only.
    ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", round(1000 * PING_AFTER_SECONDS)),
    # The kernel's patience with a peer that vanished (TCP_USER_TIMEOUT), and gRPC's
    # own with one that hangs, whose kernel goes on acknowledging; its default is 60 s.
    ("grpc.keepalive_timeout_ms", round(1000 * PING_PATIENCE_SECONDS)),
    ("grpc.http2.ping_timeout_ms", round(1000 * PING_PATIENCE_SECONDS)),
    # The default waits up to two minutes before a server that came back is tried.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
)


class ModelChannel:
    """Calls of one model server's pods. Open it after the fork, one per worker."""

    def __init__(self, address: str) -> None:
        """Address is host:port, or any gRPC target that names its scheme."""
        is_target = ":/" in address or address.startswith(("ipv4:", "ipv6:", "unix:"))
        self._target = address if is_target else f"dns:///{address}"
        self._renewal = threading.Lock()
        self._line = _Line(self._target)
        self._heard_at = time.monotonic()

    def call(
        self,
        path: str,
        request: Message,
        deadline: Deadline,
        message: bytes | None = None,
    ) -> Message:
        """One call; a named version that a pod has not loaded is sought in others.

        Args:
            path: One of REPLIES.
            request: Has a model_spec.
            message: The request as bytes, if it is more than the request's own.

        Raises:
            GatewayError: As rpc_errors says.
        """
        message = message or request.SerializeToString()
        is_specific = request.model_spec.WhichOneof("version_choice") is not None
        for pods_left in reversed(range(PODS_TO_ASK if is_specific else 1)):
            if not deadline.remaining_seconds():
                # gRPC would race: a near server answers before the timer is looked at.
                late = grpc.StatusCode.DEADLINE_EXCEEDED
                raise gateway_error(request.model_spec, late)
            try:
                return self._ask(path, message, deadline)
            except grpc.RpcError as error:
                code = _code(error)
                if code is grpc.StatusCode.NOT_FOUND and pods_left:
                    continue
                raise gateway_error(request.model_spec, code) from error
        raise AssertionError("unreachable: the last pod answers or raises")

    def _ask(self, path: str, message: bytes, deadline: Deadline) -> Message:
        """One call, and one more if a new line may lead further than the old one."""
        line = self._line
        try:
            response = line.send(path, message, deadline)
        except grpc.RpcError as error:
            if _code(error) is not grpc.StatusCode.UNAVAILABLE or not self._renew(line):
                raise
            response = self._line.send(path, message, deadline)
        self._heard_at = time.monotonic()
        return response

    def _renew(self, line: _Line) -> bool:
        """Open a new line unless this one may still recover; true if there is one.

        While a name has no address gRPC asks DNS after 1 s, then ever later, up to two
        minutes, whatever its options say: pods that come back with other addresses
        would stay unknown. Each worker has its own clock for that. A new channel asks
        at once.
        """
        with self._renewal:
            if line is self._line:
                alive_at = max(line.opened_at, self._heard_at)
                if time.monotonic() - alive_at < STUCK_SECONDS:
                    return False
                self._line = _Line(self._target)
            return True

    def close(self) -> None:
        """Give the connections back; calls under way are cancelled."""
        self._line.close()


class _Line:
    """One gRPC channel; it closes when the last call that uses it is over."""

    def __init__(self, target: str) -> None:
        channel = grpc.insecure_channel(target, _OPTIONS)
        self.opened_at = time.monotonic()
        self.close = weakref.finalize(self, channel.close)
        self.close.atexit = False
        self._methods = {
            path: channel.unary_unary(
                path,
                request_serializer=None,  # messages are bytes here
                response_deserializer=reply.FromString,
            )
            for path, reply in REPLIES.items()
        }

    def send(self, path: str, message: bytes, deadline: Deadline) -> Message:
        """One call; raises grpc.RpcError."""
        return self._methods[path](
            message, timeout=deadline.remaining_seconds(), metadata=trace.metadata()
        )


def _code(error: grpc.RpcError) -> grpc.StatusCode:
    return error.code()  # pylint: disable=no-member  # it is a Call
