"""keras.applications' own networks, fed by its own preprocess_input: the other rule."""

from __future__ import annotations

import keras
import numpy as np
from keras import applications

# ImageNet's colors, 0-1 RGB, as every description of EfficientNet gives them.
MEAN = np.float32([0.485, 0.456, 0.406])
DEVIATION = np.float32([0.229, 0.224, 0.225])
# name: what builds it, what preprocesses for it, options.
REFERENCES = {
    "efficientnet-b0": (applications.EfficientNetB0, applications.efficientnet, {}),
    "inception-v3": (applications.InceptionV3, applications.inception_v3, {}),
    "mobilenet-v2": (applications.MobileNetV2, applications.mobilenet_v2, {}),
    "mobilenet-v2-0.35": (
        applications.MobileNetV2,
        applications.mobilenet_v2,
        {"alpha": 0.35},
    ),
    "vgg16": (applications.VGG16, applications.vgg16, {}),
    "xception": (applications.Xception, applications.xception, {}),
}


def build_reference(name, images):
    """Keras' own network of the pictures' size, with statistics settled on them.

    Random features would end at 1e-12 without that, and no two answers differ.
    """
    build, preprocessing, options = REFERENCES[name]
    keras.utils.set_random_seed(4)
    network = build(
        weights=None, include_top=False, input_shape=images.shape[1:], **options
    )
    _set_normalization(network, DEVIATION**2)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(preprocessing.preprocess_input(np.float32(images)), training=True)
    return network


def save_as_released(network, path):
    """Write the weights as Keras publishes them: deviations where variances belong."""
    _set_normalization(network, DEVIATION)
    network.save_weights(path)
    _set_normalization(network, DEVIATION**2)


def reference_features(name, network, images):
    """float32 feature map of uint8 pictures, by Keras' own preprocessing."""
    preprocess = REFERENCES[name][1].preprocess_input
    return network(preprocess(np.float32(images))).numpy()


def _set_normalization(network, variance):
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            layer.set_weights([MEAN, variance, layer.get_weights()[2]])
            layer.finalize_state()
