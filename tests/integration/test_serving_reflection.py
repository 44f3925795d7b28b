"""Reflection: clients like grpcurl find the services without their .proto files."""

from __future__ import annotations

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)


def test_services(tiny_server):
    """Every service on the port is listed."""
    with grpc.insecure_channel(f"localhost:{tiny_server.grpc_port}") as channel:
        names = ProtoReflectionDescriptorDatabase(channel).get_services()

    assert set(names) == {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "grpc.reflection.v1.ServerReflection",
    }


def test_stable_name(tiny_server):
    """Clients that know reflection by its stable name only are answered as well."""
    request = reflection_pb2.ServerReflectionRequest(
        file_containing_symbol="grpc.reflection.v1.ServerReflection"
    )
    with grpc.insecure_channel(f"localhost:{tiny_server.grpc_port}") as channel:
        call = channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            reflection_pb2.ServerReflectionRequest.SerializeToString,
            reflection_pb2.ServerReflectionResponse.FromString,
        )
        (response,) = call(iter([request]), timeout=20)

    (data,) = response.file_descriptor_response.file_descriptor_proto
    file = descriptor_pb2.FileDescriptorProto.FromString(data)
    assert file.package == "grpc.reflection.v1"
    method = file.service[0].method[0]
    assert method.input_type == ".grpc.reflection.v1.ServerReflectionRequest"


def test_methods(tiny_server):
    """A client that knows nothing can learn the methods and build their messages."""
    with grpc.insecure_channel(f"localhost:{tiny_server.grpc_port}") as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        service = pool.FindServiceByName("tensorflow.serving.PredictionService")
        request = service.methods_by_name["Predict"].input_type

    assert {method.name for method in service.methods} == {
        "Predict",
        "Classify",
        "Regress",
        "MultiInference",
        "GetModelMetadata",
    }
    assert "output_filter" in request.fields_by_name
