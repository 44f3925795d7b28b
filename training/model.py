"""A backbone and a head become one classifier; preprocessing is inside."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf
from keras import layers, regularizers

from training.backbones import Backbone


def build_head(
    channels: int, classes: int, dropout: float, weight_decay: float
) -> keras.Model:
    """From features (n, channels) to logits (n, classes), both float32, untrained."""
    features = keras.Input((channels,), name="features")
    kept = layers.Dropout(dropout)(features)
    logits = layers.Dense(
        classes, kernel_regularizer=regularizers.L2(weight_decay), name="logits"
    )(kept)
    return keras.Model(features, logits, name="head")


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A trained classifier: the network as trained, its folded copy, its head."""

    backbone: Backbone
    folded_network: keras.Model
    head: keras.Model

    def keras_model(self) -> keras.Model:
        """uint8 pictures (n, height, width, 3) to scores (n, classes), nothing folded.

        The reference that every other form of the classifier is compared with.
        """
        feature_map = self.backbone.network.output
        features = layers.GlobalAveragePooling2D()(feature_map)
        scores = layers.Softmax(name="scores")(self.head(features))
        return keras.Model(self.backbone.network.input, scores)

    def explain(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores and the Grad-CAM heatmap of the best class, from the folded network.

        Args:
            images: uint8, shape (n, height, width, 3), RGB 0-255.

        Returns:
            "scores" float32 (n, classes), rows sum to 1; "heatmap" float32
            (n, rows, columns) of the feature map, 0-1, 1 where the class is seen most.

        Source: Selvaraju et al. 2017, "Grad-CAM".
        """
        feature_map = self.folded_network(images)
        with tf.GradientTape() as tape:
            tape.watch(feature_map)
            logits = self.head(tf.reduce_mean(feature_map, axis=[1, 2]))
            best = tf.reduce_max(logits, axis=1)
        channel_weights = tf.reduce_mean(
            tape.gradient(best, feature_map), axis=[1, 2], keepdims=True
        )
        evidence = tf.nn.relu(tf.reduce_sum(channel_weights * feature_map, axis=-1))
        peak = tf.reduce_max(evidence, axis=[1, 2], keepdims=True)
        return {
            "scores": tf.nn.softmax(logits),
            "heatmap": tf.math.divide_no_nan(evidence, peak),
        }
