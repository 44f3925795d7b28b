"""The networks that are measured, with random weights, as this project exports."""

from __future__ import annotations

import keras
import numpy as np

from tests.tiny_model import tiny_contract
from training.backbones import Backbone, build_backbone
from training.export import export_model
from training.fold import fold_network
from training.model import Classifier, build_head

MOBILENET, LITE = "mobilenetv2-160", "efficientnet-lite0-224"
XCEPTION = "xception-299"
SIZES = {MOBILENET: (160, 160), LITE: (224, 224), XCEPTION: (299, 299)}
# Of the last feature map.
_CHANNELS = {MOBILENET: 1280, LITE: 1280, XCEPTION: 2048}
_KERAS_NETWORKS = {
    MOBILENET: keras.applications.MobileNetV2,
    XCEPTION: keras.applications.Xception,
}


def export_network(name, base_path, classes=2):
    """Write base_path/1 with one of SIZES; return the version folder."""
    labels = [f"class {number}" for number in range(classes)]
    contract = tiny_contract(labels, size=SIZES[name], name=name)
    classifier, golden = build_classifier(name, classes), draw_images(name, 1)
    return export_model(classifier, contract, golden, lambda *_: None, base_path)


def build_classifier(name, classes=2):
    """One of SIZES; the same weights every time."""
    keras.utils.set_random_seed(3)
    backbone = (
        _build_keras_network(name)
        if name in _KERAS_NETWORKS
        else build_backbone("efficientnet-lite0", "random")
    )
    _settle(backbone.network, draw_images(name, 8))
    return Classifier.on_backbone(
        backbone,
        fold_network(backbone.network),
        build_head(_CHANNELS[name], classes=classes, dropout=0.0, weight_decay=0.0),
    )


def _build_keras_network(name):
    """One that Keras ships, with its own preprocessing (-1 to 1) inside."""
    images = keras.Input((*SIZES[name], 3), dtype="uint8", name="images")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    inner = _KERAS_NETWORKS[name](input_tensor=scaled, include_top=False, weights=None)
    # Of its own accord the network would take a list of one input.
    network = keras.Model(images, inner.output)
    return Backbone(name=name, size=SIZES[name], network=network)


def _settle(network, images):
    """Tell every normalization its inputs; without that, random features end at 1e-12
    and no answer differs from any other."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(keras.tree.map_structure(lambda _: images, network.input), training=True)


def draw_images(name, count, seed=0):
    """uint8 noise, shape (count, height, width, 3), in the network's size."""
    noise = np.random.default_rng(seed)
    return noise.integers(0, 256, (count, *SIZES[name], 3), np.uint8)
