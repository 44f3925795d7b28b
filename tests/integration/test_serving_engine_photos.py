"""Genuine weights on real photos: what each engine says of them, beside TensorFlow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from gateway.image import decode_image
from serving.half_precision import computes_in_bfloat16
from serving.settings import Settings
from tests.integration.engine_servers import count_runs, write_monitoring
from tests.integration.serving_calls import predict
from tests.tiny_model import tiny_contract
from training.backbones import build_backbone
from training.export import export_model
from training.fold import fold_network
from training.model import Classifier, build_head

PHOTOS = 24
HALF = {"mixed_precision": "bfloat16"}
# Scores are 0 to 1. In float32 the sums are the same in another order. bfloat16 keeps
# 8 bits, 1 part in 256 a step: measured 0.066 at most on the 200 photos of a trained
# model's test part, for both engines, so a fault in the graph would still show.
EXACT, LOOSE = 1e-4, 0.15
WAYS = {
    "openvino": ({"engine": "openvino"}, EXACT),
    "openvino-bf16": ({"engine": "openvino", **HALF}, LOOSE),
    "tensorflow-bf16": (HALF, LOOSE),
}


@pytest.fixture(name="photos", scope="module")
def _photos(datasets_dir):
    """uint8 (PHOTOS, 224, 224, 3), as the gateway sends them; half of each class."""
    folder = datasets_dir / "pizza-not-pizza" / "test"
    paths = [
        path
        for label in sorted(folder.iterdir())
        for path in sorted(label.iterdir())[: PHOTOS // 2]
    ]
    return np.stack([decode_image(path.read_bytes(), (224, 224)) for path in paths])


@pytest.fixture(name="serve", scope="module")
def _serve(start_model_server, tmp_path_factory):
    """A function from flags to a server of EfficientNet-Lite0 with ImageNet's weights.

    Its head is drawn, as nothing has to be right here, only the same.
    """
    keras.utils.set_random_seed(5)
    backbone = build_backbone("efficientnet-lite0")
    head = build_head(1280, classes=3, dropout=0.0, weight_decay=0.0)
    folded = fold_network(backbone.network)
    classifier = Classifier.on_backbone(backbone, folded, head)
    folder = tmp_path_factory.mktemp("lite")
    contract = tiny_contract(size=backbone.size, name="lite")
    golden = np.zeros((1, *backbone.size, 3), np.uint8)
    export_model(classifier, contract, golden, lambda *_: None, folder / "lite")
    monitoring = write_monitoring(folder)

    def serve(**flags):
        return start_model_server(
            folder / "lite",
            "lite",
            enable_batching=True,
            batching_parameters_file="serving/batching.config",
            monitoring_config_file=monitoring,
            **flags,
        )

    return serve


@pytest.fixture(name="reference", scope="module")
def _reference(serve, photos):
    """What TensorFlow says in float32: scores and heatmaps."""
    server = serve()
    scores = predict(server, "lite", images=photos)[1]["scores"]
    explained = predict(server, "lite", signature="explain", images=photos[:4])[1]
    server.stop()
    return SimpleNamespace(scores=scores, heatmaps=explained["heatmap"])


@pytest.mark.parametrize("name", WAYS)
def test_scores(serve, photos, reference, name):
    """Photo by photo from many callers, scores are within the stated tolerance."""
    flags, tolerance = WAYS[name]
    server = serve(**flags)
    before = count_runs(server)

    def ask(photo):
        return predict(server, "lite", images=photo[None])[1]["scores"][0]

    with ThreadPoolExecutor(8) as pool:
        scores = np.stack(list(pool.map(ask, photos)))

    after = count_runs(server)
    used = [engine for engine in after if after[engine] > before[engine]]
    assert used == [flags.get("engine", "tensorflow")]
    difference = np.abs(scores - reference.scores).max()
    assert difference <= tolerance
    if "mixed_precision" in flags and computes_in_bfloat16(Settings(**HALF)):
        # Less would mean that the flag does nothing.
        assert difference > EXACT
    assert np.ptp(reference.scores, axis=0).max() > LOOSE
    server.stop()


def test_heatmaps(serve, photos, reference):
    """OpenVINO's heatmaps are TensorFlow's as well; 0 to 1."""
    server = serve(engine="openvino")

    _, outputs = predict(server, "lite", signature="explain", images=photos[:4])

    np.testing.assert_allclose(outputs["heatmap"], reference.heatmaps, atol=EXACT)
    server.stop()
