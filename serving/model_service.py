"""The gRPC door of ModelService; translates, decides nothing."""

from __future__ import annotations

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)

from serving.errors import ServingError, invalid_argument
from serving.models import ModelStore
from serving.prediction_service import read_target
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
    """GetModelStatus over the served models; raises ServingError."""

    def __init__(self, store: ModelStore[Servable]) -> None:
        self._store = store

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
        """Not served yet."""
        raise ServingError(
            grpc.StatusCode.UNIMPLEMENTED, "HandleReloadConfigRequest is not served"
        )
