"""The committed descriptor set is the official package's, file by file."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)

from gateway import wire

COMMITTED = {file.name: file for file in wire.read_descriptors().file}


def collect_official(descriptor, files):
    """Every file that one imports, itself included."""
    read_file = descriptor_pb2.FileDescriptorProto.FromString
    files[descriptor.name] = read_file(descriptor.serialized_pb)
    for imported in descriptor.dependencies:
        collect_official(imported, files)
    return files


def official_files():
    """What scripts/derive-wire would collect from the installed package."""
    files = {}
    for module in (predict_pb2, get_model_metadata_pb2, get_model_status_pb2):
        collect_official(module.DESCRIPTOR, files)
    return files


def test_same_files():
    """No file is missing and none is left over."""
    assert set(COMMITTED) == set(official_files())


@pytest.mark.parametrize("name", sorted(COMMITTED))
def test_same_content(name):
    """Each committed file equals the installed package's; else run derive-wire."""
    assert COMMITTED[name] == official_files()[name]


def test_official_reader():
    """What the gateway writes, the official classes read, and the other way round."""
    ours = wire.PredictRequest()
    ours.model_spec.name = "pizza"
    ours.model_spec.version.value = 3
    ours.inputs["images"].tensor_content = b"\x00\xff"

    official = predict_pb2.PredictRequest.FromString(ours.SerializeToString())
    back = wire.PredictRequest.FromString(official.SerializeToString())

    assert official.model_spec.version.value == 3
    assert official.inputs["images"].tensor_content == b"\x00\xff"
    assert back == ours


def test_signatures_unpack():
    """The Any of the official metadata reply unpacks in the private pool."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    signatures.signature_def["serving_default"].inputs["images"].name = "images:0"
    official = get_model_metadata_pb2.GetModelMetadataResponse()
    official.metadata["signature_def"].Pack(signatures)

    reply = wire.GetModelMetadataResponse.FromString(official.SerializeToString())
    unpacked = wire.SignatureDefMap()

    assert reply.metadata["signature_def"].Unpack(unpacked)
    default = unpacked.signature_def["serving_default"]
    assert default.inputs["images"].name == "images:0"
