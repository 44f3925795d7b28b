"""Reloads of a running server, and what answers after them."""

from __future__ import annotations

import grpc
import numpy as np
from google.protobuf import text_format
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from tests.integration.serving_calls import (
    TIMEOUT_SECONDS,
    model_stub,
    predict_request,
    prediction_stub,
    read_response,
)
from tests.integration.serving_models import build_half_plus, write_graph


def write_models(folder, **models):
    """Write versions that answer their number for 0: write_models(f, a=[1, 2])."""
    for name, versions in models.items():
        for version in versions:
            write_graph(folder / name / str(version), build_half_plus(version))
    return folder


def entry(folder, name, rest=""):
    """One model of the folder as text."""
    return (
        f'config {{ name: "{name}" base_path: "{folder}/{name}" '
        f'model_platform: "tensorflow" {rest} }}'
    )


def reload_request(*entries, metrics=()):
    """A request for these models."""
    text = f"config {{ model_config_list {{ {' '.join(entries)} }} }}"
    request = text_format.Parse(text, model_management_pb2.ReloadConfigRequest())
    request.metric_names.extend(metrics)
    return request


def reload(server, *entries, **options):
    """The answer to a reload that must succeed."""
    with model_stub(server) as stub:
        return stub.HandleReloadConfigRequest(
            reload_request(*entries, **options), timeout=TIMEOUT_SECONDS
        )


def reload_refusal(server, request):
    """The (code, details) of a reload that must fail."""
    with model_stub(server) as stub:
        call = stub.HandleReloadConfigRequest.future(request, timeout=TIMEOUT_SECONDS)
        error = call.exception()
    return error.code(), error.details()


def ask(server, name, **spec):
    """The version that answers, or the code of the refusal."""
    request = predict_request(name, x=np.float32([0]), **spec)
    with prediction_stub(server) as stub:
        call = stub.Predict.future(request, timeout=TIMEOUT_SECONDS)
        if call.exception():
            return call.code()
        version, outputs = read_response(call.result())
    assert outputs["y"].tolist() == [version]
    return version


def answers(server, *names):
    """{name: the version that answers}, None where there is none."""
    found = {name: ask(server, name) for name in names}
    nothing = grpc.StatusCode.NOT_FOUND
    return {name: None if what is nothing else what for name, what in found.items()}


def status(server, name):
    """{version: (state, error code)} as GetModelStatus tells it."""
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    with model_stub(server) as stub:
        response = stub.GetModelStatus(request, timeout=TIMEOUT_SECONDS)
    states = get_model_status_pb2.ModelVersionStatus.State
    return {
        entry.version: (states.Name(entry.state), entry.status.error_code)
        for entry in response.model_version_status
    }
