"""A whole ImageNet network as a classifier: nothing of it is trained here."""

from __future__ import annotations

import itertools

import keras

from training.backbones import build_network
from training.fold import fold_network
from training.model import Classifier

_RANK_OF_VECTORS = 2


def build_imagenet_classifier(
    name: str, weights: str, size: tuple[int, int] | None = None
) -> Classifier:
    """A network with its classifier of 1,000 classes; arguments as build_backbone's.

    Raises:
        UnknownBackbone: No such name, a size it cannot take, or no such weights.
    """
    whole = build_network(name, weights, size, has_top=True)
    top = _top_layers(whole)
    network = keras.Model(whole.input, top[0].input, name=name)
    return Classifier(
        name=name,
        size=whole.input_shape[1:3],
        network=network,
        folded_network=fold_network(network),
        head=_chain(top),
    )


def _top_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """From pooling or flattening on: all layers at the end that give vectors."""
    vectors = itertools.takewhile(
        lambda layer: len(layer.output.shape) == _RANK_OF_VECTORS,
        reversed(network.layers),
    )
    return list(vectors)[::-1]


def _chain(top: list[keras.layers.Layer]) -> keras.Model:
    """The layers one behind the other, from feature map to logits."""
    feature_map = keras.Input(top[0].input.shape[1:], name="feature_map")
    tensor = feature_map
    for layer in top:
        tensor = layer(tensor)
    return keras.Model(feature_map, tensor, name="top")
