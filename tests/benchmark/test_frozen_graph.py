"""The exported graph beside Keras' own export of the same network, in one run.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_frozen_graph.py
"""

import statistics
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.tiny_model import tiny_contract
from training.backbones import build_backbone
from training.export import export_model
from training.fold import fold_network
from training.model import Classifier, build_head

ROUNDS = 40


@pytest.fixture(name="classifier", scope="module")
def _classifier():
    backbone = build_backbone("efficientnet-lite0", "random")
    return Classifier.on_backbone(
        backbone,
        fold_network(backbone.network),
        build_head(1280, classes=2, dropout=0.0, weight_decay=0.0),
    )


def load_callable(folder):
    """serving_default of one SavedModel as a session callable."""
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        tags = [tf.saved_model.SERVING]
        meta = tf.compat.v1.saved_model.load(session, tags, str(folder))
    signature = meta.signature_def["serving_default"]
    (image,) = (info.name for info in signature.inputs.values())
    (score,) = (info.name for info in signature.outputs.values())
    return session.make_callable(score, feed_list=[image])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("batch_size", [1, 16])
def test_frozen_graph(classifier, tmp_path, batch_size):
    """Frozen and folded, the same network answers faster than as Keras exports it."""
    contract = tiny_contract(("a", "b"), size=(224, 224))
    images = np.random.default_rng(1).integers(
        0, 256, (batch_size, 224, 224, 3), np.uint8
    )
    ours = export_model(
        classifier, contract, images[:1], lambda *_: None, tmp_path / "ours"
    )
    classifier.keras_model().export(tmp_path / "keras", verbose=False)
    runs = {"ours": load_callable(ours), "keras": load_callable(tmp_path / "keras")}
    for run in runs.values():
        run(images)

    ratios, times = [], {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.perf_counter()
            run(images)
            times[name].append(time.perf_counter() - start)
        ratios.append(times["keras"][-1] / times["ours"][-1])

    ratios.sort()
    print(
        f"\nbatch {batch_size}: Keras export / ours, time: median "
        f"{statistics.median(ratios):.2f}, quartiles {ratios[ROUNDS // 4]:.2f} to "
        f"{ratios[3 * ROUNDS // 4]:.2f}; ours "
        f"{1000 * statistics.median(times['ours']) / batch_size:.1f} ms an image"
    )
    assert statistics.median(ratios) > 1.0
