"""The signatures of a TFLite file: those its author wrote into it, or one made up.

Reads messages and flatbuffers; runs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import tensorflow as tf
from flatbuffers import flexbuffers
from google.protobuf.message import DecodeError
from grpc import StatusCode
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow.lite.python import schema_py_generated as schema

from serving.errors import ServingError, invalid_argument
from serving.signatures import DEFAULT_SIGNATURE

# Source: signature_def_util.h of tensorflow/lite/tools/signature. The signatures that
# converters write since TensorFlow 2.5 are others, which TensorFlow Serving leaves out.
METADATA_NAME = "signature_defs_metadata"
_PREDICT_METHOD = "tensorflow/serving/predict"
# What flatbuffers' Python raises over bytes that are none of its own.
_BROKEN_BUFFER = (ArithmeticError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class LiteTensor:
    """An input or output of an interpreter; its shape before anybody resized it."""

    name: str
    shape: tuple[int, ...]
    dtype: type[Any]


def read_lite_signatures(
    content: bytes, inputs: Iterable[LiteTensor], outputs: Iterable[LiteTensor]
) -> meta_graph_pb2.MetaGraphDef:
    """The signatures of a file that an interpreter accepted, in a graph without nodes.

    Without any, one that has all tensors, by their names up to the colon; of two that
    are called alike so far it has the last, as TensorFlow Serving's has.

    Raises:
        ServingError: INVALID_ARGUMENT; those in the file do not parse. INTERNAL; they
            name a tensor that there is not, or leave an input out.
    """
    graph = meta_graph_pb2.MetaGraphDef()
    takes = {tensor.name: tensor for tensor in inputs}
    gives = {tensor.name: tensor for tensor in outputs}
    for name, definition in _read_written(content).items():
        graph.signature_def[name].CopyFrom(definition)
        _fix_names(graph.signature_def[name].inputs, takes)
        _fix_names(graph.signature_def[name].outputs, gives)
        _check_inputs(name, graph.signature_def[name], takes)
    if not graph.signature_def:
        made_up = graph.signature_def[DEFAULT_SIGNATURE]
        made_up.method_name = _PREDICT_METHOD
        _fill_infos(made_up.inputs, takes.values())
        _fill_infos(made_up.outputs, gives.values())
    return graph


def _read_written(content: bytes) -> dict[str, meta_graph_pb2.SignatureDef]:
    model = schema.Model.GetRootAs(content)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA_NAME.encode():
            data = model.Buffers(entry.Buffer()).DataAsNumpy()
            try:
                return _parse(bytes(data))
            except (*_BROKEN_BUFFER, DecodeError) as error:
                raise invalid_argument(
                    f"Invalid SignatureDefs found in TfLite model: {error}"
                ) from error
    return {}


def _parse(data: bytes) -> dict[str, meta_graph_pb2.SignatureDef]:
    written = flexbuffers.GetRoot(bytearray(data)).AsMap
    return {
        key.AsKey: meta_graph_pb2.SignatureDef.FromString(bytes(value.AsStringBytes))
        for key, value in zip(written.Keys, written.Values, strict=True)
    }


def _fix_names(infos: Any, known: Mapping[str, LiteTensor]) -> None:
    """Leave out what follows the colon where only the name without it is known.

    Early converters did so with the tensors and not with the signatures.
    """
    for alias, info in infos.items():
        short = info.name.partition(":")[0]
        if info.name not in known and short in known:
            info.name = short
        if info.name not in known:
            raise _internal(
                f"expected a tensor for {alias}, found none named {info.name!r}"
            )


def _check_inputs(
    name: str, definition: meta_graph_pb2.SignatureDef, known: Collection[str]
) -> None:
    """An input that nobody feeds would hold what the caller before fed."""
    fed = {info.name for info in definition.inputs.values()}
    if fed != set(known):
        raise _internal(
            f"expected signature {name} to take {sorted(known)}, it takes {sorted(fed)}"
        )


def _fill_infos(infos: Any, tensors: Iterable[LiteTensor]) -> None:
    for tensor in sorted(tensors, key=attrgetter("name")):
        info = infos[tensor.name.partition(":")[0]]
        info.Clear()
        info.name = tensor.name
        is_text = np.dtype(tensor.dtype).kind in "OSU"
        dtype = tf.string if is_text else tf.as_dtype(tensor.dtype)
        info.dtype = dtype.as_datatype_enum
        for side in tensor.shape:
            info.tensor_shape.dim.add().size = side


def _internal(message: str) -> ServingError:
    return ServingError(StatusCode.INTERNAL, message)
