"""Pixels become a trained classifier, and what else was trained to judge the way.

Owns the order: cross-validation first, since the learner's last training is the one
that stays. The test part is read by cross-validation alone, which chooses nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from training.backbones import Backbone
from training.config import TrainingConfig
from training.cross_validation import cross_validate
from training.pictures import DecodedSplit, join_pixels
from training.shuffled import run_shuffled
from training.trained_model import TrainedModel
from training.transfer import TransferLearner


def fit_model(
    backbone: Backbone,
    decoded: DecodedSplit,
    config: TrainingConfig,
    folder: Path | None = None,
) -> TrainedModel:
    """Train on one backbone as configured.

    Args:
        backbone: Its weights are where the training leaves them.
        decoded: Train is learned from; validation decides when to stop and what stays.
        config: All knobs.
        folder: Where an interrupted fine-tuning is found again; None: nowhere.
    """
    learner = TransferLearner(backbone, config)
    train, validation = decoded.train, decoded.validation
    classes = len(decoded.split.labels)
    crossed = None
    if config.folds:
        everything = join_pixels((train, validation, decoded.test))
        crossed = cross_validate(learner, everything, classes, config)
    learner.log_into(config.tensorboard_dir)
    trained = learner.fit(train, validation, classes, folder)
    shuffled = run_shuffled(
        learner.train_features(train, classes),
        learner.features(validation, classes, "validation"),
        config.head,
        config.seed,
    )
    return replace(trained, shuffled=shuffled, cross_validation=crossed)
