"""The running server: models, gRPC and REST ports, health, and an orderly end."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import grpc
from cheroot import wsgi
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from serving.batching import Batcher, BatchingParameters
from serving.batching_config import read_batching_file
from serving.errors import ServingError
from serving.grpc_edge import create_grpc_server
from serving.loader import load_servable
from serving.model_service import ModelService
from serving.models import ModelStore
from serving.prediction_service import PredictionService
from serving.rest import RestOptions, create_app
from serving.servable import Servable
from serving.served_model import ModelConfig, Timing
from serving.settings import ANY_FREE_PORT, Settings
from serving.version_policy import list_version_folders
from serving.version_state import RetryPolicy

logger = logging.getLogger(__name__)

HEALTH_NAMES = ("", "ModelService", "PredictionService")
_ALL_ADDRESSES = "0.0.0.0"


class ModelServer:
    """start() serves the models until stop(); it starts once."""

    def __init__(self, settings: Settings, configs: Sequence[ModelConfig]) -> None:
        """Raises ServingError when the batching parameters do not parse."""
        self._settings = settings
        self._configs = tuple(configs)
        self._batcher = _create_batcher(settings)
        self._store: ModelStore[Servable] = ModelStore(
            partial(load_servable, settings, self._batcher),
            list_version_folders,
            _read_timing(settings),
            settings.allow_version_labels_for_unavailable_models,
        )
        self._health = health.HealthServicer()
        self._opening = threading.Lock()
        self._is_stopped = False
        self._grpc: grpc.Server | None = None
        self._rest: wsgi.Server | None = None
        self.grpc_port = 0
        self.rest_port = 0

    def start(self) -> None:
        """Load the models; when all answer, open the ports and return.

        Waits without end for a base path that is missing, as TensorFlow Serving does;
        stop() from another thread ends that, and no port is opened.

        Raises:
            ServingError: A model failed to load, or a port is taken.
        """
        self._store.apply(self._configs)
        if not self._store.wait_until_settled():
            return
        self._check_models()
        with self._opening:
            # A port that stop() did not see would be served for ever.
            if self._is_stopped:
                return
            self._open_grpc()
            self._open_rest()
        logger.info(
            "event=serving grpc_port=%d rest_port=%d", self.grpc_port, self.rest_port
        )

    def wait_until(self, is_true: Callable[[], bool], timeout_seconds: float) -> bool:
        """Look after every change of any version; return whether it came true."""
        return self._store.wait_until(is_true, timeout_seconds)

    def _check_models(self) -> None:
        failures = self._store.failures()
        if failures:
            told = ", ".join(
                f"{{name: {name} version: {status.version}}} "
                f"due to error: {status.error}"
                for name, status in failures.items()
            )
            raise ServingError(
                grpc.StatusCode.UNKNOWN,
                f"{len(failures)} servable(s) did not become available: {{{told}, }}",
            )

    def _open_grpc(self) -> None:
        settings = self._settings
        server = create_grpc_server(settings)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(
                self._store, settings.enable_serialization_as_tensor_content
            ),
            server,
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(self._store), server
        )
        if settings.enable_grpc_healthcheck_service:
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        try:
            if settings.grpc_socket_path:
                server.add_insecure_port(f"unix:{settings.grpc_socket_path}")
            if settings.port:
                port = _read_port(settings.port)
                self.grpc_port = server.add_insecure_port(f"{_ALL_ADDRESSES}:{port}")
        except RuntimeError as error:
            raise ServingError(grpc.StatusCode.UNKNOWN, str(error)) from error
        for name in HEALTH_NAMES:
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        server.start()
        self._grpc = server

    def _open_rest(self) -> None:
        settings = self._settings
        if not settings.rest_api_port:
            return
        if settings.rest_api_port == settings.port != ANY_FREE_PORT:
            logger.error("event=rest_off reason=%r", "same port as gRPC")
            return
        server = wsgi.Server(
            (
                "::" if socket.has_dualstack_ipv6() else _ALL_ADDRESSES,
                _read_port(settings.rest_api_port),
            ),
            create_app(self._store, _read_rest_options(settings)),
            numthreads=settings.rest_api_num_threads,
        )
        try:
            server.prepare()
        except OSError as error:
            raise ServingError(grpc.StatusCode.UNKNOWN, str(error)) from error
        self.rest_port = server.bind_addr[1]
        threading.Thread(target=server.serve, name="rest").start()
        self._rest = server

    def stop(self, grace_seconds: float = 0.0) -> None:
        """Turn NOT_SERVING, refuse new calls, finish those in flight, unload.

        Calls that need longer than grace_seconds are cut.
        """
        self._health.enter_graceful_shutdown()
        with self._opening:
            self._is_stopped = True
            grpc_server, self._grpc = self._grpc, None
            rest_server, self._rest = self._rest, None
        if grpc_server is not None:
            grpc_server.stop(grace_seconds).wait()
        if rest_server is not None:
            rest_server.stop()
        self._store.stop()
        if self._batcher is not None:
            self._batcher.stop()
        logger.info("event=stopped")


def _create_batcher(settings: Settings) -> Batcher | None:
    if not settings.enable_batching:
        return None
    if not settings.batching_parameters_file:
        return Batcher(BatchingParameters())
    return Batcher(read_batching_file(settings.batching_parameters_file))


def _read_port(port: int) -> int:
    """The port as the socket takes it, where 0 is any free one."""
    return 0 if port == ANY_FREE_PORT else port


def _read_rest_options(settings: Settings) -> RestOptions:
    timeout_seconds = settings.rest_api_timeout_in_ms / 1000
    return RestOptions(
        timeout_seconds=timeout_seconds if timeout_seconds > 0 else None,
        has_cors=settings.rest_api_enable_cors_support,
    )


def _read_timing(settings: Settings) -> Timing:
    return Timing(
        clock=time.monotonic,
        poll_seconds=settings.file_system_poll_wait_seconds,
        retry=RetryPolicy(
            max_retries=settings.max_num_load_retries,
            interval_seconds=settings.load_retry_interval_micros / 1e6,
        ),
    )
