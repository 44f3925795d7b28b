"""grpc.health.v1 that follows the models; "" and the two services are always alike."""

from __future__ import annotations

import threading
from collections.abc import Callable

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

# Source: TensorFlow Serving's server.cc.
HEALTH_NAMES = ("", "ModelService", "PredictionService")
_Status = health_pb2.HealthCheckResponse


class ModelHealth:
    """NOT_SERVING while no model answers, and for good once the server drains."""

    def __init__(self, is_answering: Callable[[], bool]) -> None:
        self._is_answering = is_answering
        self._servicer = health.HealthServicer()
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
        """NOT_SERVING from now on, whatever the models do."""
        self._servicer.enter_graceful_shutdown()
