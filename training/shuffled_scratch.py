"""A network from scratch on labels that mean nothing: it must not beat chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from training.config import TrainingConfig
from training.evaluate import ShuffledRun
from training.fit_scratch import fit_scratch
from training.pictures import DecodedSplit
from training.shuffled import (
    judge_shuffled,
    shuffle_labels,
    shuffle_until_chance,
    shuffled_title,
)

# A leak shows in few epochs, and each costs as much as one of the real training.
MAX_EPOCHS = 3


def run_shuffled_scratch(
    config: TrainingConfig, decoded: DecodedSplit, folder: Path | None = None
) -> ShuffledRun:
    """Train for MAX_EPOCHS on shuffled labels and judge on validation's true ones.

    As shuffled.py does with a head; the test part stays untouched. An interrupted run
    is found again in folder.
    """
    epochs = min(MAX_EPOCHS, config.head.max_epochs)
    brief = replace(
        config, head=replace(config.head, max_epochs=epochs), tensorboard_dir=None
    )

    def run(shuffle: int) -> ShuffledRun:
        chance = np.random.default_rng(config.seed + shuffle)
        shuffled = replace(
            decoded,
            train=shuffle_labels(decoded.train, chance),
            validation=shuffle_labels(decoded.validation, chance),
        )
        trained = fit_scratch(brief, shuffled, folder, shuffled_title(shuffle))
        title = "scores of shuffled labels"
        logits = trained.predict_logits(decoded.validation, title)
        return judge_shuffled(logits, decoded.validation.targets)

    return shuffle_until_chance(run)
