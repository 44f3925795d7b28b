"""Features become a trained head; the history of how it went.

Owns the head's training loop; knows no picture and no backbone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from training.config import HeadConfig
from training.epochs import read_history
from training.history import Stage
from training.model import build_head

# Steps are short: going back to Python after each took a third of the time.
STEPS_PER_EXECUTION = 8


@dataclass(frozen=True, kw_only=True)
class Samples:
    """float32 features (n, channels), and int64 targets (n,) below classes.

    weights are float32 (n,); None where all count alike.
    """

    features: NDArray[np.float32]
    targets: NDArray[np.int64]
    classes: int
    weights: NDArray[np.float32] | None = None

    @property
    def for_validation(self) -> tuple[NDArray[np.float32], ...]:
        """What Keras validates on: features, one-hot targets, and weights if any."""
        parts = self.features, one_hot(self.targets, self.classes)
        return parts if self.weights is None else (*parts, self.weights)


def fit_head(
    train: Samples,
    validation: Samples,
    config: HeadConfig,
    seed: int,
    watchers: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, Stage]:
    """Train a linear head until validation loss stops falling; its best is kept.

    Args:
        train: What is learned from.
        validation: What decides when to stop.
        config: All knobs.
        seed: Of the first weights, dropout and the order of photos.
        watchers: Told of each epoch, such as a progress bar.

    Returns:
        The head, from features (n, channels) to logits (n, classes), and its stage.
    """
    start = time.monotonic()
    keras.utils.set_random_seed(seed)
    classes = train.classes
    head = build_head(
        train.features.shape[1], classes, config.dropout, config.weight_decay
    )
    head.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=classification_loss(config.label_smoothing),
        weighted_metrics=["accuracy"],
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=config.patience_epochs, restore_best_weights=True
    )
    logs = head.fit(
        train.features,
        one_hot(train.targets, classes),
        validation_data=validation.for_validation,
        sample_weight=(
            balance_classes(train.targets, classes, train.weights)
            if config.balances_classes
            else train.weights
        ),
        epochs=config.max_epochs,
        batch_size=config.batch_size,
        callbacks=[stop, *watchers],
        verbose=0,
    ).history
    seconds = time.monotonic() - start
    return head, Stage(title="head", history=read_history(logs), seconds=seconds)


def classification_loss(label_smoothing: float) -> keras.losses.Loss:
    """Cross-entropy of logits against one-hot targets; smoothing is a share, 0-1."""
    return keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=label_smoothing
    )


def one_hot(targets: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """float32, shape (n, classes)."""
    return np.eye(classes, dtype=np.float32)[targets]


def balance_classes(
    targets: NDArray[np.int64], classes: int, weights: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Weights (n,) by which all classes weigh the same, and together as before.

    Within a class its photos keep the ratios of the weights that are given.

    Source: King and Zeng 2001, "Logistic regression in rare events data".
    """
    own = np.ones(len(targets), np.float32) if weights is None else weights
    totals = np.bincount(targets, own, classes)
    factors = own.sum() / (classes * np.where(totals > 0, totals, 1))
    return (own * factors[targets]).astype(np.float32)
