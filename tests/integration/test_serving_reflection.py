"""Reflection: clients like grpcurl find the services without their .proto files."""

from __future__ import annotations

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
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
    }


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
