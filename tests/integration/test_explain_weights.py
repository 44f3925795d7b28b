"""An explanation is about the weights: other weights look elsewhere.

Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps".
"""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
from PIL import Image

from gateway.app import create_app
from gateway.model_client import ModelClient
from gateway.settings import Settings
from serving.served_model import ModelConfig
from tests.integration.transfer_backbone import SIZE
from tests.tiny_model import tiny_contract
from training.model import Classifier
from training.saved_model import write_saved_model

LABELS = ("red", "blue")
# Model names to the seed of their weights; None: those of the detector.
SEEDS = {"right": None, "copy": None, "random1": 1, "random2": 2, "random3": 3}


def build_detector():
    """A network that sees red in its first channel and blue in its second.

    Each cell of 4 x 4 pixels counts for its own color; the head takes the larger sum.
    """
    images = keras.Input((*SIZE, 3), dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 255)(images)
    colors = keras.layers.Conv2D(2, 4, 4, "valid", activation="relu", name="cells")
    network = keras.Model(images, colors(scaled))
    kernel = np.zeros((4, 4, 3, 2), np.float32)
    kernel[..., 0, 0] = kernel[..., 2, 1] = 1 / 16
    network.get_layer("cells").set_weights([kernel, np.zeros(2, np.float32)])
    cells = keras.Input(network.output.shape[1:])
    pooled = keras.layers.GlobalAveragePooling2D()(cells)
    logits = keras.layers.Dense(2, use_bias=False)
    head = keras.Model(cells, logits(pooled))
    logits.set_weights([50 * np.eye(2, dtype=np.float32)])
    return Classifier(
        name="detector", size=SIZE, network=network, folded_network=network, head=head
    )


def randomize(classifier, seed):
    """Draw every weight anew, in place, as widely as a new layer's are."""
    chance = np.random.default_rng(seed)
    for part in (classifier.network, classifier.head):
        part.set_weights(
            [
                chance.normal(0, 1 / np.sqrt(max(1, weight[..., 0].size)), weight.shape)
                for weight in part.get_weights()
            ]
        )


@pytest.fixture(name="web", scope="module")
def _web(start_model_server, tmp_path_factory):
    """The gateway before the detector, a copy of it, and some of random weights."""
    folder = tmp_path_factory.mktemp("detectors")
    configs = []
    for name, seed in SEEDS.items():
        classifier = build_detector()
        if seed is not None:
            randomize(classifier, seed)
        contract = tiny_contract(labels=LABELS, size=SIZE, name=name)
        write_saved_model(classifier, contract, folder / name / "1")
        configs.append(ModelConfig(name=name, base_path=str(folder / name)))
    server = start_model_server(configs=configs)
    client = ModelClient(f"localhost:{server.grpc_port}")
    settings = Settings(models=tuple(config.name for config in configs))
    yield create_app(settings, client).test_client()
    client.close()


@pytest.fixture(name="photo", scope="module")
def _photo():
    """Gray noise with a red square top left and a smaller blue one bottom right."""
    pixels = np.random.default_rng(3).integers(90, 110, (*SIZE, 3), np.uint8)
    pixels[4:16, 4:16] = (255, 0, 0)
    pixels[20:28, 20:28] = (0, 0, 255)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_catalog(web):
    """The catalog says that these models explain."""
    entries = web.get("/models").json["models"]

    assert [entry["can_explain"] for entry in entries] == [True] * len(SEEDS)


def explain(web, model, photo):
    """Label and heatmap, float (8, 8)."""
    reply = web.post(f"/explain?model={model}", data=photo, content_type="image/png")
    assert reply.status_code == 200, reply.text
    return reply.json["predictions"][0]["label"], np.array(reply.json["heatmap"])


def test_detector(web, photo):
    """The detector says red and looks at the red square: 1 there, 0 at the blue one."""
    label, heatmap = explain(web, "right", photo)

    assert label == "red"
    assert heatmap.shape == (8, 8)
    np.testing.assert_allclose(heatmap[1:4, 1:4], 1, rtol=1e-6)
    np.testing.assert_array_equal(heatmap[5:7, 5:7], 0)
    # Gray of 90 to 110 beside a red of 255.
    assert 90 / 255 <= heatmap[0].min() and heatmap[0].max() <= 110 / 255


def test_same_weights(web, photo):
    """The same weights under another name give the same map: it is no chance."""
    _, heatmap = explain(web, "right", photo)
    _, copy = explain(web, "copy", photo)

    np.testing.assert_array_equal(heatmap, copy)


@pytest.mark.parametrize("model", ["random1", "random2", "random3"])
def test_random_weights(web, photo, model):
    """Random weights look elsewhere, or nowhere: the map follows what was learned."""
    _, right = explain(web, "right", photo)

    _, random = explain(web, model, photo)

    # Half of the whole range, where the copy above differs by nothing.
    assert np.abs(right - random).max() > 0.5
