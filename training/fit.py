"""Cached features become a trained head; the history of how it went.

Owns the training loop; the backbone stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.backbones import Backbone
from training.config import TrainingConfig
from training.features import FeatureExtractor
from training.fold import fold_batch_norm
from training.model import Classifier, build_head
from training.pictures import DecodedSplit, Pixels

# Steps are short: going back to Python after each took a third of the time.
STEPS_PER_EXECUTION = 8


@dataclass(frozen=True, kw_only=True)
class History:
    """One value an epoch; best_epoch counts from 0 and is the one that was kept."""

    train_loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    validation_loss: tuple[float, ...]
    validation_accuracy: tuple[float, ...]
    best_epoch: int


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """What fitting leaves: the classifier, the way there, and its feature extractor."""

    classifier: Classifier
    history: History
    extractor: FeatureExtractor

    def score(self, pixels: Pixels, title: str) -> NDArray[np.float32]:
        """float32 scores, shape (n, classes), of pictures not used for fitting."""
        features = self.extractor.extract(pixels.batch, title)
        logits = self.classifier.head(features, training=False).numpy()
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)


class _EpochBar(keras.callbacks.Callback):
    """One bar over all epochs, with the figure that decides when to stop."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._bar = tqdm(total=epochs, desc="training the head", unit="epoch")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Advance by one; Keras calls this."""
        self._bar.set_postfix_str(f"validation loss {logs['val_loss']:.4f}")
        self._bar.update()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """The rest of the bar falls away: training stopped by itself."""
        self._bar.total = self._bar.n
        self._bar.close()


def fit_model(
    backbone: Backbone, decoded: DecodedSplit, config: TrainingConfig
) -> TrainedModel:
    """Train a head on the backbone's features of train; validation decides the epoch.

    Each train picture counts twice, as it is and mirrored. The test part is not read.
    """
    keras.utils.set_random_seed(config.seed)
    folded_network = fold_batch_norm(backbone.network)
    extractor = FeatureExtractor(folded_network)
    train, validation = decoded.train, decoded.validation
    features = np.concatenate(
        [
            extractor.extract(train.batch, "features of train"),
            extractor.extract(train.batch[:, :, ::-1], "features of train, mirrored"),
        ]
    )
    validation_features = extractor.extract(validation.batch, "features of validation")
    head = build_head(
        features.shape[1],
        len(decoded.split.labels),
        config.dropout,
        config.weight_decay,
    )
    history = _fit_head(
        head,
        (features, np.tile(train.targets, 2)),
        (validation_features, validation.targets),
        config,
    )
    classifier = Classifier(backbone=backbone, folded_network=folded_network, head=head)
    return TrainedModel(classifier=classifier, history=history, extractor=extractor)


_Samples = tuple[NDArray[np.float32], NDArray[np.int64]]


def _fit_head(
    head: keras.Model, train: _Samples, validation: _Samples, config: TrainingConfig
) -> History:
    """Train the head in place until validation loss stops falling; keep its best."""
    head.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    stop = keras.callbacks.EarlyStopping(
        "val_loss", patience=config.patience_epochs, restore_best_weights=True
    )
    logs = head.fit(
        *train,
        validation_data=validation,
        epochs=config.max_epochs,
        batch_size=config.head_batch_size,
        callbacks=[stop, _EpochBar(config.max_epochs)],
        verbose=0,
    ).history
    return History(
        train_loss=tuple(logs["loss"]),
        train_accuracy=tuple(logs["accuracy"]),
        validation_loss=tuple(logs["val_loss"]),
        validation_accuracy=tuple(logs["val_accuracy"]),
        best_epoch=int(np.argmin(logs["val_loss"])),
    )
