"""Where a network is cut in two: one part stays frozen, and the top blocks learn."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from training.errors import UnfitKnobs


def cut_network(network: keras.Model, share: float) -> tuple[keras.Model, keras.Model]:
    """The frozen part and the top blocks; they share the network's layers.

    Cut where all of a picture passes through one map, the smallest of those above
    which there is at least that share (0-1) of the weights.

    Raises:
        UnfitKnobs: There is no such map.
    """
    total = network.count_params()
    candidates = {
        name: output
        for name in find_bottlenecks(network)
        if _count_above(network, name) >= share * total
        and len((output := network.get_layer(name).output).shape) == 4
        and output.dtype != "uint8"  # the pictures themselves
    }
    if not candidates:
        raise UnfitKnobs(
            f"expected a share of the weights that some map has above it, received "
            f"{share}"
        )
    cut = min(
        reversed(candidates), key=lambda name: np.prod(candidates[name].shape[1:])
    )
    middle = candidates[cut]
    return keras.Model(network.input, middle), keras.Model(middle, network.output)


def find_bottlenecks(network: keras.Model) -> list[str]:
    """Layers, first to last, through whose one output all of a picture must pass."""
    waiting: dict[str, int] = {}
    for layer in network.layers:
        for name in _sources(layer):
            waiting[name] = waiting.get(name, 0) + 1
    found, unread = [], set()
    for layer in network.layers:
        for name in _sources(layer):
            waiting[name] -= 1
            if not waiting[name]:
                unread.discard(name)
        unread.add(layer.name)
        if unread == {layer.name}:
            found.append(layer.name)
    return found


def _count_above(network: keras.Model, name: str) -> int:
    """Weights of the layers that come after one."""
    names = [layer.name for layer in network.layers]
    return sum(
        layer.count_params() for layer in network.layers[names.index(name) + 1 :]
    )


def _sources(layer: layers.Layer) -> set[str]:
    """The layers whose outputs this one takes; Keras has no public way to ask."""
    # pylint: disable=protected-access
    return {
        tensor._keras_history.operation.name
        for node in layer._inbound_nodes
        for tensor in node.input_tensors
    }
