"""The exported graph as ONNX or for OpenVINO, and OpenVINO's runtime, which reads both.

Owns the calls of packages that are there only where somebody converts.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework import graph_pb2

from gateway.contract import PREDICT_SIGNATURE, Contract
from training.errors import ConversionRefused

# Source: ONNX Runtime's table of versions: 1.14 (2023) and later read it.
ONNX_OPSET = 18
FLOAT32, RUNTIME_CHOICE = "f32", "the runtime's choice"
_PRECISION = "INFERENCE_PRECISION_HINT"


class Runtime:
    """A converted file in OpenVINO's CPU runtime, in one precision."""

    def __init__(self, path: Path, precision: str) -> None:
        """Compile it for this machine.

        Raises:
            ConversionRefused: OpenVINO is missing, or does not take the file.
        """
        openvino = import_package("openvino")
        options = {_PRECISION: FLOAT32} if precision == FLOAT32 else {}
        try:
            self._model = openvino.Core().compile_model(str(path), "CPU", options)
        except RuntimeError as error:
            raise ConversionRefused(
                f"OpenVINO does not take '{path.name}': {error}"
            ) from error
        self.precision = self._model.get_property(_PRECISION).get_type_name()

    def score(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """From uint8 (n, height, width, 3), RGB 0-255, to float32 (n, classes)."""
        return self._model(batch)[0]


def write_format(
    folder: Path, contract: Contract, file_format: str, output: Path
) -> Path:
    """Write the scores' graph of a version folder into output; return the file.

    Input and output keep the contract's tensor names; the number of pictures is free.

    Raises:
        ConversionRefused: A package is missing, or the format cannot hold the graph.
    """
    graph = read_scores_graph(folder, contract)
    write = {"onnx": _write_onnx, "openvino": _write_openvino}[file_format]
    return write(graph, contract, output)


def read_scores_graph(folder: Path, contract: Contract) -> graph_pb2.GraphDef:
    """What leads from pictures to scores, and nothing else, with the sizes told.

    The exported placeholder admits any shape and a check behind it does not; other
    runtimes want the shape at the input.
    """
    names = contract.tensors
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(
            session, [tf.saved_model.SERVING], str(folder)
        )
    signature = loaded.signature_def[PREDICT_SIGNATURE]
    images, scores = signature.inputs[names.images], signature.outputs[names.scores]
    with tf.Graph().as_default() as graph:
        shaped = tf.compat.v1.placeholder(
            tf.uint8, [None, *contract.image.size, 3], names.images
        )
        (found,) = tf.graph_util.import_graph_def(
            loaded.graph_def,
            input_map={images.name: shaped},
            return_elements=[scores.name],
            name="exported",
        )
        tf.identity(found, names.scores)
    return tf.compat.v1.graph_util.extract_sub_graph(
        graph.as_graph_def(), [names.scores]
    )


def import_package(name: str) -> ModuleType:
    """A package of the Pipfile's category "exports".

    Raises:
        ConversionRefused: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConversionRefused(
            f"the package {error.name} is missing; it comes with the Pipfile's "
            "category exports: pipenv sync --categories exports"
        ) from error


def _write_onnx(graph: graph_pb2.GraphDef, contract: Contract, output: Path) -> Path:
    onnx, tf2onnx = import_package("onnx"), import_package("tf2onnx")
    names = contract.tensors
    images, scores = f"{names.images}:0", f"{names.scores}:0"
    try:
        model, _ = tf2onnx.convert.from_graph_def(
            graph,
            name=contract.model,
            input_names=[images],
            output_names=[scores],
            opset=ONNX_OPSET,
            tensors_to_rename={images: names.images, scores: names.scores},
        )
        onnx.helper.set_model_props(model, {"contract": contract.to_json()})
        onnx.checker.check_model(model)
    # What tf2onnx raises on a graph it cannot hold depends on the operation.
    except Exception as error:
        raise ConversionRefused(f"ONNX cannot hold this model: {error}") from error
    path = output / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _write_openvino(
    graph: graph_pb2.GraphDef, contract: Contract, output: Path
) -> Path:
    """By the runtime's own reader: openvino.convert_model reports its use to Intel."""
    openvino = import_package("openvino")
    path = output / "model.xml"
    with tempfile.TemporaryDirectory() as aside:
        frozen = Path(aside) / "graph.pb"
        frozen.write_bytes(graph.SerializeToString())
        try:
            model = openvino.Core().read_model(str(frozen))
            model.input().get_tensor().set_names({contract.tensors.images})
            model.output().get_tensor().set_names({contract.tensors.scores})
            model.set_rt_info(contract.to_json(), ["contract"])
            openvino.save_model(model, str(path), compress_to_fp16=False)
        except RuntimeError as error:
            raise ConversionRefused(
                f"OpenVINO cannot hold or write this model: {error}"
            ) from error
    return path
