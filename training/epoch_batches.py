"""Batches of pictures, in an order that an interrupted training finds again.

Keras' own shuffling of arrays draws, once a seed is set, the same order for every
epoch, and from a state that nobody can write down.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


class EpochBatches(keras.callbacks.Callback):
    """A dataset for fit; as its callback too, each epoch has an order of its own.

    The order is drawn from the seed and the epoch's number alone.
    """

    def __init__(
        self, arrays: tuple[np.ndarray, ...], batch_size: int, seed: int
    ) -> None:
        """Arrays have one row a picture; dataset gives a tuple of their rows."""
        super().__init__()
        count = len(arrays[0])
        self._seed = seed
        self._order = order = tf.Variable(tf.range(count))
        tensors = [tf.constant(array) for array in arrays]

        def take(start: tf.Tensor) -> tuple[tf.Tensor, ...]:
            rows = order[start : start + batch_size]
            return tuple(tf.gather(tensor, rows) for tensor in tensors)

        starts = tf.data.Dataset.range(0, count, batch_size, output_type=tf.int32)
        self.dataset = starts.map(take, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Draw the order; Keras calls this before it asks for the epoch's batches."""
        chance = np.random.default_rng([self._seed, epoch])
        order = chance.permutation(self._order.shape[0])
        self._order.assign(order.astype(np.int32))
