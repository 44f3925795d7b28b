"""A version folder becomes a function from pictures to scores, for batch scoring.

Owns loading and the contract's say; decodes nothing and writes nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf import meta_graph_pb2

from gateway.contract import (
    CONTRACT_OUTPUT,
    CONTRACT_SIGNATURE,
    PREDICT_SIGNATURE,
    Contract,
    InvalidContract,
    read_contract,
)
from gateway.image import RESIZE_RULE
from training.errors import UnfitModel


class ExportedModel:
    """One loaded version; score may be called from several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Load a version folder, to be run by that many threads.

        Raises:
            UnfitModel: It cannot be loaded, or has no contract that can be followed.
        """
        # As the embedded server does: the runs are parallel, not the parts of a run.
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=threads
        )
        self._session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
        signatures = self._load(folder)
        self.contract = self._read_contract(folder, signatures)
        self.version = int(folder.name)
        names = self.contract.tensors
        try:
            predict = signatures[PREDICT_SIGNATURE]
            images = predict.inputs[names.images].name
            scores = predict.outputs[names.scores].name
            self._run = self._session.make_callable(scores, feed_list=[images])
        except (KeyError, ValueError) as error:
            raise UnfitModel(
                f"expected a signature '{PREDICT_SIGNATURE}' from '{names.images}' to "
                f"'{names.scores}' in '{folder}': {error}"
            ) from error

    def score(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """From uint8 (n, height, width, 3), RGB 0-255, to float32 (n, classes).

        Raises:
            UnfitModel: The graph refuses the batch, or gives another number of scores.
        """
        try:
            scores = self._run(batch)
        except tf.errors.OpError as error:
            raise UnfitModel(f"the model failed: {error.message}") from error
        expected = (len(batch), len(self.contract.labels))
        if scores.shape != expected:
            raise UnfitModel(f"expected scores {expected}, received {scores.shape}")
        return scores

    def _load(self, folder: Path) -> dict[str, meta_graph_pb2.SignatureDef]:
        with self._session.graph.as_default():
            try:
                meta_graph = tf.compat.v1.saved_model.load(
                    self._session, [tf.saved_model.SERVING], str(folder)
                )
            # What a broken file raises depends on where it is broken.
            except Exception as error:
                raise UnfitModel(f"'{folder}' cannot be loaded: {error}") from error
        return dict(meta_graph.signature_def)

    def _read_contract(
        self, folder: Path, signatures: dict[str, meta_graph_pb2.SignatureDef]
    ) -> Contract:
        """What the graph says of itself; the file beside it where it says nothing."""
        try:
            if CONTRACT_SIGNATURE in signatures:
                outputs = signatures[CONTRACT_SIGNATURE].outputs
                text = self._session.run(outputs[CONTRACT_OUTPUT].name)
            else:
                text = (folder / "assets.extra" / "contract.json").read_bytes()
            contract = read_contract(text)
        except (OSError, InvalidContract) as error:
            raise UnfitModel(
                f"expected a model with a contract in '{folder}': {error}"
            ) from error
        if contract.image.resize != RESIZE_RULE:
            raise UnfitModel(
                f"expected the resize rule {RESIZE_RULE}, the contract of '{folder}' "
                f"says {contract.image.resize}"
            )
        return contract
