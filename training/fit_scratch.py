"""Pixels become a network trained from its first weights on.

Owns the training loop and which epoch is kept; the networks lie in scratch.py. The
test part is not read here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.epoch_batches import EpochBatches
from training.epochs import BestEpoch
from training.features import freeze
from training.fold import fold_network
from training.head import balance_classes, classification_loss, one_hot
from training.history import Stage
from training.model import Classifier
from training.pictures import DecodedSplit, Pixels
from training.progress import ProgressBar
from training.scratch import (
    SCRATCH_NETWORKS,
    ScratchNetwork,
    build_augmentation,
    build_network,
    build_top,
)
from training.tensorboard import stage_logs
from training.trained_model import TrainedModel
from training.unfinished import open_stage_folder

_PREDICTION_BATCH = 100


def fit_scratch(
    config: TrainingConfig,
    decoded: DecodedSplit,
    folder: Path | None = None,
    title: str | None = None,
) -> TrainedModel:
    """Train the network that config.backbone names, on pixels of its own size.

    Its own number of epochs holds where config.head.max_epochs is not less. The best
    epoch on validation accuracy is kept, or the last where the network says so.

    Args:
        config: All knobs.
        decoded: Its train and validation part.
        folder: Where an interrupted training is found again; None: nowhere.
        title: What the progress bar says.
    """
    start = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    name, recipe = config.backbone, SCRATCH_NETWORKS[config.backbone]
    network = build_network(name)
    head = build_top(name, network, len(decoded.split.labels))
    title = title or f"training {name}"
    with open_stage_folder(folder, title) as place:
        best = BestEpoch(place, choose=_epoch_chooser(recipe))
        model = _in_training(name, network, head)
        shown = _fit(model, best, config, decoded, title)
        best.restore(model)
    classifier = Classifier(
        name=name,
        size=recipe.size,
        network=network,
        folded_network=fold_network(network),
        head=head,
    )
    seconds = time.monotonic() - start
    return TrainedModel(
        classifier=classifier,
        stages=(Stage(title="from scratch", history=best.history, seconds=seconds),),
        predict_logits=_logits_predictor(classifier),
        photos_per_second=shown / seconds if shown else None,
    )


class _StepBar(keras.callbacks.Callback):
    """One bar over all epochs that moves inside an epoch too."""

    def __init__(self, epochs: int, steps: int, first: int, title: str) -> None:
        super().__init__()
        self._steps, self._epoch = steps, first
        self._bar = ProgressBar(
            total=epochs * steps, desc=title, unit="step", initial=first * steps
        )

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Advance to this step; Keras calls this once for many steps."""
        done = min(batch + 1, self._steps)  # Keras counts whole groups of steps
        self._bar.update(self._epoch * self._steps + done - self._bar.n)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Tell how validation went; Keras calls this."""
        self._epoch = epoch + 1
        accuracy = logs["val_accuracy"]
        self._bar.set_postfix_str(
            f"epoch {epoch + 1}, validation accuracy {accuracy:.4f}"
        )

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave the finished bar standing; Keras calls this."""
        self._bar.close()


def _in_training(name: str, network: keras.Model, head: keras.Model) -> keras.Model:
    """Pictures to logits, changed on the way in training."""
    augmentation = build_augmentation(name)
    images = keras.Input(network.input_shape[1:], dtype="uint8", name="images")
    changed = augmentation(images) if augmentation else images
    return keras.Model(images, head(network(changed)))


def _fit(
    model: keras.Model,
    best: BestEpoch,
    config: TrainingConfig,
    decoded: DecodedSplit,
    title: str,
) -> int:
    """Train in place, from where best left it; how many pictures were shown for it."""
    recipe = SCRATCH_NETWORKS[config.backbone]
    train, validation = decoded.train, decoded.validation
    classes, weights = len(decoded.split.labels), train.weights
    if config.head.balances_classes:
        weights = balance_classes(train.targets, classes, weights)
    epochs = min(recipe.epochs, config.head.max_epochs)
    steps = -(-len(train.targets) // recipe.batch_size)
    model.compile(
        optimizer=recipe.optimizer(epochs * steps),
        loss=classification_loss(config.head.label_smoothing),
        weighted_metrics=["accuracy"],
        steps_per_execution=min(steps, recipe.steps_at_once),
        jit_compile=False,  # XLA's convolutions took longer
    )
    first = best.resume(model)
    if first < epochs:
        batches = EpochBatches(
            _rows(train, classes, weights),
            recipe.batch_size,
            config.seed,
        )
        model.fit(
            batches.dataset,
            shuffle=False,  # EpochBatches did
            validation_data=_rows(validation, classes, validation.weights),
            validation_batch_size=recipe.batch_size,
            epochs=epochs,
            initial_epoch=first,
            callbacks=[
                batches,
                best,
                _StepBar(epochs, steps, first, title),
                *stage_logs(config.tensorboard_dir, "from scratch"),
            ],
            verbose=0,
        )
    return (epochs - first) * len(train.targets)


def _rows(
    pixels: Pixels, classes: int, weights: NDArray[np.float32] | None
) -> tuple[np.ndarray, ...]:
    """What Keras learns from or validates on: pictures, one-hot targets, weights."""
    parts = pixels.batch, one_hot(pixels.targets, classes)
    return parts if weights is None else (*parts, weights)


def _epoch_chooser(recipe: ScratchNetwork) -> Callable[[dict[str, list[float]]], int]:
    """The best by validation accuracy, or the last."""
    if recipe.keeps_best:
        return lambda logs: int(np.argmax(logs["val_accuracy"]))
    return lambda logs: len(logs["val_accuracy"]) - 1


def _logits_predictor(
    classifier: Classifier,
) -> Callable[[Pixels, str], NDArray[np.float32]]:
    def find_logits(images: tf.Tensor) -> tf.Tensor:
        return classifier.head(classifier.folded_network(images))

    frozen = freeze(find_logits, tf.TensorSpec([None, *classifier.size, 3], tf.uint8))

    def predict_logits(pixels: Pixels, title: str) -> NDArray[np.float32]:
        rows = []
        with ProgressBar(total=len(pixels.batch), desc=title, unit="photo") as progress:
            for start in range(0, len(pixels.batch), _PREDICTION_BATCH):
                chunk = pixels.batch[start : start + _PREDICTION_BATCH]
                rows.append(frozen(tf.constant(chunk))[0].numpy())
                progress.update(len(chunk))
        return np.concatenate(rows)

    return predict_logits
