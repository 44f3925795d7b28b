"""Pixels become a network trained from its first weights on.

Owns the training loop and which epoch is kept; the networks lie in scratch.py. The
test part is not read here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.epochs import read_history
from training.features import freeze
from training.fold import fold_batch_norm
from training.head import balance_classes, classification_loss, one_hot
from training.history import History, Stage
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

_PREDICTION_BATCH = 100


def fit_scratch(
    config: TrainingConfig, decoded: DecodedSplit, title: str | None = None
) -> TrainedModel:
    """Train the network that config.backbone names, on pixels of its own size.

    Its own number of epochs holds where config.head.max_epochs is not less. The best
    epoch on validation accuracy is kept, or the last where the network says so. title
    is what the progress bar says.
    """
    start = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    name, classes = config.backbone, len(decoded.split.labels)
    network = build_network(name)
    head = build_top(name, network, classes)
    title = title or f"training {name}"
    history = _fit(_in_training(name, network, head), config, decoded, title)
    folded_network = fold_batch_norm(network)
    classifier = Classifier(
        name=name,
        size=SCRATCH_NETWORKS[name].size,
        network=network,
        folded_network=folded_network,
        head=head,
    )
    seconds = time.monotonic() - start
    return TrainedModel(
        classifier=classifier,
        stages=(Stage(title="from scratch", history=history, seconds=seconds),),
        predict_logits=_logits_predictor(classifier),
        photos_per_second=(
            len(history.train_loss) * len(decoded.train.targets) / seconds
        ),
    )


class _StepBar(keras.callbacks.Callback):
    """One bar over all epochs that moves inside an epoch too."""

    def __init__(self, epochs: int, steps: int, title: str) -> None:
        super().__init__()
        self._bar = ProgressBar(total=epochs * steps, desc=title, unit="step")
        self._steps = steps
        self._epoch = 0

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
    model: keras.Model, config: TrainingConfig, decoded: DecodedSplit, title: str
) -> History:
    """Train in place."""
    recipe = SCRATCH_NETWORKS[config.backbone]
    train, classes = decoded.train, len(decoded.split.labels)
    epochs = min(recipe.epochs, config.head.max_epochs)
    steps = -(-len(train.targets) // recipe.batch_size)
    model.compile(
        optimizer=recipe.optimizer(epochs * steps),
        loss=classification_loss(config.head.label_smoothing),
        weighted_metrics=["accuracy"],
        steps_per_execution=min(steps, recipe.steps_at_once),
        jit_compile=False,  # XLA's convolutions took longer
    )
    logs = model.fit(
        train.batch,
        one_hot(train.targets, classes),
        sample_weight=(
            balance_classes(train.targets, classes, train.weights)
            if config.head.balances_classes
            else train.weights
        ),
        validation_data=_for_validation(decoded.validation, classes),
        epochs=epochs,
        batch_size=recipe.batch_size,
        callbacks=[
            *_best_keeper(recipe, epochs),
            _StepBar(epochs, steps, title),
            *stage_logs(config.tensorboard_dir, "from scratch"),
        ],
        verbose=0,
    ).history
    return replace(read_history(logs), best_epoch=_kept_epoch(recipe, logs))


def _for_validation(pixels: Pixels, classes: int) -> tuple[np.ndarray, ...]:
    """What Keras validates on: pictures, one-hot targets, and weights if any."""
    parts = pixels.batch, one_hot(pixels.targets, classes)
    return parts if pixels.weights is None else (*parts, pixels.weights)


def _best_keeper(
    recipe: ScratchNetwork, epochs: int
) -> list[keras.callbacks.EarlyStopping]:
    """Puts the best weights back at the end; never stops, as its patience shows."""
    if not recipe.keeps_best:
        return []
    keeper = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=epochs, restore_best_weights=True
    )
    return [keeper]


def _kept_epoch(recipe: ScratchNetwork, logs: dict[str, list[float]]) -> int:
    accuracies = logs["val_accuracy"]
    return int(np.argmax(accuracies)) if recipe.keeps_best else len(accuracies) - 1


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
