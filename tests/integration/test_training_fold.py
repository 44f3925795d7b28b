"""Folding changes no answer, on the kinds of layers our backbones have."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from training.fold import fold_network


def norm_count(network):
    """How many batch norms a network has."""
    return sum(isinstance(x, layers.BatchNormalization) for x in network.layers)


def build(*middle):
    """A network of the given layers with random weights and statistics."""
    images = keras.Input((12, 12, 3))
    tensor = images
    for layer in middle:
        tensor = layer(tensor)
    return randomize(keras.Model(images, tensor))


def randomize(network):
    """Random weights and statistics, none of them 0."""
    random = np.random.default_rng(5)
    for layer in network.layers:
        layer.set_weights(
            [random.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()]
        )
    return network


@pytest.mark.parametrize(
    "convolution",
    [
        lambda: layers.Conv2D(4, 3, use_bias=False),
        lambda: layers.Conv2D(4, 3, use_bias=True),
        lambda: layers.DepthwiseConv2D(3, use_bias=False),
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=True),
        lambda: layers.SeparableConv2D(4, 3, use_bias=False),
    ],
)
@pytest.mark.parametrize("has_scale, has_center", [(True, True), (False, False)])
def test_folded_answers(convolution, has_scale, has_center):
    """Convolution and batch norm become one layer with the same output."""
    norm = layers.BatchNormalization(scale=has_scale, center=has_center)
    network = build(convolution(), norm, layers.ReLU())
    images = np.random.default_rng(6).normal(size=(2, 12, 12, 3)).astype(np.float32)

    folded = fold_network(network)

    assert norm_count(folded) == 0
    # float32: sums of up to 27 products, in another order.
    np.testing.assert_allclose(folded(images), network(images), rtol=1e-4, atol=1e-4)


def test_activation_in_between():
    """A batch norm behind a ReLU cannot move into the convolution; it stays."""
    network = build(layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization())
    images = np.random.default_rng(6).normal(size=(2, 12, 12, 3)).astype(np.float32)

    folded = fold_network(network)

    assert norm_count(folded) == 1
    np.testing.assert_allclose(folded(images), network(images), rtol=1e-5, atol=1e-5)


def test_second_reader():
    """Where others read the convolution's output too, nothing is folded."""
    images = keras.Input((12, 12, 3))
    before = layers.Conv2D(4, 3)(images)
    both = layers.Add()([before, layers.BatchNormalization()(before)])

    folded = fold_network(keras.Model(images, both))

    assert norm_count(folded) == 1


def pads(network):
    """How many layers of zeros a network has."""
    return sum(isinstance(layer, layers.ZeroPadding2D) for layer in network.layers)


@pytest.mark.parametrize(
    "zeros, convolution, left",
    [
        # Of 12 pixels a stride of 2 wants one more, behind them.
        (((0, 1), (0, 1)), {"strides": 2}, 0),
        (((1, 0), (1, 0)), {"strides": 2}, 1),
        (((1, 1), (1, 1)), {"strides": 2}, 1),
        (((1, 1), (1, 1)), {}, 0),
        (((1, 1), (0, 1)), {}, 1),
        (((0, 1), (0, 1)), {"strides": 2, "padding": "same"}, 1),
        (((2, 2), (2, 2)), {"dilation_rate": 2}, 1),
    ],
)
@pytest.mark.parametrize("layer", [layers.Conv2D, layers.DepthwiseConv2D])
def test_padding(layer, zeros, convolution, left):
    """Zeros that the convolution behind can add itself are left to it, others stay."""
    first = {"filters": 3} if layer is layers.Conv2D else {}
    padded = layer(**first, kernel_size=3, **convolution)
    network = build(layers.ZeroPadding2D(zeros), padded, layers.BatchNormalization())
    images = np.random.default_rng(6).normal(size=(2, 12, 12, 3)).astype(np.float32)

    folded = fold_network(network)

    assert (pads(network), pads(folded), norm_count(folded)) == (1, left, 0)
    np.testing.assert_allclose(folded(images), network(images), rtol=1e-4, atol=1e-4)


def test_padding_of_odd_sides():
    """How many zeros are "same" depends on the side: 12 pixels become 11, then 6."""
    network = build(
        layers.Conv2D(3, 2),
        layers.ZeroPadding2D(1),
        layers.DepthwiseConv2D(3, strides=2),
    )
    images = np.random.default_rng(6).normal(size=(2, 12, 12, 3)).astype(np.float32)

    folded = fold_network(network)

    assert pads(folded) == 0
    np.testing.assert_allclose(folded(images), network(images), rtol=1e-5)


def test_padding_with_two_readers():
    """Zeros that others read too stay."""
    images = keras.Input((12, 12, 3))
    padded = layers.ZeroPadding2D(1)(images)
    both = [layers.Conv2D(2, 3)(padded), layers.Conv2D(2, 3)(padded)]

    assert pads(fold_network(keras.Model(images, both))) == 1


def test_padding_of_unknown_sides():
    """Without a size nobody knows which zeros "same" would add."""
    images = keras.Input((None, None, 3))
    padded = layers.ZeroPadding2D(1)(images)

    folded = fold_network(keras.Model(images, layers.Conv2D(2, 3)(padded)))

    assert pads(folded) == 1


def list_optimized(network, images):
    """The operations that TensorFlow really runs for a frozen network."""
    frozen = freeze(network)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(frozen, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            ran = tf.compat.v1.RunMetadata()
            options = tf.compat.v1.RunOptions(output_partition_graphs=True)
            session.run("answer:0", {"images:0": images}, options, ran)
    return [node.op for part in ran.partition_graphs for node in part.node]


def freeze(network):
    """Its graph with weights as constants, from images to answer."""
    function = tf.function(lambda images: tf.identity(network(images), "answer"))
    spec = tf.TensorSpec((None, *network.input.shape[1:]), name="images")
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(spec))
    return frozen.graph.as_graph_def()


def test_relu_of_a_shared_sum():
    """A block as Xception has them is fused: of a Conv2D none is left alone."""
    images = keras.Input((12, 12, 4))
    before = layers.Conv2D(4, 3, padding="same", activation="relu")(images)
    behind = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(before))
    total = layers.Add()([behind, before])
    relu = layers.Activation("relu")(total)
    last = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(relu))
    network = randomize(keras.Model(images, layers.Add()([last, total])))
    photos = np.random.default_rng(6).normal(size=(2, 12, 12, 4)).astype(np.float32)

    folded = fold_network(network)

    np.testing.assert_allclose(folded(photos), network(photos), rtol=1e-4, atol=1e-4)
    assert any("FusedConv2D" in name for name in list_optimized(folded, photos))


def test_relu_of_its_own_sum():
    """A ReLU whose sum nobody else reads stays a ReLU."""
    images = keras.Input((12, 12, 4))
    total = layers.Add()([images, layers.Conv2D(4, 3, padding="same")(images)])
    network = keras.Model(images, layers.Activation("relu", name="last")(total))

    folded = fold_network(network)

    assert folded.get_layer("last").activation is keras.activations.relu
