"""TensorFlow Serving's messages, from the committed descriptor set; no TensorFlow.

The set is derived by scripts/derive-wire and loaded into a pool of its own, so that
the official package can live in the same process.
"""

from __future__ import annotations

from importlib import resources

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

DESCRIPTORS_FILE = "tf_serving.descriptors"


def read_descriptors() -> descriptor_pb2.FileDescriptorSet:
    """The committed set: every file after the files it imports."""
    data = resources.files("gateway").joinpath(DESCRIPTORS_FILE).read_bytes()
    return descriptor_pb2.FileDescriptorSet.FromString(data)


def _make_pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in read_descriptors().file:
        pool.Add(file)
    return pool


_POOL = _make_pool()


def _message(full_name: str) -> type[Message]:
    return GetMessageClass(_POOL.FindMessageTypeByName(full_name))


ModelSpec = _message("tensorflow.serving.ModelSpec")
PredictRequest = _message("tensorflow.serving.PredictRequest")
PredictResponse = _message("tensorflow.serving.PredictResponse")
GetModelMetadataRequest = _message("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message("tensorflow.serving.GetModelMetadataResponse")
SignatureDefMap = _message("tensorflow.serving.SignatureDefMap")
GetModelStatusRequest = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message("tensorflow.serving.GetModelStatusResponse")
ModelVersionStatus = _message("tensorflow.serving.ModelVersionStatus")
TensorProto = _message("tensorflow.TensorProto")

_data_types = _POOL.FindEnumTypeByName("tensorflow.DataType")
DATA_TYPES = {value.name: value.number for value in _data_types.values}
DT_FLOAT = DATA_TYPES["DT_FLOAT"]
DT_UINT8 = DATA_TYPES["DT_UINT8"]
DT_STRING = DATA_TYPES["DT_STRING"]

PREDICT = "/tensorflow.serving.PredictionService/Predict"
GET_MODEL_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
GET_MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
