"""Calls to a model server as any client makes them, short enough for tests."""

from __future__ import annotations

from contextlib import contextmanager

import grpc
import numpy as np
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.tensors import fill_tensor, read_tensor

TIMEOUT_SECONDS = 30


@contextmanager
def open_channel(server):
    """A channel to the server's gRPC port."""
    with grpc.insecure_channel(f"localhost:{server.grpc_port}") as channel:
        yield channel


@contextmanager
def prediction_stub(server):
    """A stub of PredictionService."""
    with open_channel(server) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


@contextmanager
def model_stub(server):
    """A stub of ModelService."""
    with open_channel(server) as channel:
        yield model_service_pb2_grpc.ModelServiceStub(channel)


def predict_request(name, *, version=None, label=None, signature="", **inputs):
    """A PredictRequest; inputs become tensor_content, texts string_val."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for key, array in inputs.items():
        fill_tensor(request.inputs[key], np.asarray(array), as_content=True)
    return request


def predict(server, name, **parts):
    """One call on a channel of its own: (version, outputs as arrays by name)."""
    with prediction_stub(server) as stub:
        return read_response(
            stub.Predict(predict_request(name, **parts), timeout=TIMEOUT_SECONDS)
        )


def read_response(response):
    """(version, outputs as arrays by name)."""
    outputs = {key: read_tensor(key, proto) for key, proto in response.outputs.items()}
    return response.model_spec.version.value, outputs


def refusal(server, name, **parts):
    """The (code, details) of a call that must fail."""
    return refusal_of(server, predict_request(name, **parts))


def refusal_of(server, request):
    """The (code, details) of a PredictRequest that must fail."""
    with prediction_stub(server) as stub:
        error = stub.Predict.future(request, timeout=TIMEOUT_SECONDS).exception()
    return error.code(), error.details()


def fill_input(message, rows, context=None):
    """Put examples, and what they share, into a request's Input."""
    if context is None:
        message.example_list.examples.extend(rows)
        return
    message.example_list_with_context.context.CopyFrom(context)
    message.example_list_with_context.examples.extend(rows)


def examples_request(kind, name, rows, *, context=None, **spec):
    """A ClassificationRequest or RegressionRequest, as kind says.

    spec: signature, version.
    """
    request = kind()
    request.model_spec.name = name
    request.model_spec.signature_name = spec.get("signature", "")
    if "version" in spec:
        request.model_spec.version.value = spec["version"]
    fill_input(request.input, rows, context)
    return request


def call(server, method, request):
    """The response of one call of PredictionService, or its (code, details)."""
    with prediction_stub(server) as stub:
        future = getattr(stub, method).future(request, timeout=TIMEOUT_SECONDS)
        error = future.exception()
        return future.result() if error is None else (error.code(), error.details())
