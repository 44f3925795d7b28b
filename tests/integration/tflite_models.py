"""TFLite files worked out by hand, with and without signatures of their author."""

from __future__ import annotations

import flatbuffers
import tensorflow as tf
from flatbuffers import flexbuffers
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow.lite.python import schema_py_generated as schema

from serving.tflite_signatures import METADATA_NAME


class _Line(tf.Module):
    """y = x / 2 + 2 for rows of one number."""

    def __init__(self):
        super().__init__()
        self.half = tf.Variable(0.5)

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, "x")])
    def line(self, x):
        """x / 2 + 2."""
        return {"y": x * self.half + 2.0}


@tf.function(input_signature=[tf.TensorSpec([2], tf.float32, "x")])
def _both(x):
    """x + 1 and the same as a column, times 3."""
    return {"first": x + 1.0, "second": tf.reshape(x, [2, 1]) * 3.0}


@tf.function(
    input_signature=[
        tf.TensorSpec([None], tf.string, "texts"),
        tf.TensorSpec([None], tf.int64, "places"),
    ]
)
def _pick(texts, places):
    """The texts at these places."""
    return {"picked": tf.gather(texts, places)}


def convert_line():
    """Tensors serving_default_x:0 and StatefulPartitionedCall:0: y = x / 2 + 2."""
    module = _Line()
    return _convert(module.line, module)


def convert_pick():
    """Texts and places (int64) to the texts at these places."""
    return _convert(_pick, tf.Module())


def convert_both():
    """x, two numbers, to PartitionedCall:0, x + 1, and :1, a column of x * 3."""
    return _convert(_both, tf.Module())


def _convert(function, module):
    concrete = function.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    return converter.convert()


def line_signature(method, source="serving_default_x:0", **names):
    """The line's input and output under other names: takes="x", gives="y"."""
    definition = meta_graph_pb2.SignatureDef(method_name=method)
    definition.inputs[names["takes"]].name = source
    definition.inputs[names["takes"]].dtype = tf.float32.as_datatype_enum
    definition.inputs[names["takes"]].tensor_shape.unknown_rank = True
    definition.outputs[names["gives"]].name = "StatefulPartitionedCall:0"
    definition.outputs[names["gives"]].dtype = tf.float32.as_datatype_enum
    return definition


def add_signatures(content, definitions):
    """The same file with the SignatureDefs its author gave, by name; ASCII only."""
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, definition in definitions.items():
            builder.Key(name)
            builder.String(definition.SerializeToString().decode("ascii"))
    return add_metadata(content, bytes(builder.Finish()))


def add_metadata(content, data):
    """The same file with these bytes where signatures are looked for."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = list(data)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers) - 1
    model.metadata = [*(model.metadata or ()), entry]
    packer = flatbuffers.Builder(1024)
    packer.Finish(model.Pack(packer), b"TFL3")
    return bytes(packer.Output())
