"""The gRPC door of PredictionService; translates, decides nothing."""

from __future__ import annotations

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.errors import ServingError, invalid_argument
from serving.models import ModelStore, ModelTarget
from serving.predict import run_predict
from serving.servable import Servable

SIGNATURE_FIELD = "signature_def"


def read_target(spec: model_pb2.ModelSpec) -> ModelTarget:
    """The model a message asks for.

    Raises:
        ServingError: INVALID_ARGUMENT; it has no name.
    """
    if not spec.name:
        raise invalid_argument("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    return ModelTarget(
        name=spec.name,
        version=spec.version.value if choice == "version" else None,
        label=spec.version_label if choice == "version_label" else None,
    )


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata over the served models; raises ServingError."""

    def __init__(self, store: ModelStore[Servable], as_content: bool = False) -> None:
        self._store = store
        self._as_content = as_content

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Run one signature of one version; checks in TensorFlow Serving's order."""
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        with self._store.lease(read_target(request.model_spec)) as lease:
            response = run_predict(
                lease.model, request, context.time_remaining(), self._as_content
            )
            response.model_spec.version.value = lease.version
        return response

    def GetModelMetadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: grpc.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The signatures of one version."""
        del context
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for name in request.metadata_field:
            if name != SIGNATURE_FIELD:
                raise invalid_argument(f"Metadata field {name} is not supported")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._store.lease(read_target(request.model_spec)) as lease:
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = lease.version
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, definition in lease.model.signature_defs.items():
                signatures.signature_def[name].CopyFrom(definition)
        response.metadata[SIGNATURE_FIELD].Pack(signatures)
        return response

    def Classify(self, request: object, context: grpc.ServicerContext) -> None:
        """Not served yet."""
        raise _unimplemented("Classify")

    def Regress(self, request: object, context: grpc.ServicerContext) -> None:
        """Not served yet."""
        raise _unimplemented("Regress")

    def MultiInference(self, request: object, context: grpc.ServicerContext) -> None:
        """Not served yet."""
        raise _unimplemented("MultiInference")


def _unimplemented(method: str) -> ServingError:
    return ServingError(
        grpc.StatusCode.UNIMPLEMENTED, f"{method} is not served; call Predict"
    )
