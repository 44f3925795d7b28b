"""A classifier becomes one frozen SavedModel with the three named signatures.

Owns graph, signatures and warm-up file; the version folder is export.py's business.
"""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from gateway.contract import (
    CONTRACT_OUTPUT,
    CONTRACT_SIGNATURE,
    EXPLAIN_SIGNATURE,
    PREDICT_SIGNATURE,
    Contract,
)
from training.features import freeze
from training.model import Classifier

WARMUP_FILE = "tf_serving_warmup_requests"
WARMUP_BATCH_SIZES = (1, 8)
_METHOD = "tensorflow/serving/predict"


def write_saved_model(classifier: Classifier, contract: Contract, folder: Path) -> None:
    """Write saved_model.pb and the warm-up file into a new folder.

    The graph has no variables. Its `images` placeholder admits any shape and a check
    right behind it does not: a wrong size or rank is INVALID_ARGUMENT in every server,
    where oneDNN's convolution would end the process on a wrong rank.
    """
    frozen = _freeze_checked(classifier, contract.image.size)
    graph = tf.Graph()
    with graph.as_default():
        _import_frozen(frozen, contract)
        tf.constant(contract.to_json(), name=CONTRACT_OUTPUT)
    with tf.compat.v1.Session(graph=graph) as session:
        builder = tf.compat.v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.SERVING],
            signature_def_map=_signatures(contract),
        )
        builder.save()
    _write_warmup(contract, folder / "assets.extra" / WARMUP_FILE)


def _freeze_checked(
    classifier: Classifier, size: tuple[int, int]
) -> tf.types.experimental.ConcreteFunction:
    def explain_checked(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return classifier.explain(tf.ensure_shape(images, [None, *size, 3]))

    return freeze(explain_checked, tf.TensorSpec(None, tf.uint8))


def _import_frozen(
    frozen: tf.types.experimental.ConcreteFunction, contract: Contract
) -> None:
    """Put the frozen classifier into the current graph under the contract's names."""
    names = contract.tensors
    images = tf.compat.v1.placeholder(tf.uint8, None, names.images)
    # Outputs of a dict come in the order of its sorted keys.
    heatmap, scores = tf.graph_util.import_graph_def(
        frozen.graph.as_graph_def(),
        input_map={frozen.inputs[0].name: images},
        return_elements=[tensor.name for tensor in frozen.outputs],
        name="classifier",
    )
    tf.identity(scores, names.scores)
    tf.identity(heatmap, names.heatmap)


def _signatures(contract: Contract) -> dict[str, meta_graph_pb2.SignatureDef]:
    names = contract.tensors
    images = {
        names.images: _info(names.images, tf.uint8, [-1, *contract.image.size, 3])
    }
    scores = {
        names.scores: _info(names.scores, tf.float32, [-1, len(contract.labels)]),
    }
    heatmap = {names.heatmap: _info(names.heatmap, tf.float32, [-1, -1, -1])}
    text = {CONTRACT_OUTPUT: _info(CONTRACT_OUTPUT, tf.string, [])}
    signatures = {
        PREDICT_SIGNATURE: (images, scores),
        EXPLAIN_SIGNATURE: (images, {**scores, **heatmap}),
        CONTRACT_SIGNATURE: ({}, text),
    }
    return {
        name: meta_graph_pb2.SignatureDef(
            inputs=inputs, outputs=outputs, method_name=_METHOD
        )
        for name, (inputs, outputs) in signatures.items()
    }


def _info(name: str, dtype: tf.DType, shape: list[int]) -> meta_graph_pb2.TensorInfo:
    return meta_graph_pb2.TensorInfo(
        name=f"{name}:0",
        dtype=dtype.as_datatype_enum,
        tensor_shape=tf.TensorShape([None if n < 0 else n for n in shape]).as_proto(),
    )


def _write_warmup(contract: Contract, path: Path) -> None:
    """One black batch per size and signature: the first user pays for nothing.

    Not the contract: it has nothing to warm, and where TensorFlow Serving batches a run
    without inputs is an error, which in this file would fail the whole load.
    """
    requests = [
        _warmup_request(contract, PREDICT_SIGNATURE, count)
        for count in WARMUP_BATCH_SIZES
    ]
    requests.append(_warmup_request(contract, EXPLAIN_SIGNATURE, 1))
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())


def _warmup_request(
    contract: Contract, signature: str, count: int
) -> predict_pb2.PredictRequest:
    """A request of count pictures; one zero stands for all pixels (TensorProto)."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = contract.model
    request.model_spec.signature_name = signature
    shape = tf.TensorShape([count, *contract.image.size, 3]).as_proto()
    black = tensor_pb2.TensorProto(
        dtype=tf.uint8.as_datatype_enum, tensor_shape=shape, int_val=[0]
    )
    request.inputs[contract.tensors.images].CopyFrom(black)
    return request
