"""Pixels become a trained classifier: features, then a head, then fine-tuning.

Owns the order of these; each is a room of its own. The test part is not read here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.backbones import Backbone
from training.config import TrainingConfig
from training.feature_store import Changes, FeatureStore, name_features
from training.features import freeze_rows
from training.fold import fold_batch_norm
from training.head import Samples, fit_head
from training.history import Stage
from training.model import Classifier
from training.pictures import DecodedSplit, Pixels


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """What fitting leaves: the classifier, the way there, and how to ask it quickly.

    predict_logits goes from pixels and a progress bar's title to float32 logits
    (n, classes), not divided by the temperature.
    """

    classifier: Classifier
    stages: tuple[Stage, ...]
    predict_logits: Callable[[Pixels, str], NDArray[np.float32]]


def fit_model(
    backbone: Backbone, decoded: DecodedSplit, config: TrainingConfig
) -> TrainedModel:
    """Train a head on features of train; validation decides the epoch."""
    compute = freeze_rows(backbone.network, is_pooled=True)
    folder = config.cache_dir and (
        config.cache_dir / "features" / name_features(backbone.network, compute)
    )
    store = FeatureStore(compute, folder, Changes(config.augmentation, config.seed))
    passes = [
        store.rows(decoded.train, f"features of train, pass {number + 1}", number)
        for number in range(config.passes)
    ]
    train = Samples(
        features=np.concatenate(passes),
        targets=np.tile(decoded.train.targets, config.passes),
    )
    validation = Samples(
        features=store.rows(decoded.validation, "features of validation"),
        targets=decoded.validation.targets,
    )
    classes = len(decoded.split.labels)
    head, stage = fit_head(train, validation, classes, config.head, config.seed)

    def predict_logits(pixels: Pixels, title: str) -> NDArray[np.float32]:
        return head(store.rows(pixels, title), training=False).numpy()

    return TrainedModel(
        classifier=Classifier.on_backbone(
            backbone, fold_batch_norm(backbone.network), head
        ),
        stages=(stage,),
        predict_logits=predict_logits,
    )
