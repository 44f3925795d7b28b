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


def pool_head(network: keras.Model, head: keras.Model) -> keras.Model:
    """From the network's feature map to logits: its average over the picture first."""
    feature_map = keras.Input(network.output.shape[1:], name="feature_map")
    features = layers.GlobalAveragePooling2D()(feature_map)
    return keras.Model(feature_map, head(features), name="pooled_head")


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A trained classifier, in all the forms that an export needs.

    size is (height, width) in pixels; network goes from uint8 pictures to a feature
    map (n, rows, columns, channels) as it was trained, folded_network gives the same
    numbers faster; head goes from feature map to logits (n, classes), which are
    divided by temperature.
    """

    name: str
    size: tuple[int, int]
    network: keras.Model
    folded_network: keras.Model
    head: keras.Model
    temperature: float = 1.0

    @classmethod
    def on_backbone(
        cls, backbone: Backbone, folded_network: keras.Model, head: keras.Model
    ) -> Classifier:
        """A backbone with a head that takes its averaged features (n, channels)."""
        return cls(
            name=backbone.name,
            size=backbone.size,
            network=backbone.network,
            folded_network=folded_network,
            head=pool_head(backbone.network, head),
        )

    def keras_model(self) -> keras.Model:
        """uint8 pictures (n, height, width, 3) to scores (n, classes), nothing folded.

        The reference that every other form of the classifier is compared with.
        """
        logits = layers.Rescaling(1 / self.temperature, name="temperature")(
            self.head(self.network.output)
        )
        scores = layers.Softmax(name="scores")(logits)
        return keras.Model(self.network.input, scores)

    def explain(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores and the Grad-CAM heatmap of the best class, from the folded network.

        Where a head does not average, its gradient stays at its place in the feature
        map; for a head that averages, this is Grad-CAM itself.

        Args:
            images: uint8, shape (n, height, width, 3), RGB 0-255.

        Returns:
            "scores" float32 (n, classes), rows sum to 1; "heatmap" float32
            (n, rows, columns) of the feature map, 0-1, 1 where the class is seen most.

        Source: Selvaraju et al. 2017, "Grad-CAM"; Draelos and Carin 2020, "HiResCAM".
        """
        feature_map = self.folded_network(images)
        with tf.GradientTape() as tape:
            tape.watch(feature_map)
            logits = self.head(feature_map) / self.temperature
            best = tf.reduce_max(logits, axis=1)
        gradient = tape.gradient(best, feature_map)
        evidence = tf.nn.relu(tf.reduce_sum(gradient * feature_map, axis=-1))
        peak = tf.reduce_max(evidence, axis=[1, 2], keepdims=True)
        return {
            "scores": tf.nn.softmax(logits),
            "heatmap": tf.math.divide_no_nan(evidence, peak),
        }
