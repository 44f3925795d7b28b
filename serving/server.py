"""The running server: models, gRPC and REST ports, health, and an orderly end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import TIMEOUT_MAX

import grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from serving.availability import is_answering, wait_for_start
from serving.batching import Batcher
from serving.batching_config import read_batching_file
from serving.call_threads import CallThreads
from serving.calls import Call, log_call
from serving.config_poller import ConfigPoller
from serving.grpc_edge import GrpcEdge, create_grpc_server
from serving.grpc_port import bind
from serving.health import ModelHealth
from serving.loader import LoadOptions, load_servable
from serving.metrics import Metrics
from serving.model_config import read_config_file
from serving.model_service import ModelService
from serving.models import ModelStore
from serving.monitoring_config import read_metrics_path
from serving.openvino_engine import open_engine
from serving.prediction_service import PredictionService
from serving.readiness import tell_ready
from serving.reflection import enable_reflection
from serving.reload import reload_from_file
from serving.rest import RestOptions, create_app
from serving.rest_port import open_rest
from serving.rest_server import RestServer
from serving.servable import Servable
from serving.served_model import ModelConfig, Timing
from serving.session_config import read_session_config
from serving.settings import Settings
from serving.ssl_config import read_credentials
from serving.version_policy import list_version_folders
from serving.version_state import RetryPolicy

logger = logging.getLogger(__name__)

# gRPC and HTTP need a moment to cut what is late.
_SECONDS_TO_CUT = 1.0


class ModelServer:
    """start() serves the models until stop(); it starts once."""

    def __init__(self, settings: Settings, configs: Sequence[ModelConfig]) -> None:
        """Raises ServingError when a file that the settings name does not parse."""
        self._settings = settings
        self._credentials = read_credentials(settings.ssl_config_file)
        self._configs = tuple(configs)
        self._metrics = Metrics(self._has_model)
        self._metrics_path = read_metrics_path(settings.monitoring_config_file)
        self._batcher = _create_batcher(settings, self._metrics)
        self._store: ModelStore[Servable] = ModelStore(
            partial(load_servable, self._load_options()),
            list_version_folders,
            _read_timing(settings),
            settings.allow_version_labels_for_unavailable_models,
        )
        self._health = ModelHealth(partial(is_answering, self._store))
        self._store.listen(self._health.update)
        self._poller = ConfigPoller(
            partial(read_config_file, settings.model_config_file),
            partial(reload_from_file, self._store),
        )
        self._opening = threading.Lock()
        self._is_stopped = False
        self._grpc: tuple[grpc.Server, GrpcEdge] | None = None
        self._rest: RestServer | None = None
        self.grpc_port = 0
        self.rest_port = 0

    def _load_options(self) -> LoadOptions:
        return LoadOptions(
            settings=self._settings,
            session_config=read_session_config(self._settings),
            batcher=self._batcher,
            engine=open_engine(self._settings),
            metrics=self._metrics,
        )

    def start(self) -> None:
        """Load the models; then open the ports and return.

        A model whose base path is missing is not waited for while another one answers.
        Where none does this waits without end, as TensorFlow Serving does; stop() from
        another thread ends that, and no port is opened.

        Raises:
            ServingError: A model failed to load, or the gRPC port is taken.
        """
        self._store.apply(self._configs)
        if not wait_for_start(self._store):
            return
        with self._opening:
            # A port that stop() did not see would be served for ever.
            if self._is_stopped:
                return
            self._open_grpc()
            self._open_rest()
            self._poll_config()
        logger.info(
            "event=serving grpc_port=%d rest_port=%d", self.grpc_port, self.rest_port
        )
        tell_ready(self.grpc_port, self._settings.grpc_socket_path, self.rest_port)

    def _poll_config(self) -> None:
        period = self._settings.model_config_file_poll_wait_seconds
        if self._settings.model_config_file and period > 0:
            self._poller.start(period)

    def wait_until(self, is_true: Callable[[], bool], timeout_seconds: float) -> bool:
        """Look after every change of any version; return whether it came true."""
        return self._store.wait_until(is_true, timeout_seconds)

    def _open_grpc(self) -> None:
        settings = self._settings
        edge = GrpcEdge(CallThreads(settings.grpc_max_threads), self._note_call)
        server = create_grpc_server(settings, edge)
        self._add_services(server)
        self.grpc_port = bind(server, settings, self._credentials)
        server.start()
        self._grpc = server, edge

    def _add_services(self, server: grpc.Server) -> None:
        """Predictions, models, health on demand, and reflection over all of them."""
        predictions = PredictionService(
            self._store,
            self._settings.enable_serialization_as_tensor_content,
            self._metrics.note_runtime,
            self._metrics.note_examples,
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            predictions, server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(
                self._store,
                max(1, self._settings.grpc_max_threads // 2),
                self._metrics.value,
            ),
            server,
        )
        if self._settings.enable_grpc_healthcheck_service:
            self._health.add_to(server)
        enable_reflection(server, self._settings.enable_grpc_healthcheck_service)

    def _open_rest(self) -> None:
        app = create_app(self._store, self._rest_options())
        self._rest = open_rest(self._settings, app)
        if self._rest is not None:
            self.rest_port = self._rest.port

    def _rest_options(self) -> RestOptions:
        timeout_seconds = self._settings.rest_api_timeout_in_ms / 1000
        pages = {self._metrics_path: self._metrics.page} if self._metrics_path else {}
        return RestOptions(
            # No lock takes more than TIMEOUT_MAX, 292 years.
            timeout_seconds=(
                timeout_seconds if 0 < timeout_seconds <= TIMEOUT_MAX else None
            ),
            has_cors=self._settings.rest_api_enable_cors_support,
            note_call=self._note_call,
            note_runtime=self._metrics.note_runtime,
            pages=pages,
        )

    def _has_model(self, name: str) -> bool:
        return self._store.has_model(name)

    def _note_call(self, call: Call) -> None:
        self._metrics.note_call(call)
        if self._settings.log_requests:
            log_call(call)

    def drain(self, grace_seconds: float) -> bool:
        """Turn NOT_SERVING, refuse new calls, finish those in flight.

        Returns whether all were finished; what needs longer than grace_seconds is cut
        off from its caller, and may run on.
        """
        self._health.drain()
        self._store.close()
        self._poller.stop()
        with self._opening:
            self._is_stopped = True
            opened, self._grpc = self._grpc, None
            rest_server = self._rest
        ends = []
        if opened is not None:
            grpc_server, edge = opened
            ends.append(grpc_server.stop(grace_seconds).wait)
            edge.end_streams()
        if rest_server is not None:
            ends.append(rest_server.drain(grace_seconds))
        deadline = time.monotonic() + grace_seconds + _SECONDS_TO_CUT
        for wait in ends:
            wait(max(0.0, deadline - time.monotonic()))
        return not self._store.is_in_use()

    def stop(self, grace_seconds: float = 0.0) -> None:
        """Drain, then unload everything; waits for runs that were cut off as well."""
        self.drain(grace_seconds)
        self._store.stop()
        if self._rest is not None:
            self._rest.join()
        if self._batcher is not None:
            self._batcher.stop()
        logger.info("event=stopped")


def _create_batcher(settings: Settings, metrics: Metrics) -> Batcher | None:
    if not settings.enable_batching:
        return None
    parameters = read_batching_file(settings.batching_parameters_file)
    return Batcher(parameters, partial(metrics.note_batch, parameters.thread_pool_name))


def _read_timing(settings: Settings) -> Timing:
    return Timing(
        clock=time.monotonic,
        poll_seconds=settings.file_system_poll_wait_seconds,
        retry=RetryPolicy(
            max_retries=settings.max_num_load_retries,
            interval_seconds=settings.load_retry_interval_micros / 1e6,
        ),
    )
