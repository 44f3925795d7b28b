"""Transfer learning as Keras' own guide has it, until a test accuracy is reached.

image_dataset_from_directory, augmentation layers mapped over the batches, a frozen
pretrained network run with training=False, average pooling, dropout, one Dense, Adam
with its default rate, fit, export. The network and its weights file are those that
python -m training takes.

Source: keras.io/guides/transfer_learning and
keras.io/examples/vision/image_classification_from_scratch (how batches are augmented).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import keras
import tensorflow as tf

from training.backbones import build_backbone

SIZE = (224, 224)
BATCH_SIZE = 32
DROPOUT = 0.2
MOST_EPOCHS = 1000


class UntilAccurate(keras.callbacks.Callback):
    """Judges each epoch on the test photos and ends the training when it is enough.

    No user would look at the test photos here: the seconds that takes are told apart.
    """

    def __init__(self, test, accuracy, ends_at):
        super().__init__()
        self.judging_seconds = self.judging_cpu_seconds = 0.0
        self._test, self._accuracy, self._ends_at = test, accuracy, ends_at

    def on_epoch_end(self, epoch, logs=None):
        """One JSON line an epoch."""
        began_at, cpu_before = time.monotonic(), time.process_time()
        _, accuracy = self.model.evaluate(self._test, verbose=0)
        self.judging_seconds += time.monotonic() - began_at
        self.judging_cpu_seconds += time.process_time() - cpu_before
        is_reached = accuracy >= self._accuracy - 1e-6
        is_late = time.monotonic() > self._ends_at
        self.model.stop_training = is_reached or is_late
        line = {
            "epoch": epoch + 1,
            "test_accuracy": accuracy,
            "validation_accuracy": logs["val_accuracy"],
            "judging_seconds": self.judging_seconds,
            "judging_cpu_seconds": self.judging_cpu_seconds,
            "is_reached": bool(is_reached),
        }
        print(json.dumps(line), flush=True)


def read_photos(folder, seed=None):
    """Batches of float32 photos (n, 224, 224, 3), 0-255, with their labels."""
    return keras.utils.image_dataset_from_directory(
        folder,
        image_size=SIZE,
        batch_size=BATCH_SIZE,
        shuffle=seed is not None,
        seed=seed,
        verbose=False,
    )


def build_model(backbone):
    """The guide's model: two classes, one logit."""
    network = build_backbone(backbone).network
    network.trainable = False
    images = keras.Input((*SIZE, 3))
    features = network(images, training=False)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    logits = keras.layers.Dense(1)(keras.layers.Dropout(DROPOUT)(pooled))
    model = keras.Model(images, logits)
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
    )
    return model


def main():
    """From photos to an exported model; a JSON line for each epoch."""
    began_at = time.monotonic()
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--accuracy", type=float, required=True)
    parser.add_argument("--limit-minutes", type=float, required=True)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    augment = keras.Sequential(
        [keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.1)]
    )
    train, validation, test = (
        read_photos(options.data / part, seed=0 if part == "train" else None)
        for part in ("train", "validation", "test")
    )
    train = train.map(
        lambda images, labels: (augment(images, training=True), labels),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    prefetched = [each.prefetch(tf.data.AUTOTUNE) for each in (train, validation, test)]
    model = build_model(options.backbone)
    ends_at = began_at + 60 * options.limit_minutes
    judge = UntilAccurate(prefetched[2], options.accuracy, ends_at)
    model.fit(
        prefetched[0],
        validation_data=prefetched[1],
        epochs=MOST_EPOCHS,
        callbacks=[judge],
        verbose=0,
    )
    model.export(options.output, verbose=False)


if __name__ == "__main__":
    main()
