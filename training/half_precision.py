"""What --mixed_precision=bfloat16 of a server would make of a model's scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf import rewriter_config_pb2

from gateway.contract import Contract


@dataclass(frozen=True, kw_only=True)
class HalfPrecision:
    """On some photos: the largest |float32 - bfloat16| score, and best labels changed.

    Found on the machine that trained: one without bfloat16 instructions may round
    otherwise.
    """

    count: int
    score_difference: float
    changed_labels: int


def compare_half_precision(
    folder: Path, contract: Contract, images: NDArray[np.uint8]
) -> HalfPrecision:
    """Run a version folder on uint8 images (n, height, width, 3) in both precisions.

    TensorFlow Serving's flag, and the embedded server's, switch on the same rewriting
    of the graph.
    """
    exact, rounded = (
        _run(folder, contract, images, is_half) for is_half in (False, True)
    )
    changed = exact.argmax(axis=1) != rounded.argmax(axis=1)
    return HalfPrecision(
        count=len(images),
        score_difference=float(np.abs(exact - rounded).max()),
        changed_labels=int(changed.sum()),
    )


def _run(
    folder: Path, contract: Contract, images: NDArray[np.uint8], is_half: bool
) -> NDArray[np.float32]:
    options = tf.compat.v1.ConfigProto()
    if is_half:
        rewriting = options.graph_options.rewrite_options
        rewriting.auto_mixed_precision_onednn_bfloat16 = (
            rewriter_config_pb2.RewriterConfig.ON
        )
    names = contract.tensors
    with tf.compat.v1.Session(graph=tf.Graph(), config=options) as session:
        tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], str(folder))
        return session.run(f"{names.scores}:0", {f"{names.images}:0": images})
