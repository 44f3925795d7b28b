"""The running server: models, gRPC and REST ports, health, and an orderly end."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from serving.errors import ServingError
from serving.grpc_edge import ErrorInterceptor
from serving.model_service import ModelService
from serving.models import ModelStore
from serving.prediction_service import PredictionService
from serving.saved_model import SessionOptions, load_saved_model
from serving.servable import Servable
from serving.served_model import ModelConfig, Timing
from serving.settings import ANY_FREE_PORT, Settings
from serving.version_policy import list_version_folders
from serving.version_state import RetryPolicy

logger = logging.getLogger(__name__)

HEALTH_NAMES = ("", "ModelService", "PredictionService")
_MAX_MESSAGE_BYTES = 2**31 - 1


class ModelServer:
    """start() serves the models until stop(); each is called once."""

    def __init__(self, settings: Settings, configs: Sequence[ModelConfig]) -> None:
        self._settings = settings
        self._configs = tuple(configs)
        self._store: ModelStore[Servable] = ModelStore(
            self._load,
            list_version_folders,
            _read_timing(settings),
            settings.allow_version_labels_for_unavailable_models,
        )
        self._health = health.HealthServicer()
        self._grpc: grpc.Server | None = None
        self.grpc_port = 0
        self.rest_port = 0

    def start(self) -> None:
        """Load the models; when all answer, open the ports and return.

        Waits without end for a base path that is missing, as TensorFlow Serving does.

        Raises:
            ServingError: A model failed to load, or a port is taken.
        """
        try:
            self._store.apply(self._configs)
            self._store.wait_until_settled()
            self._check_models()
            self._open_grpc()
        except ServingError:
            self.stop()
            raise
        logger.info(
            "event=serving grpc_port=%d rest_port=%d", self.grpc_port, self.rest_port
        )

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

    def _load(self, folder: Path) -> Servable:
        settings = self._settings
        shared = settings.tensorflow_session_parallelism
        options = SessionOptions(
            intra_op_threads=shared or settings.tensorflow_intra_op_parallelism or 1,
            inter_op_threads=shared or settings.tensorflow_inter_op_parallelism,
        )
        tags = settings.saved_model_tags.split(",")
        return Servable(load_saved_model(folder, tags, options))

    def _open_grpc(self) -> None:
        settings = self._settings
        server = grpc.server(
            ThreadPoolExecutor(settings.grpc_max_threads, thread_name_prefix="grpc"),
            interceptors=(ErrorInterceptor(),),
            options=(
                ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", -1),
                # Two servers on one port would share the calls without a word.
                ("grpc.so_reuseport", 0),
            ),
        )
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
        port = 0 if settings.port == ANY_FREE_PORT else settings.port
        self.grpc_port = server.add_insecure_port(f"0.0.0.0:{port}")
        for name in HEALTH_NAMES:
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        server.start()
        self._grpc = server

    def stop(self, grace_seconds: float = 0.0) -> None:
        """Turn NOT_SERVING, refuse new calls, finish those in flight, unload.

        Calls that need longer than grace_seconds are cut.
        """
        self._health.enter_graceful_shutdown()
        if self._grpc is not None:
            self._grpc.stop(grace_seconds).wait()
        self._store.stop()


def _read_timing(settings: Settings) -> Timing:
    return Timing(
        clock=time.monotonic,
        poll_seconds=settings.file_system_poll_wait_seconds,
        retry=RetryPolicy(
            max_retries=settings.max_num_load_retries,
            interval_seconds=settings.load_retry_interval_micros / 1e6,
        ),
    )
