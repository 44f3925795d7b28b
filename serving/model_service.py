"""The gRPC door of ModelService; translates, decides nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)

from serving.errors import ServingError, invalid_argument
from serving.models import ModelStore
from serving.prediction_service import read_target
from serving.reload import reload_from_call
from serving.servable import Servable
from serving.version_state import VersionStatus


def describe_versions(
    statuses: tuple[VersionStatus, ...],
) -> get_model_status_pb2.GetModelStatusResponse:
    """The message both doors answer with, the highest version first."""
    response = get_model_status_pb2.GetModelStatusResponse()
    for status in statuses:
        entry = response.model_version_status.add()
        entry.version = status.version
        entry.state = status.state.value
        if status.error is None:
            entry.status.error_code = 0
        else:
            entry.status.error_code = status.error.code.value[0]
            entry.status.error_message = status.error.message
    return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest; raises ServingError."""

    def __init__(
        self,
        store: ModelStore[Servable],
        most_waiting: int,
        read_metric: Callable[[str], int] = lambda name: 0,
    ) -> None:
        """Serve one store.

        Args:
            store: The models.
            most_waiting: Reloads that may wait for their models at once, so that they
                leave threads for other calls.
            read_metric: A metric's value now, by its name in TensorFlow; 0: unknown.
        """
        self._store = store
        self._read_metric = read_metric
        self._lock = threading.Lock()
        self._most_waiting = most_waiting
        self._waiting = 0

    def GetModelStatus(
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: grpc.ServicerContext,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """All versions, or the one asked for; a label is ignored, as there."""
        del context
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        target = read_target(request.model_spec)
        return describe_versions(self._store.statuses(target.name, target.version))

    def HandleReloadConfigRequest(
        self,
        request: model_management_pb2.ReloadConfigRequest,
        context: grpc.ServicerContext,
    ) -> model_management_pb2.ReloadConfigResponse:
        """Serve exactly the models named; answers when each new one does."""
        before = self._read_metrics(request.metric_names)
        # Without it the end of the call would be seen at the next change only.
        context.add_callback(self._store.note_change)
        with self._take_turn():
            reload_from_call(
                self._store, request.config, lambda: not context.is_active()
            )
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = 0
        for name, value in self._read_metrics(request.metric_names).items():
            response.metric.add(name=name, int64_value_increase=value - before[name])
        return response

    @contextmanager
    def _take_turn(self) -> Iterator[None]:
        with self._lock:
            if self._waiting == self._most_waiting:
                raise ServingError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"{self._waiting} reloads wait for their models; nothing changed",
                )
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def _read_metrics(self, names: Iterable[str]) -> dict[str, int]:
        return {name: self._read_metric(name) for name in names}
