"""Reflection: lets a client such as grpcurl learn the services from the server.

The service modules of tensorflow-serving-api do not load with the protobuf in use, so
the two services are described here; their messages come from the package.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import (
    reflection,
    reflection_pb2,
    reflection_pb2_grpc,
)
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

_PACKAGE = "tensorflow.serving"
# The same service under the name it got when it was declared stable.
_ALPHA, _STABLE = "grpc.reflection.v1alpha", "grpc.reflection.v1"
_STABLE_SERVICE = f"{_STABLE}.ServerReflection"
_Methods = dict[str, tuple[type[Message], type[Message]]]
# Source: prediction_service.proto and model_service.proto in tensorflow_serving/apis.
_FILES = {
    "PredictionService": "tensorflow_serving/apis/prediction_service.proto",
    "ModelService": "tensorflow_serving/apis/model_service.proto",
}
_SERVICES: dict[str, _Methods] = {
    "PredictionService": {
        "Classify": (
            classification_pb2.ClassificationRequest,
            classification_pb2.ClassificationResponse,
        ),
        "Regress": (
            regression_pb2.RegressionRequest,
            regression_pb2.RegressionResponse,
        ),
        "Predict": (predict_pb2.PredictRequest, predict_pb2.PredictResponse),
        "MultiInference": (
            inference_pb2.MultiInferenceRequest,
            inference_pb2.MultiInferenceResponse,
        ),
        "GetModelMetadata": (
            get_model_metadata_pb2.GetModelMetadataRequest,
            get_model_metadata_pb2.GetModelMetadataResponse,
        ),
    },
    "ModelService": {
        "GetModelStatus": (
            get_model_status_pb2.GetModelStatusRequest,
            get_model_status_pb2.GetModelStatusResponse,
        ),
        "HandleReloadConfigRequest": (
            model_management_pb2.ReloadConfigRequest,
            model_management_pb2.ReloadConfigResponse,
        ),
    },
}


def enable_reflection(server: grpc.Server, has_health: bool) -> None:
    """List and describe the services on the port, reflection itself among them."""
    names = [f"{_PACKAGE}.{name}" for name in _SERVICES]
    names.extend((reflection.SERVICE_NAME, _STABLE_SERVICE))
    if has_health:
        names.append(health.SERVICE_NAME)
    servicer = reflection.ReflectionServicer(names, _describe_services())
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    stable = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(
        _STABLE_SERVICE, {"ServerReflectionInfo": stable}
    )
    server.add_generic_rpc_handlers((handler,))


def _describe_services() -> descriptor_pool.DescriptorPool:
    """All that the services speak of, in a pool of its own."""
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()
    _add_files([health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR], pool, added)
    pool.Add(_rename_reflection())
    for name, methods in _SERVICES.items():
        file = descriptor_pb2.FileDescriptorProto(
            name=_FILES[name], package=_PACKAGE, syntax="proto3"
        )
        service = file.service.add(name=name)
        for method, (request, response) in methods.items():
            service.method.add(
                name=method,
                input_type=f".{request.DESCRIPTOR.full_name}",
                output_type=f".{response.DESCRIPTOR.full_name}",
            )
        messages = [kind for pair in methods.values() for kind in pair]
        files = {kind.DESCRIPTOR.file.name: kind.DESCRIPTOR.file for kind in messages}
        _add_files(files.values(), pool, added)
        file.dependency.extend(sorted(files))
        pool.Add(file)
    return pool


def _rename_reflection() -> descriptor_pb2.FileDescriptorProto:
    """The stable service's file: the other's, with the other package."""
    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    text = text_format.MessageToString(file).replace(_ALPHA, _STABLE)
    renamed = text_format.Parse(text, descriptor_pb2.FileDescriptorProto())
    renamed.name = f"{_STABLE.replace('.', '/')}/reflection.proto"
    return renamed


def _add_files(
    files: Iterable[FileDescriptor],
    pool: descriptor_pool.DescriptorPool,
    added: set[str],
) -> None:
    """Add each file once, after those it imports."""
    for file in files:
        if file.name not in added:
            added.add(file.name)
            _add_files(file.dependencies, pool, added)
            pool.AddSerializedFile(file.serialized_pb)
