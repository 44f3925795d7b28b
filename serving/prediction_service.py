"""The gRPC door of PredictionService; translates, decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import TIMEOUT_MAX
from typing import Any

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.classify import run_classify
from serving.errors import invalid_argument
from serving.examples import count_examples
from serving.models import Lease, ModelStore, ModelTarget
from serving.multi_inference import run_multi_inference
from serving.predict import run_predict
from serving.regress import run_regress
from serving.servable import Servable
from serving.timed_lease import NoteRuntime, ignore_runtime, lease_timed

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


def read_patience(context: grpc.ServicerContext) -> float | None:
    """The seconds the caller still waits; None: it set no deadline.

    gRPC tells of one without a deadline that it waits for 292 billion years, which no
    lock takes.
    """
    seconds = context.time_remaining()
    return None if seconds is None or seconds > TIMEOUT_MAX else seconds


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """The five methods over the served models; raises ServingError."""

    def __init__(
        self,
        store: ModelStore[Servable],
        as_content: bool = False,
        note_runtime: NoteRuntime = ignore_runtime,
        note_examples: Callable[[str, int], None] = lambda model, count: None,
    ) -> None:
        """Serve one store.

        Args:
            store: The models.
            as_content: Numbers of a Predict answer as tensor_content.
            note_runtime: Told of each successful run.
            note_examples: Told the model and the examples of each MultiInference.
        """
        self._store = store
        self._as_content = as_content
        self._note_runtime = note_runtime
        self._note_examples = note_examples

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Run one signature of one version; checks in TensorFlow Serving's order."""
        with self._lease(request, "Predict") as lease:
            response = run_predict(
                lease.model, request, read_patience(context), self._as_content
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

    def Classify(
        self,
        request: classification_pb2.ClassificationRequest,
        context: grpc.ServicerContext,
    ) -> classification_pb2.ClassificationResponse:
        """Labels and scores for each example."""
        with self._lease(request, "Classify") as lease:
            response = run_classify(lease.model, request, read_patience(context))
            response.model_spec.version.value = lease.version
        return response

    def Regress(
        self,
        request: regression_pb2.RegressionRequest,
        context: grpc.ServicerContext,
    ) -> regression_pb2.RegressionResponse:
        """One value for each example."""
        with self._lease(request, "Regress") as lease:
            response = run_regress(lease.model, request, read_patience(context))
            response.model_spec.version.value = lease.version
        return response

    def MultiInference(
        self,
        request: inference_pb2.MultiInferenceRequest,
        context: grpc.ServicerContext,
    ) -> inference_pb2.MultiInferenceResponse:
        """Several signatures over the same examples; the first task names the model."""
        first = request.tasks[0] if request.tasks else inference_pb2.InferenceTask()
        target = read_target(first.model_spec)
        with lease_timed(
            self._store, target, "MultiInference", self._note_runtime
        ) as lease:
            patience = read_patience(context)
            response = run_multi_inference(lease.model, request, patience)
            self._note_examples(target.name, count_examples(request.input))
            for result in response.results:
                result.model_spec.version.value = lease.version
        return response

    def _lease(
        self, request: Any, method: str
    ) -> AbstractContextManager[Lease[Servable]]:
        """The version a request's ModelSpec asks for, as long as the call needs it."""
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        target = read_target(request.model_spec)
        return lease_timed(self._store, target, method, self._note_runtime)
