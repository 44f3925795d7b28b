"""grpc.health.v1 that follows the models; "" and the two services are always alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

# Source: TensorFlow Serving's server.cc.
HEALTH_NAMES = ("", "ModelService", "PredictionService")
_Status = health_pb2.HealthCheckResponse


class _Watched(health.HealthServicer):  # type: ignore[misc]  # has no type hints
    """Lets go of those who watch, where a drain would wait for them."""

    def __init__(self) -> None:
        # In a thread each: who reads nothing must not hold up whoever sets a status.
        super().__init__(experimental_non_blocking=False)
        self._watching = threading.Lock()
        self._watchers: set[Any] = set()
        self._has_let_go = False

    def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: None = None,
    ) -> Any:
        """The status now and after each change, until the caller or let_go() ends it.

        send_response_callback: grpc gives none to who blocks.
        """
        del send_response_callback
        watcher = super().Watch(request, context)
        with self._watching:
            self._watchers.add(watcher)
            has_let_go = self._has_let_go
        context.add_callback(lambda: self._forget(watcher))
        if has_let_go:
            watcher.close()
        return watcher

    def _forget(self, watcher: Any) -> None:
        with self._watching:
            self._watchers.discard(watcher)

    def let_go(self) -> None:
        """End each stream, once it has told what was set so far."""
        with self._watching:
            self._has_let_go = True
            watchers = tuple(self._watchers)
        for watcher in watchers:
            watcher.close()


class ModelHealth:
    """NOT_SERVING while no model answers, and for good once the server drains."""

    def __init__(self, is_answering: Callable[[], bool]) -> None:
        self._is_answering = is_answering
        self._servicer = _Watched()
        self._lock = threading.Lock()
        self._status: int | None = None
        self.update()

    def add_to(self, server: grpc.Server) -> None:
        """Serve Check and Watch there."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    def update(self) -> None:
        """Look at the models; whoever watches hears of a change."""
        # Asked under the lock: an older answer must not be told after a newer one.
        with self._lock:
            is_serving = self._is_answering()
            status = _Status.SERVING if is_serving else _Status.NOT_SERVING
            if status == self._status:
                return
            self._status = status
            for name in HEALTH_NAMES:
                self._servicer.set(name, status)

    def drain(self) -> None:
        """NOT_SERVING from now on, whatever the models do; nobody watches longer."""
        self._servicer.enter_graceful_shutdown()
        self._servicer.let_go()
