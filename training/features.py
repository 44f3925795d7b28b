"""A frozen network in its fastest exact form: uint8 pictures in, float32 rows out.

Owns freezing and pooling; trains nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from training.fold import fold_network


def freeze(
    function: Callable[..., object], signature: tf.TensorSpec
) -> tf.types.experimental.ConcreteFunction:
    """The function as one graph without variables."""
    concrete = tf.function(function, input_signature=[signature])
    return convert_variables_to_constants_v2(concrete.get_concrete_function())


def freeze_rows(
    network: keras.Model, is_pooled: bool
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The network, batch norms folded, as a function from pictures to rows.

    Args:
        network: From uint8 pictures (n, height, width, 3) to maps (n, h, w, channels).
        is_pooled: Whether a row is the map's average over the picture, (channels,).
    """
    folded = fold_network(network)

    def compute(images: tf.Tensor) -> tf.Tensor:
        maps = folded(images)
        return tf.reduce_mean(maps, axis=[1, 2]) if is_pooled else maps

    size = network.input_shape[1:]
    frozen = freeze(compute, tf.TensorSpec([None, *size], tf.uint8))
    return lambda batch: frozen(tf.constant(batch))[0].numpy()
