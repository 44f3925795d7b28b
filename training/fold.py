"""A Keras network as TensorFlow runs it fastest: the same numbers, fewer layers.

Owns the arithmetic of folding; knows no particular network. Inference only: the
folded network must not be trained.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)


def fold_network(network: keras.Model) -> keras.Model:
    """A copy in which each convolution has absorbed batch norm and padding around it.

    A batch norm stays where it cannot move: behind another kind of layer, behind a
    convolution with an activation, or where others read the convolution's output too.
    A padding layer stays unless "same" pads the convolution behind it just so. A ReLU
    of a sum that others read too becomes a maximum with 0.
    """
    paddings = {
        padding.name: convolution.name
        for padding in network.layers
        if (convolution := _padded_convolution(padding)) is not None
    }
    norms = {
        norm.name: convolution
        for norm in network.layers
        if (convolution := _foldable_convolution(norm)) is not None
    }
    folded_names = {convolution.name for convolution in norms.values()}

    def clone_layer(layer: layers.Layer) -> layers.Layer:
        if layer.name in norms or layer.name in paddings:
            return layers.Identity(name=layer.name)
        if _is_relu_of_shared_sum(layer):
            return layers.Activation(_at_least_zero, name=layer.name)
        config = layer.get_config()
        if layer.name in paddings.values():
            config["padding"] = "same"
        if layer.name in folded_names:
            config["use_bias"] = True
        return layer.__class__.from_config(config)

    def call_layer(layer: layers.Layer, *args: Any, **kwargs: Any) -> Any:
        if layer.name in norms:
            return layer(args[0])  # Identity takes no mask or training argument
        return layer(*args, **kwargs)

    folded = keras.models.clone_model(
        network, clone_function=clone_layer, call_function=call_layer
    )
    by_convolution = {convolution.name: name for name, convolution in norms.items()}
    for layer in network.layers:
        if layer.name in by_convolution:
            norm = network.get_layer(by_convolution[layer.name])
            folded.get_layer(layer.name).set_weights(_absorb(layer, norm))
        elif layer.weights and layer.name not in norms:
            _copy_weights(layer, folded.get_layer(layer.name))
    return folded


def _copy_weights(layer: layers.Layer, copy: layers.Layer) -> None:
    copy.set_weights(layer.get_weights())
    if isinstance(copy, layers.Normalization):
        # It computes with copies of its weights, which it takes only when told to.
        copy.finalize_state()


def _foldable_convolution(norm: layers.Layer) -> layers.Layer | None:
    """The convolution right before this batch norm, if nothing stands in the way."""
    if not isinstance(norm, layers.BatchNormalization):
        return None
    # Keras has no public way from a tensor to the layer that made it, nor back.
    # pylint: disable=protected-access
    before = norm.input._keras_history.operation
    if not isinstance(before, _CONVOLUTIONS):
        return None
    if before.activation is not keras.activations.linear:
        return None
    return before if len(before._outbound_nodes) == 1 else None


def _padded_convolution(padding: layers.Layer) -> layers.Layer | None:
    """The convolution right behind this layer of zeros, if it can pad by itself."""
    # pylint: disable=protected-access  # as above
    if not isinstance(padding, layers.ZeroPadding2D):
        return None
    if padding.data_format != "channels_last" or len(padding._outbound_nodes) != 1:
        return None
    behind = padding._outbound_nodes[0].operation
    if not isinstance(behind, _CONVOLUTIONS) or behind.padding != "valid":
        return None
    return behind if padding.padding == _same_zeros(padding, behind) else None


def _same_zeros(
    padding: layers.ZeroPadding2D, convolution: layers.Layer
) -> tuple[tuple[int, int], ...] | None:
    """What "same" would add before and behind, of rows and of columns, if known.

    Of n pixels TensorFlow makes (ceil(n / stride) - 1) * stride + kernel, if that is
    more; of an odd number of zeros one more stands behind.
    """
    height_width = padding.input.shape[1:3]
    if None in height_width or set(convolution.dilation_rate) != {1}:
        return None
    sides = zip(height_width, convolution.kernel_size, convolution.strides)
    totals = [
        max(0, (-(-side // stride) - 1) * stride + kernel - side)
        for side, kernel, stride in sides
    ]
    return tuple((total // 2, total - total // 2) for total in totals)


def _is_relu_of_shared_sum(layer: layers.Layer) -> bool:
    """Whether TensorFlow 2.21 would fail to fuse this layer, and then fuses no other.

    Grappler's remapper joins convolution, sum and ReLU, finds that it has removed what
    others read, and leaves the whole graph as it was. Xception then takes 1.02 to 1.06
    times as much of a core, in bfloat16 1.37 times.
    """
    if getattr(layer, "activation", None) is not keras.activations.relu:
        return False
    if not isinstance(layer, layers.Activation):
        return False
    before = layer.input._keras_history.operation  # pylint: disable=protected-access
    if not isinstance(before, layers.Add):
        return False
    return len(before._outbound_nodes) > 1  # pylint: disable=protected-access


def _at_least_zero(tensor: Any) -> Any:
    """What a ReLU gives, as another operation."""
    return keras.ops.maximum(tensor, 0.0)


def _absorb(
    convolution: layers.Layer, norm: layers.BatchNormalization
) -> list[NDArray[np.float32]]:
    """The convolution's weights, scaled and shifted as the batch norm would do."""
    # float64: the square root and the products round once, at the end.
    mean, variance = (
        np.float64(array) for array in (norm.moving_mean, norm.moving_variance)
    )
    factor = 1.0 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        factor = factor * np.float64(norm.gamma)
    shift = np.float64(norm.beta) if norm.center else np.zeros_like(mean)
    weights = [np.float64(array) for array in convolution.get_weights()]
    bias = weights.pop() if convolution.use_bias else np.zeros_like(mean)
    is_depthwise = isinstance(convolution, layers.DepthwiseConv2D)
    kernel_factor = factor.reshape(weights[-1].shape[-2:]) if is_depthwise else factor
    weights[-1] = weights[-1] * kernel_factor
    weights.append((bias - mean) * factor + shift)
    return [array.astype(np.float32) for array in weights]
